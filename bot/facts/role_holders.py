"""Who may do what in a pull request: by role, by write access, by having a part in it."""

from __future__ import annotations

from collections.abc import Iterable

from bot.facts.snapshot import Snapshot


def holders(snapshot: Snapshot, roles: Iterable[str]) -> frozenset[str]:
    """Return the logins (lower case) that have one of the roles and write access."""
    held = (snapshot.roles.get(role, frozenset()) for role in roles)
    return frozenset(login.lower() for logins in held for login in logins) & writers(snapshot)


def writers(snapshot: Snapshot) -> frozenset[str]:
    """Return the logins (lower case) that have write access."""
    return frozenset(login.lower() for login in snapshot.writers)


def involved(snapshot: Snapshot) -> frozenset[str]:
    """Return everyone (lower case) who has a part in the proposal, by a trailer too."""
    made = (
        login.lower()
        for commit in snapshot.commits
        for login in (*commit.logins, *commit.co_authors)
    )
    return frozenset(made) | {snapshot.pull.author.lower()}
