"""Roles as `--role` names them: users and teams of GitHub."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from policy.errors import Problem, UserError
from policy.files import codeowners
from policy.files.people_rules import Login, TeamName
from policy.names import RoleName

Roles = dict[str, tuple[str, ...]]
"""Role to its holders: a login, or `@org/team`."""
_FIX = "write --role ml-lead=grace,@acme/ml-leads; separate several people by commas"
_LOGIN, _TEAM, _ROLE = (TypeAdapter(kind) for kind in (Login, TeamName, RoleName))


def read_roles(words: Sequence[str]) -> Roles:
    """Return the roles of all `--role` options; UserError names every wrong one.

    A role that is named twice has the holders of both options.
    """
    found: Roles = {}
    problems: list[Problem] = []
    for word in words:
        role, equals, names = word.partition("=")
        holders = [name.strip() for name in names.split(",") if name.strip()]
        if not equals or not holders:
            problems.append(Problem(f"--role {word}", "names no people", _FIX))
            continue
        problems += _wrong(word, role, holders)
        known = found.get(role, ())
        found[role] = tuple(dict.fromkeys((*known, *map(_plain, holders))))
    if not words:
        problems.append(Problem("--role", "is missing: nobody could sign anything", _FIX))
    if problems:
        raise UserError(problems)
    return found


def _wrong(word: str, role: str, holders: Sequence[str]) -> list[Problem]:
    where = f"--role {word}"
    problems = []
    if not _fits(_ROLE, role):
        what = f"{role!r} is no name of a role: lower-case letters, digits and -"
        problems.append(Problem(where, what, _FIX))
    for holder in map(_plain, holders):
        fits = _fits(_TEAM, holder[1:]) if holder.startswith("@") else _fits(_LOGIN, holder)
        if not fits or codeowners.parse(f"* {_owner(holder)}").problems:
            problems.append(Problem(where, f"{holder!r} is no login and no @org/team", _FIX))
    return problems


def _fits(kind: TypeAdapter[str], value: str) -> bool:
    try:
        kind.validate_python(value)
    except ValidationError:
        return False
    return True


def _plain(holder: str) -> str:
    """Return a login without `@`; a team keeps it."""
    return holder if re.fullmatch(r"@[^@]*/[^@]*", holder) else holder.removeprefix("@")


def owners(roles: Roles) -> str:
    """Return all holders as CODEOWNERS names them, each once."""
    named = dict.fromkeys(holder for holders in roles.values() for holder in holders)
    return " ".join(map(_owner, named))


def _owner(holder: str) -> str:
    return holder if holder.startswith("@") else f"@{holder}"
