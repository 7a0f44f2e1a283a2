"""Who sent a request, and what they may do: tokens, App JWTs, roles and App permissions."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass

import jwt
from flask import g, request

from countersign_ml.forge.request.answers import ApiError, not_found, world
from countersign_ml.forge.state.account_records import Account, App, Token
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue
from countersign_ml.forge.state.world_state import ROLES, World

LEVELS = ("none", "read", "write", "admin")


@dataclass(frozen=True)
class Actor:
    """The account behind a request; `app` and `token` where an App's token was used."""

    account: Account
    token: Token

    @property
    def app(self) -> App | None:
        """The App that acts, if one does."""
        return self.token.app


def credentials() -> str | None:
    """The secret of the Authorization header, in any scheme that GitHub accepts."""
    header = request.headers.get("Authorization", "")
    scheme, _, value = header.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return value.strip()
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise ApiError(401, "Bad credentials") from None
        return password or name
    return None


def token_of(found_in: World, secret: str) -> Token | None:
    """The live token with this value."""
    token = found_in.tokens.get(secret)
    if token is None or (token.expires is not None and token.expires <= found_in.clock()):
        return None
    return token


def identify() -> Actor | None:
    """Who sent the request; None without a secret, 401 for a wrong or expired one."""
    if "actor" in g:
        known: Actor | None = g.actor
        return known
    secret = credentials()
    found: Actor | None = None
    if secret is not None:
        token = token_of(world(), secret)
        if token is None:
            raise ApiError(401, "Bad credentials")
        found = Actor(token.account, token)
    g.actor = found
    return found


def signed_in() -> Actor:
    """Who sent the request; 401 without a secret."""
    actor = identify()
    if actor is None:
        raise ApiError(401, "Requires authentication")
    return actor


def acting_app() -> App:
    """The App whose JWT this is: RS256, `iss` the App's id, at most ten minutes to live."""
    secret = credentials()
    if secret is None or secret.count(".") != 2:
        raise ApiError(401, "A JSON web token could not be decoded")
    try:
        claims = jwt.decode(secret, options={"verify_signature": False})
        app = world().apps.get(int(claims.get("iss", 0)))
    except (jwt.InvalidTokenError, ValueError, TypeError):
        raise ApiError(401, "A JSON web token could not be decoded") from None
    if app is None:
        raise ApiError(401, "Integration must generate a public key")
    now = world().clock()
    try:
        jwt.decode(
            secret,
            app.public_key_pem,
            algorithms=["RS256"],
            options={
                "verify_exp": False,
                "verify_iat": False,
                "verify_aud": False,
                "require": ["exp", "iat"],
            },
        )
    except jwt.InvalidTokenError:
        raise ApiError(401, "A JSON web token could not be decoded") from None
    if claims["exp"] <= now:
        raise ApiError(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing "
            "the future time at which the assertion expires",
        )
    if claims["exp"] > now + 600 + 1:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
    if claims["iat"] > now + 5:
        raise ApiError(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time "
            "that the assertion was issued",
        )
    return app


def mint(
    found_in: World,
    app: App,
    permissions: dict[str, str] | None = None,
    repositories: frozenset[int] | None = None,
    *,
    quiet: bool = False,
    lifetime: float = 3600,
) -> Token:
    """A new installation token, with no more than the App's own permissions."""
    granted = dict(app.permissions)
    if permissions is not None:
        for name, level in permissions.items():
            if level not in LEVELS or LEVELS.index(level) > LEVELS.index(
                app.permissions.get(name, "none")
            ):
                raise ApiError(
                    422, "The permissions requested are not granted to this installation."
                )
        granted = {"metadata": "read", **permissions}
    token = Token(
        value=f"ghs_{secrets.token_hex(18)}",
        account=app.bot,
        app=app,
        permissions=granted,
        repositories=repositories,
        expires=found_in.clock() + lifetime,
        quiet=quiet,
    )
    found_in.tokens[token.value] = token
    return token


def can_see(found_in: World, repository: Repository, token: Token | None) -> bool:
    """Whether the repository exists for the holder of this token."""
    if token is None:
        return not repository.private
    if token.app is not None:
        covered = token.repositories is None or repository.id in token.repositories
        return not repository.private or (covered and found_in.installed_on(token.app, repository))
    return found_in.role(repository, token.account) != "none"


def allowed(
    found_in: World,
    repository: Repository,
    token: Token | None,
    permission: str,
    level: str,
    role: str,
) -> bool:
    """Whether the token may act: an App by its permission's level, a user by role."""
    if token is None:
        return not repository.private and level == "read"
    if token.app is not None:
        covered = token.repositories is None or repository.id in token.repositories
        if not (covered and found_in.installed_on(token.app, repository)):
            return not repository.private and level == "read"
        granted = token.permissions.get(permission, "none")
        if level == "read" and not repository.private:
            return True
        return LEVELS.index(granted) >= LEVELS.index(level)
    held = found_in.role(repository, token.account)
    return ROLES.index(held) >= ROLES.index(role)


def find_repository(owner: str, name: str) -> Repository:
    """The repository of a route; 404 for who may not see it."""
    found = world().repository(f"{owner}/{name}")
    actor = identify()
    if found is None or not can_see(world(), found, actor.token if actor else None):
        raise not_found()
    return found


def readable(owner: str, name: str, permission: str = "metadata") -> Repository:
    """A repository that the asker may read."""
    found = find_repository(owner, name)
    actor = identify()
    if not allowed(world(), found, actor.token if actor else None, permission, "read", "read"):
        raise ApiError(403, "Resource not accessible by integration")
    return found


def writable(
    owner: str, name: str, permission: str, role: str = "write", level: str = "write"
) -> tuple[Repository, Actor]:
    """A repository that the asker may change in this respect; 401, 403 or 404 otherwise."""
    actor = identify()
    found = find_repository(owner, name)
    if actor is None:
        raise ApiError(401, "Requires authentication")
    if not allowed(world(), found, actor.token, permission, level, role):
        if actor.app is not None:
            raise ApiError(403, "Resource not accessible by integration")
        raise ApiError(
            403,
            "Must have admin rights to Repository."
            if role == "admin"
            else "Resource not accessible by personal access token",
        )
    return found, actor


def thread_permissions(thread: Issue) -> tuple[str, ...]:
    """Which of an App's permissions open a thread: for a pull request either will do."""
    return ("issues", "pull_requests") if thread.pull else ("issues",)


def may_take_part(owner: str, name: str, permissions: tuple[str, ...]) -> tuple[Repository, Actor]:
    """Whoever may join a conversation: readers among users, Apps that hold a permission."""
    actor = signed_in()
    found = find_repository(owner, name)
    if not any(allowed(world(), found, actor.token, p, "write", "read") for p in permissions):
        raise ApiError(403, "Resource not accessible by integration")
    return found, actor


def may_write_thread(
    owner: str, name: str, thread: Issue, role: str, *, author: int | None = None
) -> tuple[Repository, Actor]:
    """Whoever may change a thread: the author of it, others by role, Apps by permission."""
    permissions = thread_permissions(thread)
    if author is not None and (actor := signed_in()).account.id == author:
        return may_take_part(owner, name, permissions)
    actor = signed_in()
    found = find_repository(owner, name)
    for permission in permissions:
        if allowed(world(), found, actor.token, permission, "write", role):
            return found, actor
    return writable(owner, name, permissions[-1], role)
