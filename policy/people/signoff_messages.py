"""Every sentence about who signed and who is still missing."""

from __future__ import annotations

from collections.abc import Sequence

from policy.files.codeowners import Rule

NO_CODEOWNERS = "the base branch has no CODEOWNERS file"
NO_OWNED_PATHS = "no changed file has an owner"


def people(logins: Sequence[str]) -> str:
    return ", ".join(f"@{login}" for login in logins)


def signed(logins: Sequence[str], head: str, times: Sequence[str]) -> str:
    """Say who signed which commit, and when (RFC 3339, UTC) where that is known."""
    named = (
        f"@{login} ({time})" if time else f"@{login}"
        for login, time in zip(logins, times, strict=True)
    )
    return f"signed by {', '.join(named)} on {head[:12]}"


def role_missing(missing: int, could: Sequence[str], have: Sequence[str]) -> str:
    noun = "signature" if missing == 1 else "signatures"
    already = f" (signed: {people(have)})" if have else ""
    if not could:
        return f"{missing} {noun} missing, and nobody who could sign holds this role{already}"
    return f"{missing} {noun} missing; {people(could)} could give it{already}"


def owner_missing(rule: Rule, paths: int, could: Sequence[str]) -> str:
    files = "1 file" if paths == 1 else f"{paths} files"
    who = f"{people(could)} could give it" if could else "none of its owners can sign"
    return f"no owner has signed for {files} (CODEOWNERS line {rule.line}); {who}"


def objection(login: str) -> str:
    return f"@{login} requested changes"


def unknown_contributors(names: Sequence[str]) -> str:
    listed = ", ".join(names)
    return (
        f"commits by {listed} belong to no account, so nobody can tell whether they sign their own"
    )
