"""Whose the addresses in `Co-authored-by` trailers are: GitHub resolves them, by GraphQL.

REST resolves author and committer of a commit, and not its trailers. Only commits with trailers are
asked about, 50 a call. A user who is found stays; an address that belongs to nobody is asked again
after an hour, because its owner can add it to an account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from bot.facts.snapshot import Commit
from bot.github.api import Api, path
from policy.people.co_authors import GITHUB, noreply

AT_ONCE = 50
AUTHORS = "... on Commit { authors(first: 100) { nodes { email user { login } } } }"
Users = Mapping[str, str]
"""E-mail (lower case) to login; empty if it belongs to nobody."""


class AuthorReader:
    """Resolves the trailers of one repository's commits."""

    def __init__(self, api: Api, repository: str, bot: str, web: str) -> None:
        self._api = api
        self._owner, _, self._name = repository.partition("/")
        self._kept = path("repos", *repository.split("/"))
        self._bot = bot
        self._hosts = {GITHUB, urlsplit(web).hostname or GITHUB}

    def resolved(self, commits: Sequence[Commit], now: str) -> tuple[Commit, ...]:
        """Return the commits with the logins that their trailers name, as of `now` (RFC 3339)."""
        asked = [commit.sha for commit in commits if commit.credited]
        users = self._users(asked, hour=now[:13])
        return tuple(self._with(commit, users.get(commit.sha, {})) for commit in commits)

    def _with(self, commit: Commit, users: Users) -> Commit:
        logins: dict[str, None] = {}
        unknown: dict[str, None] = {}
        for email in commit.credited:
            login = users.get(email.lower(), "")
            if login:
                logins[login] = None
            elif not self._is_app(email):
                unknown[email] = None
        more = [login for login in logins if login != self._bot]
        return replace(commit, co_authors=tuple(more), credited=tuple(unknown))

    def _is_app(self, email: str) -> bool:
        """Return whether it is the noreply address of an App's bot: no person has such a login."""
        named = noreply(email, self._hosts)
        return named is not None and named.login.endswith("[bot]")

    def _users(self, commits: Sequence[str], hour: str) -> dict[str, Users]:
        found: dict[str, Users] = {}
        for commit in commits:
            for key in (self._key(commit), self._key(commit, hour)):
                kept = self._api.recall(key)
                found |= {commit: kept} if kept is not None else {}
        missing = [commit for commit in commits if commit not in found]
        for start in range(0, len(missing), AT_ONCE):
            for commit, users in self._ask(missing[start : start + AT_ONCE]):
                key = self._key(commit) if all(users.values()) else self._key(commit, hour)
                self._api.remember(key, users)
                found[commit] = users
        return found

    def _ask(self, commits: Sequence[str]) -> Iterable[tuple[str, dict[str, str]]]:
        names = ", ".join(f"$c{n}: GitObjectID!" for n in range(len(commits)))
        fields = " ".join(f"c{n}: object(oid: $c{n}) {{ {AUTHORS} }}" for n in range(len(commits)))
        query = (
            f"query($owner: String!, $name: String!, {names}) "
            f"{{ repository(owner: $owner, name: $name) {{ {fields} }} }}"
        )
        variables = {"owner": self._owner, "name": self._name}
        variables |= {f"c{n}": commit for n, commit in enumerate(commits)}
        answer: dict[str, Any] = self._api.query(query, variables).get("repository") or {}
        for n, commit in enumerate(commits):
            authors = (answer.get(f"c{n}") or {}).get("authors") or {"nodes": ()}
            yield (
                commit,
                {
                    str(node.get("email") or "").lower(): str(
                        (node.get("user") or {}).get("login", "")
                    )
                    for node in authors["nodes"]
                },
            )

    def _key(self, commit: str, hour: str = "") -> str:
        return f"authors {self._kept} {commit} {hour}"
