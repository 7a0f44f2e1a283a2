"""The scene of the attacks: the shipped bot, the forge, and a policy that grants all it can.

The people: ada proposes and has write access; grace and linus are leads; omar and olga are in
operations; omar administers the repository; ken has write access and no role; mallory has no access
at all. One lead and one person of operations must sign.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import requests

from countersign_ml.markdown import as_read
from policy.governed import pointer_path
from tests.bot import builders as a
from tests.bot.world import World, git, write
from tests.policy.builders import POLICY as PLAIN_POLICY

POLICY = PLAIN_POLICY.replace("[grace]", "[grace, linus]").replace("[omar]", "[omar, olga]") + (
    "stop: {hold: [ml-lead, operations], freeze: [operations]}\n"
    "override: {roles: [operations], gates: [measurement, quarantine]}\n"
)
"""Somebody may hold, freeze and override, so that others may try to."""
CODEOWNERS = "* @grace @linus\n/models/*/pointer.json @omar @olga\n"
TRAIN = f"models/{a.MODEL}/data/train.jsonl"
POINTER = pointer_path(a.MODEL)
ALL_EVENTS = ("issues", "merge_group")


class Scene(World):
    """A world that hears of issues and merge groups too, and more of what people do."""

    def __init__(self, root: Path, files: dict[str, str | None] | None = None) -> None:
        usual = {"policy/policy.yml": POLICY, ".github/CODEOWNERS": CODEOWNERS}
        super().__init__(root, {**usual, **(files or {})})
        for login in ("linus", "olga"):
            self.forge.add_user(login, name=login.title())
            self.forge.repository(a.REPOSITORY).collaborators[login] = "write"
        self.app.events += ALL_EVENTS

    def __enter__(self) -> Scene:
        super().__enter__()
        return self

    def released(self, version: int = 1) -> int:
        """Return the number of a proposal whose evidence passed: only signatures are missing."""
        number = self.propose(version)
        self.settle()
        assert self.conclusion(number) == "action_required", self.comments(number)
        return number

    def shipped(self, version: int = 1) -> int:
        """Return the number of a proposal that was signed by those who may, and merged."""
        number = self.released(version)
        self.sign(number)
        assert self.live() == a.pointer(version).text()
        return number

    def sign(self, number: int, *logins: str) -> None:
        """Approve the head as these people (grace and omar unless named), and let the bot work."""
        self.approve(number, *(logins or ("grace", "omar")))
        self.settle()

    def head(self, number: int) -> str:
        return str(self.pull(number)["head"]["sha"])

    def branch(self, number: int) -> str:
        return str(self.pull(number)["head"]["ref"])

    def try_api(self, login: str, verb: str, url: str, body: Any = None) -> requests.Response:
        """One request by a person that the forge may refuse."""
        account = self.forge.world.account(login)
        assert account is not None
        return requests.request(
            verb,
            f"{self.forge.api_url}/repos/{a.REPOSITORY}{url}",
            json=body,
            headers={"Authorization": f"Bearer {account.token}"},
            timeout=30,
        )

    def review(self, login: str, number: int, event: str, **more: Any) -> int:
        """Submit a review; return its id."""
        body = {"event": event, "body": "See above.", "commit_id": self.head(number), **more}
        return int(self.api(login, "POST", f"/pulls/{number}/reviews", body)["id"])

    def say(self, login: str, number: int, text: str) -> int:
        """Comment on a pull request; return the comment's id."""
        url = f"/issues/{number}/comments"
        return int(self.api(login, "POST", url, {"body": text})["id"])

    def commit(
        self,
        branch: str,
        files: dict[str, str | None],
        *,
        message: str = "Change",
        author: tuple[str, str] = ("Ada", "ada@example.com"),
        committer: tuple[str, str] = ("Ada", "ada@example.com"),
    ) -> str:
        """Add a commit to a branch under any names; return it. Ada pushes it."""
        git(self.clone, "fetch", "--quiet", "origin")
        git(self.clone, "checkout", "--quiet", "-B", branch, f"origin/{branch}")
        write(self.clone, files)
        git(self.clone, "add", "--all")
        commit_as(self.clone, author, committer, "--allow-empty", "-m", message)
        git(self.clone, "push", "--quiet", "origin", branch)
        return git(self.clone, "rev-parse", "HEAD")

    def replace_head(
        self, branch: str, author: tuple[str, str], committer: tuple[str, str]
    ) -> None:
        """Push, by force, a commit of the same tree and parent as the head of a branch."""
        git(self.clone, "fetch", "--quiet", "origin")
        git(self.clone, "checkout", "--quiet", "-B", branch, f"origin/{branch}")
        words = ("--amend", "--reset-author", "-m", "Another message")
        commit_as(self.clone, author, committer, *words)
        git(self.clone, "push", "--quiet", "--force", "origin", branch)

    def push_main(self, files: dict[str, str | None], by: str, message: str = "Directly") -> str:
        """Commit files on main and push that past all rules, as an administrator can."""
        git(self.clone, "fetch", "--quiet", "origin")
        git(self.clone, "checkout", "--quiet", "-B", "main", "origin/main")
        write(self.clone, files)
        git(self.clone, "add", "--all")
        person = (by.title(), f"{by}@example.com")
        commit_as(self.clone, person, person, "-m", message)
        url = f"{self.forge.url}/{a.REPOSITORY}.git"
        token = self._account(by).token
        git(self.clone, "push", "--quiet", url.replace("://", f"://{by}:{token}@", 1), "main")
        return git(self.clone, "rev-parse", "HEAD")

    def main(self, path: str) -> str | None:
        """The text of a file on main."""
        store = self.forge.repository(a.REPOSITORY).store
        content = store.file(store.ref("refs/heads/main") or "", path)
        return content.decode() if content is not None else None

    def everything_again(self) -> None:
        """Let the bot look at everything once more, as its sweep does."""
        self.queue.sweep()
        self.settle()


def commit_as(folder: Path, author: tuple[str, str], committer: tuple[str, str], *w: str) -> None:
    """Commit under any names and addresses, as git lets everybody do."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    for who, (name, email) in (("AUTHOR", author), ("COMMITTER", committer)):
        environment |= {f"GIT_{who}_NAME": name, f"GIT_{who}_EMAIL": email}
    words = ["git", "commit", "--quiet", *w]
    subprocess.run(words, cwd=folder, env=environment, capture_output=True, check=True)


def nothing_got_through(
    world: World, *numbers: int, live: str | None = None, because: str = ""
) -> None:
    """Assert that main still points to `live`, and that no named pull request is merged or green.

    The bot looks at everything once more first: what does not hold then does not hold. `because` is
    what the check of the last pull request has to say, so that nothing else stopped it.
    """
    world.queue.sweep()
    world.settle()
    assert world.live() == live, "the pointer on main moved"
    for number in numbers:
        assert not world.pull(number)["merged"], f"#{number} is merged"
        assert world.conclusion(number) != "success", f"the check of #{number} is green"
    allowed = {a.pointer(version).version for version in (1, 2) if live is not None}
    deployed = {version for version, _ in world.deployments()}
    assert deployed <= allowed, f"deployed: {sorted(deployed - allowed)}"
    if because:
        output = world.check(numbers[-1])["output"]
        said = f"{output['summary']}\n{output['text']}"
        assert because in said or because in as_read(said), said
