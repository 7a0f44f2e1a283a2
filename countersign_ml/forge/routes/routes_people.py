"""REST: users, teams, collaborators, and the App with its installation."""

from __future__ import annotations

from flask import Blueprint, Response

from countersign_ml.forge.request.answers import ApiError, body, not_found, page, reply, world
from countersign_ml.forge.request.auth import (
    acting_app,
    allowed,
    find_repository,
    identify,
    mint,
    readable,
    signed_in,
)
from countersign_ml.forge.shapes import shapes_common, shapes_repo
from countersign_ml.forge.state.account_records import App, Team
from countersign_ml.forge.state.rate_limit import limits
from countersign_ml.forge.state.world_state import ROLES

routes = Blueprint("people", __name__, url_prefix="/api/v3")


@routes.get("/user")
def get_me() -> Response:
    """GET the user of the token; an App's token has none."""
    actor = signed_in()
    if actor.app is not None:
        raise ApiError(403, "Resource not accessible by integration")
    return reply(shapes_common.private_user(world(), actor.account))


@routes.get("/users/<login>")
def get_user(login: str) -> Response:
    """GET a user or organisation."""
    account = world().account(login)
    if account is None:
        raise not_found()
    return reply(shapes_common.full_user(world(), account))


@routes.get("/rate_limit")
def get_rate_limit() -> Response:
    """GET what is left of the hour's requests; asking is free."""
    actor = identify()
    login = actor.account.login if actor else "anonymous"
    return reply(limits(world().budget, login, world().clock()))


@routes.get("/meta")
def get_meta() -> Response:
    """GET what this server is."""
    return reply({"verifiable_password_authentication": False, "installed_version": "3.18.0"})


def _team(org: str, slug: str) -> Team:
    actor = signed_in()
    if actor.app is not None and actor.token.permissions.get("members", "none") == "none":
        raise ApiError(403, "Resource not accessible by integration")
    found = world().teams.get((org.lower(), slug))
    if found is None:
        raise not_found()
    return found


@routes.get("/orgs/<org>/teams")
def list_teams(org: str) -> Response:
    """GET the teams of an organisation."""
    signed_in()
    found = [team for team in world().teams.values() if team.org.lower() == org.lower()]
    return reply([shapes_common.team(world(), team) for team in page(found)])


@routes.get("/orgs/<org>/teams/<slug>")
def get_team(org: str, slug: str) -> Response:
    """GET one team."""
    team = _team(org, slug)
    count = sum(slug in r.teams for r in world().repositories.values())
    return reply(shapes_common.full_team(world(), team, count))


@routes.get("/orgs/<org>/teams/<slug>/members")
def list_members(org: str, slug: str) -> Response:
    """GET a team's members."""
    team = _team(org, slug)
    accounts = [a for login in team.members if (a := world().account(login))]
    return reply([shapes_common.user(world(), account) for account in page(accounts)])


@routes.get("/orgs/<org>/teams/<slug>/memberships/<login>")
def get_membership(org: str, slug: str, login: str) -> Response:
    """GET whether and how someone belongs to a team."""
    team = _team(org, slug)
    role = team.members.get(login.lower())
    if role is None:
        raise not_found()
    url = f"{world().api_url}/organizations/{team.org}/team/{team.id}/memberships/{login}"
    return reply({"url": url, "role": role, "state": "active"})


@routes.get("/orgs/<org>/teams/<slug>/repos")
def list_team_repositories(org: str, slug: str) -> Response:
    """GET the repositories a team has access to."""
    _team(org, slug)
    found = [r for r in world().repositories.values() if slug in r.teams]
    return reply(
        [
            shapes_repo.repository(world(), r)
            | {
                "permissions": shapes_repo.permissions(r.teams[slug]),
                "role_name": r.teams[slug],
            }
            for r in page(found)
        ]
    )


@routes.get("/orgs/<org>/teams/<slug>/repos/<owner>/<name>")
def get_team_repository(org: str, slug: str, owner: str, name: str) -> Response:
    """GET a team's access to one repository; 404 if it has none."""
    _team(org, slug)
    found = find_repository(owner, name)
    if slug not in found.teams:
        raise not_found()
    return reply(
        shapes_repo.repository(world(), found)
        | {
            "permissions": shapes_repo.permissions(found.teams[slug]),
            "role_name": found.teams[slug],
        }
    )


@routes.get("/repos/<owner>/<name>/teams")
def list_repository_teams(owner: str, name: str) -> Response:
    """GET the teams with access to a repository."""
    record = readable(owner, name)
    signed_in()
    old = {"read": "pull", "write": "push"}
    found = [
        shapes_common.team(world(), team, old.get(role, role))
        | {"permissions": shapes_repo.permissions(role)}
        for slug, role in record.teams.items()
        if (team := world().teams.get((record.owner.login.lower(), slug)))
    ]
    return reply(page(found))


