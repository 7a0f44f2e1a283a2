"""The people of the demo. All they use is git and GitHub's API."""

from __future__ import annotations

from pathlib import Path

from github import Auth, Github
from github.PullRequest import PullRequest
from github.Repository import Repository

from countersign_ml.git import NO_USER_SETTINGS, git

REQUEST_SECONDS = 300
"""The forge answers one request at a time, and on a busy machine that takes a while."""


class Person:
    """Someone with an account, a token and a clone."""

    def __init__(self, login: str, name: str, token: str, api: str, repository: str) -> None:
        self.login = login
        self.name = name
        self.token = token
        client = Github(
            auth=Auth.Token(token),
            base_url=api,
            timeout=REQUEST_SECONDS,
            retry=None,
            seconds_between_requests=0,
            seconds_between_writes=0,
        )
        self.repository: Repository = client.get_repo(repository)
        self.clone: Path | None = None

    def git(self, *words: str) -> str:
        """Run git in the person's clone, with their name as author and committer."""
        return self._git(self.folder, *words)

    @property
    def folder(self) -> Path:
        """The person's clone; RuntimeError before `clone_to`."""
        if self.clone is None:
            raise RuntimeError(f"{self.login} has no clone yet")
        return self.clone

    def _git(self, folder: Path, *words: str) -> str:
        person = {
            "GIT_AUTHOR_NAME": self.name,
            "GIT_AUTHOR_EMAIL": f"{self.login}@example.org",
            "GIT_COMMITTER_NAME": self.name,
            "GIT_COMMITTER_EMAIL": f"{self.login}@example.org",
        }
        done = git(folder, *words, extra={**NO_USER_SETTINGS, **person})
        if not done.ok:
            raise RuntimeError(f"git {words[0]} failed: {done.said}")
        return done.text.strip()

    def clone_to(self, folder: Path) -> Path:
        """Clone the repository with this person's token; return the folder."""
        url = self.repository.clone_url.replace("://", f"://{self.login}:{self.token}@", 1)
        self._git(folder.parent, "clone", "--quiet", url, str(folder))
        self.clone = folder
        return folder

    def branch(self, name: str) -> Path:
        """Start a branch from the current default branch; return the clone's folder."""
        self.git("fetch", "--quiet", "origin")
        self.git("checkout", "--quiet", "-B", name, f"origin/{self.repository.default_branch}")
        return self.folder

    def propose(self, branch: str, title: str, body: str) -> PullRequest:
        """Commit and push all changes, and open a pull request."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", title)
        self.git("push", "--quiet", "--force", "origin", f"HEAD:{branch}")
        return self.repository.create_pull(
            base=self.repository.default_branch, head=branch, title=title, body=body
        )

    def approve(self, number: int, text: str = "") -> None:
        """Sign off the pull request's current head."""
        pull = self.repository.get_pull(number)
        head = self.repository.get_commit(pull.head.sha)
        pull.create_review(commit=head, body=text or "Signed off.", event="APPROVE")
