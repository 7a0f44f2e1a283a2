"""What every REST route shares: errors in GitHub's form, bodies, pages, conditional answers."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, current_app, g, request

from countersign_ml.forge.state.account_records import Json
from countersign_ml.forge.state.world_state import World

T = TypeVar("T")
DOCS = "https://docs.github.com/rest"


class ApiError(Exception):
    """An answer other than success; `errors` are GitHub's per-field complaints."""

    def __init__(self, status: int, message: str, errors: list[Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


def not_found() -> ApiError:
    """404, which is also what GitHub says to those who may not know that something exists."""
    return ApiError(404, "Not Found")


def invalid(resource: str, field: str, message: str, code: str = "custom") -> ApiError:
    """422 Validation Failed on one field."""
    detail = {"resource": resource, "code": code, "field": field, "message": message}
    return ApiError(422, "Validation Failed", [detail])


def error_response(error: ApiError) -> Response:
    """The JSON that GitHub sends with an error."""
    shape: Json = {
        "message": error.message,
        "documentation_url": DOCS,
        "status": str(error.status),
    }
    if error.errors is not None:
        shape["errors"] = error.errors
    return reply(shape, error.status)


def world() -> World:
    """The forge that answers this request."""
    found: World = current_app.config["WORLD"]
    return found


def reply(shape: Any, status: int = 200) -> Response:
    """A JSON answer; None with 204 is empty."""
    text = "" if status == 204 else json.dumps(shape)
    return Response(text, status, content_type="application/json; charset=utf-8")


def body() -> Json:
    """The request's JSON object; an empty body counts as {}."""
    raw = request.get_data()
    if not raw:
        return {}
    try:
        found = json.loads(raw)
    except ValueError:
        raise ApiError(400, "Problems parsing JSON") from None
    if not isinstance(found, dict):
        raise ApiError(400, "Body should be a JSON object")
    return found


def text_field(data: Json, resource: str, field: str, *, required: bool = True) -> str | None:
    """A string of the body; 422 if it is missing or of another type."""
    value = data.get(field)
    if value is None:
        if required:
            raise invalid(resource, field, f"{field} is missing", "missing_field")
        return None
    if not isinstance(value, str):
        raise ApiError(
            422, f"Invalid request.\n\nFor 'properties/{field}', {value!r} is not a string."
        )
    return value


def number_argument(name: str, default: int, most: int) -> int:
    """A positive number of the query string."""
    try:
        value = int(request.args.get(name, default))
    except ValueError:
        return default
    return max(1, min(most, value))


def page(items: Sequence[T], size: int | None = None) -> list[T]:
    """The slice that `page` and `per_page` select; `finish` adds the Link header."""
    size = size or number_argument("per_page", 30, 100)
    number = number_argument("page", 1, 1_000_000)
    last = max(1, -(-len(items) // size))
    links: dict[str, int] = {}
    if number > 1:
        links |= {"prev": min(number - 1, last), "first": 1}
    if number < last:
        links |= {"next": number + 1, "last": last}
    g.links = links
    return list(items[(number - 1) * size : number * size])


def _link_header() -> str:
    base = world().web_url + request.path
    parts = []
    for name in ("prev", "next", "last", "first"):
        if name in g.links:
            query = urlencode({**request.args.to_dict(), "page": g.links[name]})
            parts.append(f'<{base}?{query}>; rel="{name}"')
    return ", ".join(parts)


def finish(response: Response) -> Response:
    """Add what GitHub adds to each answer: request id, Link, ETag, and 304 for what is known."""
    response.headers["X-GitHub-Request-Id"] = uuid.uuid4().hex[:20].upper()
    version = request.headers.get("X-GitHub-Api-Version", "2022-11-28")
    response.headers["X-GitHub-Api-Version-Selected"] = version
    response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if g.get("links"):
        response.headers["Link"] = _link_header()
    if request.method == "GET" and response.status_code == 200:
        seen = f"{g.get('etag_salt', '')}|{response.headers.get('Link', '')}|".encode()
        tag = hashlib.sha256(seen + response.get_data()).hexdigest()
        response.headers["ETag"] = f'W/"{tag}"'
        response.headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        response.headers["Vary"] = "Accept, Authorization, Cookie, X-GitHub-OTP"
        known = request.headers.get("If-None-Match", "")
        if tag in known:
            response.status_code = 304
            response.set_data(b"")
            response.headers.pop("Content-Type", None)
    return response