@routes.get("/repos/<owner>/<name>/collaborators")
def list_collaborators(owner: str, name: str) -> Response:
    """GET everyone with access, as owner, by themselves or through a team."""
    record = readable(owner, name)
    actor = signed_in()
    if not allowed(world(), record, actor.token, "metadata", "read", "write"):
        raise ApiError(403, "Must have push access to view repository collaborators.")
    logins = dict.fromkeys(record.collaborators)
    if record.owner.kind == "User":
        logins[record.owner.login.lower()] = None
    for slug in record.teams:
        team = world().teams.get((record.owner.login.lower(), slug))
        logins |= dict.fromkeys(team.members if team else ())
    found = []
    for login in logins:
        account = world().account(login)
        if account is not None:
            role = world().role(record, account)
            found.append(
                shapes_common.user(world(), account)
                | {
                    "permissions": shapes_repo.permissions(role),
                    "role_name": role,
                }
            )
    return reply(page(found))


@routes.get("/repos/<owner>/<name>/collaborators/<login>")
def is_collaborator(owner: str, name: str, login: str) -> Response:
    """GET 204 for a collaborator, else 404."""
    record = readable(owner, name)
    signed_in()
    if login.lower() not in record.collaborators:
        raise not_found()
    return reply(None, 204)


@routes.get("/repos/<owner>/<name>/collaborators/<login>/permission")
def get_permission(owner: str, name: str, login: str) -> Response:
    """GET a user's role; `permission` folds maintain into write and triage into read."""
    record = readable(owner, name)
    signed_in()
    account = world().account(login)
    if account is None:
        raise ApiError(404, f"{login} is not a user")
    role = world().role(record, account)
    old = {"maintain": "write", "triage": "read"}.get(role, role)
    who = shapes_common.user(world(), account) | {
        "permissions": shapes_repo.permissions(role),
        "role_name": role,
    }
    assert role in ROLES
    return reply({"permission": old, "role_name": role, "user": who})


@routes.get("/app")
def get_app() -> Response:
    """GET the App whose JWT this is."""
    return reply(shapes_common.app(world(), acting_app()))


@routes.get("/app/installations")
def list_installations() -> Response:
    """GET the App's installations: one."""
    return reply([shapes_common.installation(world(), app) for app in page([acting_app()])])


def _installation(number: int) -> App:
    app = acting_app()
    if app.installation_id != number:
        raise not_found()
    return app


@routes.get("/app/installations/<int:number>")
def get_installation(number: int) -> Response:
    """GET one installation."""
    return reply(shapes_common.installation(world(), _installation(number)))


@routes.post("/app/installations/<int:number>/access_tokens")
def create_token(number: int) -> Response:
    """POST for an installation token, for an hour, perhaps for fewer permissions."""
    app = _installation(number)
    data = body()
    only = None
    if data.get("repositories") or data.get("repository_ids"):
        names, ids = set(data.get("repositories", [])), set(data.get("repository_ids", []))
        only = frozenset(
            r.id
            for r in world().repositories.values()
            if (r.name in names or r.id in ids) and world().installed_on(app, r)
        )
        if len(only) < max(len(names), len(ids)):
            raise ApiError(
                422,
                "There is at least one repository that does not exist or is not "
                "accessible to the parent installation.",
            )
    token = mint(world(), app, data.get("permissions") or None, only)
    return reply(
        {
            "token": token.value,
            "expires_at": shapes_common.when(token.expires),
            "permissions": token.permissions,
            "repository_selection": "selected" if only is not None else "all",
        },
        201,
    )


@routes.get("/repos/<owner>/<name>/installation")
def get_repository_installation(owner: str, name: str) -> Response:
    """GET the App's installation on a repository."""
    app = acting_app()
    record = world().repository(f"{owner}/{name}")
    if record is None or not world().installed_on(app, record):
        raise not_found()
    return reply(shapes_common.installation(world(), app))


@routes.get("/installation/repositories")
def list_installation_repositories() -> Response:
    """GET the repositories that an installation token reaches."""
    actor = signed_in()
    if actor.app is None:
        raise ApiError(403, "You must authenticate with an installation access token.")
    only = actor.token.repositories
    found = [
        r
        for r in world().repositories.values()
        if world().installed_on(actor.app, r) and (only is None or r.id in only)
    ]
    shown = [shapes_repo.repository(world(), r) for r in page(found)]
    return reply({"total_count": len(found), "repository_selection": "all", "repositories": shown})
