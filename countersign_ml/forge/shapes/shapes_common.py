"""JSON in GitHub's shapes: accounts, teams, Apps, and the small pieces all shapes share.

The field lists follow GitHub's OpenAPI description (2022-11-28, with the fields that 2026-03-10
still requires); the tests parse them with models generated from it.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from countersign_ml.forge.state.account_records import Account, App, Json, Team
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import World


def when(seconds: float | None) -> str | None:
    """GitHub's timestamp: UTC, whole seconds, Z."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node(kind: str, number: int | str) -> str:
    """An opaque global id."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def user(world: World, account: Account) -> Json:
    """A `simple-user`."""
    url = f"{world.api_url}/users/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node("User", account.id),
        "avatar_url": f"{world.web_url}/avatars/{account.id}.svg",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{world.web_url}/{account.login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": account.kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def full_user(world: World, account: Account) -> Json:
    """A `public-user`, as GET /users/{login} gives it."""
    return user(world, account) | {
        "name": account.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": account.email or None,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": when(account.created),
        "updated_at": when(account.created),
    }


def private_user(world: World, account: Account) -> Json:
    """A `private-user`, as GET /user gives it to its owner."""
    return full_user(world, account) | {
        "private_gists": 0,
        "total_private_repos": 0,
        "owned_private_repos": 0,
        "disk_usage": 0,
        "collaborators": 0,
        "two_factor_authentication": True,
        "plan": {"name": "free", "space": 0, "private_repos": 0, "collaborators": 0},
    }


def organization(world: World, account: Account) -> Json:
    """An `organization-simple`."""
    url = f"{world.api_url}/orgs/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node("Organization", account.id),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{world.web_url}/avatars/{account.id}.svg",
        "description": None,
    }


def team(world: World, record: Team, permission: str = "pull") -> Json:
    """A `team`; `full_team` adds the counts of a request for one team."""
    url = f"{world.api_url}/organizations/{record.org}/team/{record.id}"
    return {
        "id": record.id,
        "node_id": node("Team", record.id),
        "url": url,
        "html_url": f"{world.web_url}/orgs/{record.org}/teams/{record.slug}",
        "name": record.name,
        "slug": record.slug,
        "description": None,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": permission,
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "type": "organization",
        "parent": None,
    }


def full_team(world: World, record: Team, repositories: int) -> Json:
    """A `team-full`."""
    org = world.account(record.org)
    assert org is not None
    return team(world, record) | {
        "members_count": len(record.members),
        "repos_count": repositories,
        "created_at": when(record.created),
        "updated_at": when(record.created),
        "organization": organization(world, org)
        | {
            "html_url": f"{world.web_url}/{org.login}",
            "has_organization_projects": True,
            "has_repository_projects": True,
            "public_repos": 0,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": when(org.created),
            "updated_at": when(org.created),
            "archived_at": None,
            "type": "Organization",
        },
    }


def app(world: World, record: App) -> Json:
    """An `integration`: the App itself."""
    owner = app_owner(world, record)
    return {
        "id": record.id,
        "slug": record.slug,
        "node_id": node("App", record.id),
        "owner": user(world, owner),
        "name": record.name,
        "description": "",
        "external_url": f"{world.web_url}/apps/{record.slug}",
        "html_url": f"{world.web_url}/apps/{record.slug}",
        "created_at": when(record.created),
        "updated_at": when(record.created),
        "permissions": dict(record.permissions),
        "events": list(record.events),
        "installations_count": 1,
    }


def app_owner(world: World, record: App) -> Account:
    """The account on which the App is installed, which here also owns it."""
    found = world.account(record.account) if record.account else None
    if found is None:
        found = next((a for a in world.accounts.values() if a.kind == "Organization"), None)
    return found or record.bot


def installation(world: World, record: App) -> Json:
    """The App's `installation`."""
    owner = app_owner(world, record)
    api = world.api_url
    return {
        "id": record.installation_id,
        "account": user(world, owner),
        "repository_selection": "all",
        "access_tokens_url": f"{api}/app/installations/{record.installation_id}/access_tokens",
        "repositories_url": f"{api}/installation/repositories",
        "html_url": f"{world.web_url}/settings/installations/{record.installation_id}",
        "app_id": record.id,
        "app_slug": record.slug,
        "client_id": f"Iv1.{record.id}",
        "target_id": owner.id,
        "target_type": owner.kind,
        "permissions": dict(record.permissions),
        "events": list(record.events),
        "created_at": when(record.created),
        "updated_at": when(record.created),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": None,
    }


def association(world: World, repository: Repository, account: Account) -> str:
    """`author_association`: what the account is to the repository."""
    if account.id == repository.owner.id:
        return "OWNER"
    member = any(
        t.org.lower() == repository.owner.login.lower() and account.login.lower() in t.members
        for t in world.teams.values()
    )
    if member:
        return "MEMBER"
    if repository.collaborators.get(account.login.lower()):
        return "COLLABORATOR"
    return "NONE"
