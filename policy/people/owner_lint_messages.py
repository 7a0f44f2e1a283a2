"""Every sentence about who could sign at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policy.people import signoff_messages

SHOWN = 5
"""Enough to know whom to ask; a team may have hundreds."""
NAME = "who can sign"
ALL_CAN = "every signature that is needed can be given"
NOTHING_ASKED = "no signature is needed"


def people(logins: Sequence[str]) -> str:
    shown = signoff_messages.people(logins[:SHOWN])
    return f"{shown} and {len(logins) - SHOWN} more" if len(logins) > SHOWN else shown


def role(count: int, could: Sequence[str]) -> str:
    noun = "signature" if count == 1 else "signatures"
    if len(could) >= count:
        return f"{count} {noun} needed; {people(could)} could sign"
    if not could:
        return (
            f"{count} {noun} needed, but nobody who holds this role has write access and is not "
            "involved in the change; name others in roles"
        )
    return f"{count} {noun} needed, but only {people(could)} could sign; name others in roles"


def too_few_people(asked: Mapping[str, int], could: Sequence[str]) -> str:
    roles = " and ".join(f"{name} ({count})" for name, count in asked.items())
    return (
        f"{roles} need {sum(asked.values())} different people, but only {people(could)} could "
        "sign; name others in roles"
    )


def owners_can(line: int, could: Sequence[str]) -> str:
    return f"{people(could)} could sign (CODEOWNERS line {line})"


def no_owner_can(line: int, paths: int, reasons: Sequence[str]) -> str:
    files = "1 file" if paths == 1 else f"{paths} files"
    return f"nobody can sign for {files} (CODEOWNERS line {line}): {'; '.join(reasons)}"


def involved(owner: str) -> str:
    return f"{owner} is involved in the change"


def is_bot(owner: str) -> str:
    return f"{owner} is a bot"


def cannot_write(owner: str) -> str:
    return f"{owner} has no write access"


def email_unknown(address: str) -> str:
    return f"{address} belongs to no account that is known"


def team_unreadable(team: str) -> str:
    return f"{team} cannot be read, or has no write access"


def team_cannot_write(team: str) -> str:
    return f"{team} has no member with write access"


def team_involved(team: str) -> str:
    return f"{team} has no member with write access who is not involved in the change"


def dropped(line: int, reason: str) -> str:
    return f"CODEOWNERS line {line}: {reason}, so this owner does not count"


def role_holder_cannot_write(role: str, login: str) -> str:
    return f"role {role}: @{login} has no write access, so a signature would not count"
