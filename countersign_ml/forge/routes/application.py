"""The Flask application: all routes, the lock around each API call, faults, and request counts.

One API call runs at a time, so nothing comes between a check and the write that follows it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Literal, Protocol

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from countersign_ml.forge.actions.actions_stand_in import Actions
from countersign_ml.forge.request.answers import ApiError, error_response, finish, world
from countersign_ml.forge.request.auth import identify
from countersign_ml.forge.routes import (
    git_http,
    routes_actions,
    routes_checks,
    routes_deployments,
    routes_git,
    routes_graphql,
    routes_issues,
    routes_labels,
    routes_people,
    routes_pulls,
    routes_refs,
    routes_repo,
    routes_web,
)
from countersign_ml.forge.state.rate_limit import ApiRequest, Write, limits
from countersign_ml.forge.state.world_state import World

PREFIX = "/api/v3"
GRAPHQL = "/api/graphql"
log = logging.getLogger("forge")
Fault = Callable[[str, str], int | tuple[Literal["after"], int] | None]


class Served(Protocol):
    """What the routes need of a forge."""

    world: World
    actions: Actions
    faults: Fault | None


def create_app(forge: Served) -> Flask:
    """The Flask application of one forge."""
    app = Flask("forge", static_folder=None)
    app.config["WORLD"] = forge.world
    app.config["FORGE"] = forge
    app.url_map.strict_slashes = False
    for part in (
        routes_people,
        routes_repo,
        routes_git,
        routes_graphql,
        routes_refs,
        routes_pulls,
        routes_issues,
        routes_labels,
        routes_checks,
        routes_deployments,
        routes_actions,
        git_http,
        routes_web,
    ):
        app.register_blueprint(part.routes)
    app.register_error_handler(ApiError, error_response)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)
    app.before_request(lambda: _before(forge))
    app.after_request(lambda response: _after(forge, response))
    inner = app.wsgi_app

    def locked(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith((PREFIX, GRAPHQL)):
            return inner(environ, start)
        with forge.world.lock:
            return inner(environ, start)

    app.wsgi_app = locked  # type: ignore[method-assign,assignment] # as Flask says
    return app


def _http_error(error: HTTPException) -> Response:
    return error_response(ApiError(error.code or 500, error.name))


def _bug(error: Exception) -> Response:
    log.exception("a forge route failed", exc_info=error)
    return error_response(ApiError(500, f"Server Error: {type(error).__name__}: {error}"))


def _api_path() -> str:
    if request.path == GRAPHQL:
        return "/graphql"
    return request.path.removeprefix(PREFIX) or "/"


def _before(forge: Served) -> Response | None:
    if not request.path.startswith((PREFIX, GRAPHQL)):
        return None
    g.fault = forge.faults(request.method, _api_path()) if forge.faults else None
    if isinstance(g.fault, int):
        return error_response(ApiError(g.fault, "Server Error"))
    return None


def _after(forge: Served, response: Response) -> Response:
    if not request.path.startswith((PREFIX, GRAPHQL)):
        return response
    try:
        actor = identify()
        login = actor.account.login if actor else "anonymous"
    except ApiError:
        login = "anonymous"
    now, path = world().clock(), _api_path()
    written = request.method not in ("GET", "HEAD") and response.status_code < 400
    written = written and path != "/graphql"  # which knows queries only
    if written:
        world().budget.writes.append(Write(request.method, path, login))
    fault = g.get("fault")
    if isinstance(fault, tuple):
        response = error_response(ApiError(fault[1], "Server Error"))
    response = finish(response)
    world().budget.requests.append(
        ApiRequest(now, request.method, path, login, response.status_code)
    )
    core = limits(world().budget, login, now)["rate"]
    for name, value in core.items():
        response.headers[f"X-RateLimit-{name.capitalize()}"] = str(value)
    response.headers["X-RateLimit-Resource"] = "core"
    return response
