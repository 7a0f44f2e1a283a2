"""What GitHub says about a governed repository, by the token of whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from github import Auth, Github, GithubException

from countersign_ml.setup.findings import Check, failures
from countersign_ml.setup.local_checks import read_owners, read_policy
from policy.errors import UserError

SECONDS = 20
WRITES = ("write", "maintain", "admin")


class Questions:
    """Reads of one repository; nothing is written."""

    def __init__(self, api: str, token: str, repository: str) -> None:
        auth = Auth.Token(token)
        self._github = Github(
            base_url=api, auth=auth, timeout=SECONDS, retry=None, seconds_between_requests=0
        )
        self._base = "/repos/" + quote(repository)

    def ask(self, path: str = "") -> Any:
        """Return the answer; GithubException for any other than 2xx."""
        return self._github.requester.requestJsonAndCheck("GET", self._base + path)[1]


def github_checks(repo: Path, api: str, token: str, repository: str) -> Iterator[Check]:
    """Yield whether the repository can be read, how it merges, and who of the named may write."""
    questions = Questions(api, token, repository)
    try:
        described = questions.ask()
    except (GithubException, OSError) as error:
        fix = "check --repository and GITHUB_TOKEN"
        yield Check("repository", "failed", f"{repository}: {_said(error)}", fix)
        return
    yield Check(
        "repository", "passed", f"{repository}, default branch {described['default_branch']}"
    )
    if described.get("allow_merge_commit") or described.get("allow_squash_merge"):
        yield Check("merge methods", "passed", "a merge commit or a squash is allowed")
    else:
        fix = "allow merge commits or squash merging in the repository's settings"
        yield Check("merge methods", "failed", "the bot can merge in no allowed way", fix)
    yield from _people(repo, questions)


def _people(repo: Path, questions: Questions) -> Iterator[Check]:
    try:
        users = {user for role in read_policy(repo).roles.values() for user in role.users}
        _, owners = read_owners(repo)
    except UserError as error:
        yield from failures("people", error)
        return
    users |= {name[1:] for name in owners.owners() if name.startswith("@") and "/" not in name}
    for user in sorted(users, key=str.lower):
        try:
            found = questions.ask(f"/collaborators/{quote(user)}/permission")
        except (GithubException, OSError) as error:
            fix = "check the login; the token needs push access to see this"
            yield Check("people", "failed", f"@{user}: {_said(error)}", fix)
            continue
        level = str(found.get("role_name") or found.get("permission"))
        if found.get("permission") in WRITES:
            yield Check("people", "passed", f"@{user} has {level} access")
        else:
            fix = "give write access; without it GitHub ignores owners, and approvals do not count"
            yield Check("people", "failed", f"@{user} has {level} access", fix)


def _said(error: Exception) -> str:
    if isinstance(error, GithubException):
        return f"GitHub answered {error.status}"
    return f"GitHub cannot be reached: {type(error).__name__}"
