"""People: who made the commits, who may write, who is in which team."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.facts.snapshot import Commit
from bot.github.api import Api, ApiError, path
from policy.errors import UserError
from policy.files import codeowners
from policy.files.rules import Policy
from policy.people.co_authors import trailers

WEB_FLOW = "web-flow"
WEB_FLOW_EMAIL = "noreply@github.com"
"""Whom GitHub names as the committer of commits made in the browser, such as a revert."""


def commit_facts(item: dict[str, Any], bot: str) -> Commit:
    """Return who made a commit; anyone without an account is unknown. Trailers stay e-mails.

    Anybody can write the App's or GitHub's own address into a commit. Only a signature that GitHub
    verified shows that the commit is theirs.
    """
    verified = bool(item["commit"].get("verification", {}).get("verified"))
    logins: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for part in ("author", "committer"):
        account, written = item.get(part), item["commit"].get(part) or {}
        login = str(account["login"]) if account and account.get("login") else ""
        shown = str(written.get("email") or written.get("name") or "somebody without a name")
        if login in (bot, WEB_FLOW) or (not login and shown == WEB_FLOW_EMAIL):
            if not verified:
                unknown[f"{shown} (unverified)"] = None
        elif login:
            logins[login] = None
        else:
            unknown[shown] = None
    written = trailers(item["commit"].get("message") or "")
    credited = dict.fromkeys(email or "no-address" for _, email in written)
    return Commit(str(item["sha"]), tuple(logins), tuple(unknown), credited=tuple(credited))


def writers(api: Api, repository: str) -> frozenset[str]:
    """Return the login of everyone with write access, directly or through a team."""
    items = api.pages(path("repos", *repository.split("/")) + "/collaborators")
    return frozenset(
        str(item["login"]) for item in items if (item.get("permissions") or {}).get("push")
    )


def members(api: Api, team: str) -> frozenset[str] | None:
    """Return the logins of `organisation/team`, or None if it cannot be read."""
    organisation, _, slug = team.partition("/")
    url = f"{path('orgs', organisation, 'teams', slug)}/members"
    try:
        return frozenset(str(item["login"]) for item in api.pages(url))
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise


def teams_that_write(api: Api, repository: str) -> frozenset[str]:
    """Return the slugs of teams with write access; GitHub drops code owners that have none."""
    items = api.pages(path("repos", *repository.split("/")) + "/teams")
    return frozenset(
        str(item["slug"]).lower()
        for item in items
        if item.get("permission") in ("push", "maintain", "admin")
    )


def teams_of_owners(owners_text: str | None, paths: Iterable[str]) -> frozenset[str]:
    """Return the teams (`organisation/team`) that own one of the paths."""
    if owners_text is None:
        return frozenset()
    try:
        owners = codeowners.parse(owners_text)
    except UserError:
        return frozenset()  # decide says so
    named = (owner for rule in owners.deciding(paths) if rule is not None for owner in rule.owners)
    return frozenset(owner[1:] for owner in named if owner.startswith("@") and "/" in owner)


def roles_of(policy: Policy, teams: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return role to logins, teams resolved; a team that cannot be read adds nobody."""
    known = {name.lower(): logins for name, logins in teams.items()}
    return {
        name: frozenset(role.users).union(
            *(known.get(team.lower(), frozenset()) for team in role.teams)
        )
        for name, role in policy.roles.items()
    }
