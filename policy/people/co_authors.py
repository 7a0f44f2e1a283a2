"""Whom a commit's addresses name, read from git alone: noreply addresses and co-author trailers.

The bot and the audit both read them here, so that both exclude the same people. An address proves
nothing: anybody can write any address into a commit. So a person whom only a trailer names cannot
sign, but somebody else with a role can lift that.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from policy.canonical import digest_of
from policy.documents import Document
from policy.names import GitSha

GITHUB = "github.com"
_TRAILER = re.compile(r"^co-authored-by:\s*(.*?)\s*<([^>]*)>\s*$", re.IGNORECASE | re.MULTILINE)
_NOREPLY = re.compile(r"(?:(\d+)\+)?([A-Za-z0-9_-]+(?:\[bot\])?)@users\.noreply\.([A-Za-z0-9.-]+)")


@dataclass(frozen=True)
class Noreply:
    """The account that a noreply address names; `id` is 0 in the old form without a number."""

    login: str
    id: int = 0

    def names(self, login: str, account: int) -> bool:
        """Return whether this is the account of that login and id; an id of 0 is unknown.

        GitHub goes by the number: with the number of another account, the login is made up.
        """
        if self.id and account:
            return self.id == account
        return self.login.lower() == login.lower()


Who = Annotated[str, StringConstraints(min_length=1, max_length=320)]


class Credit(Document):
    """Someone whom only `Co-authored-by` trailers name, in these commits of the pull request."""

    who: Who
    """A login, or an e-mail that belongs to no account."""
    account: bool
    """Whether GitHub resolved it to an account."""
    commits: Annotated[tuple[GitSha, ...], Field(min_length=1)]

    @property
    def digest(self) -> str:
        """Return what a lift names: another commit with this trailer makes another credit."""
        whole = digest_of([self.who.lower(), sorted(self.commits)])
        return whole.removeprefix("sha256:")[:12]

    @property
    def shown(self) -> str:
        return f"@{self.who}" if self.account else self.who


class Lift(Document):
    """Somebody's comment that a person named by trailers does not make the others dependent."""

    who: Who
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
    user: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500)]
    comment: int
    """The id of the comment."""
    stated: str

    def is_about(self, credit: Credit) -> bool:
        return self.digest == credit.digest and self.who.lower() == credit.who.lower()


def trailers(message: str) -> tuple[tuple[str, str], ...]:
    """Return name and e-mail of every `Co-authored-by` trailer, in order."""
    return tuple((name, email.strip()) for name, email in _TRAILER.findall(message))


def noreply(email: str, hosts: Collection[str] = (GITHUB,)) -> Noreply | None:
    """Return the account that a noreply address of one of these GitHub servers names."""
    match = _NOREPLY.fullmatch(email.strip())
    if match is None or match[3].lower() not in {host.lower() for host in hosts}:
        return None
    return Noreply(match[2], int(match[1] or 0))


def named_among(shown: Collection[Noreply], accounts: Mapping[str, int]) -> frozenset[str]:
    """Return the logins (lower case) of `accounts`, login to id, that the addresses name."""
    return frozenset(
        login.lower()
        for login, account in accounts.items()
        if any(one.names(login, account) for one in shown)
    )
