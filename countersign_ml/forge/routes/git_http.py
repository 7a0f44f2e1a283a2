"""git clone, fetch and push over smart HTTP, by git's own `http-backend`.

This module decides only who may do it. After a push it compares the refs with those before, so that
exactly what git accepted becomes events.
"""

from __future__ import annotations

import subprocess
import tempfile
from typing import IO

from flask import Blueprint, Response, request

from countersign_ml.forge.deeds.ref_moves import moved
from countersign_ml.forge.git.bare_repository import ZERO
from countersign_ml.forge.request.answers import world
from countersign_ml.forge.request.auth import allowed, can_see, credentials, token_of
from countersign_ml.forge.state.account_records import Token
from countersign_ml.forge.state.queue_refs import held_by_queue
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import ROLES
from countersign_ml.git import NO_USER_SETTINGS, command, environment

routes = Blueprint("git_http", __name__, url_prefix="/<owner>/<name>")


def _plain(status: int, text: str) -> Response:
    response = Response(text + "\n", status, content_type="text/plain; charset=utf-8")
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="forge"'
    return response


def _enter(owner: str, name: str, service: str) -> tuple[Repository, Token | None] | Response:
    """Who may do this: the repository and the token, or the refusal."""
    secret = credentials()
    token = token_of(world(), secret) if secret is not None else None
    if secret is not None and token is None:
        return _plain(401, "Invalid username or token.")
    record = world().repository(f"{owner}/{name.removesuffix('.git')}")
    if record is None or not can_see(world(), record, token):
        return _plain(401 if token is None else 404, "Repository not found.")
    if service == "git-receive-pack":
        if token is None:
            return _plain(401, "Authentication is needed to push.")
        if not allowed(world(), record, token, "contents", "write", "write"):
            return _plain(
                403, f"Permission to {record.full_name}.git denied to {token.account.login}."
            )
    elif not allowed(world(), record, token, "contents", "read", "read"):
        return _plain(403, f"Access to {record.full_name}.git denied.")
    return record, token


@routes.get("/info/refs")
def advertise(owner: str, name: str) -> Response:
    """GET the refs, for one of the two services."""
    service = request.args.get("service", "")
    if service not in ("git-upload-pack", "git-receive-pack"):
        return _plain(403, "Only the smart HTTP protocol is served.")
    with world().lock:
        entered = _enter(owner, name, service)
    if isinstance(entered, Response):
        return entered
    with tempfile.TemporaryFile() as nothing:
        return _backend(entered[0], "/info/refs", nothing, 0, {})


@routes.post("/git-upload-pack")
def upload(owner: str, name: str) -> Response:
    """POST: clone or fetch."""
    with world().lock:
        entered = _enter(owner, name, "git-upload-pack")
    if isinstance(entered, Response):
        return entered
    with tempfile.TemporaryFile() as spooled:
        return _backend(entered[0], "/git-upload-pack", spooled, _spool(spooled), {})


@routes.post("/git-receive-pack")
def receive(owner: str, name: str) -> Response:
    """POST: push. Only administrators can push to the default branch."""
    with tempfile.TemporaryFile() as spooled:
        size = _spool(spooled)
        with world().lock:
            entered = _enter(owner, name, "git-receive-pack")
            if isinstance(entered, Response):
                return entered
            record, token = entered
            assert token is not None
            admin = token.app is None and world().role(record, token.account) == ROLES[-1]
            protected = "" if admin else f"refs/heads/{record.default_branch}"
            before = record.store.refs()
            denied = {
                "FORGE_PROTECTED": protected,
                "FORGE_QUEUED": " ".join(held_by_queue(record)),
            }
            answer = _backend(record, "/git-receive-pack", spooled, size, denied)
            after = record.store.refs()
            for ref in sorted({*before, *after}):
                old, new = before.get(ref, ZERO), after.get(ref, ZERO)
                if old != new and not ref.startswith("refs/pull/"):
                    moved(
                        world(),
                        record,
                        ref,
                        old,
                        new,
                        token.account,
                        app=token.app,
                        quiet=token.quiet,
                    )
            return answer


def _spool(into: IO[bytes]) -> int:
    while chunk := request.stream.read(1 << 16):
        into.write(chunk)
    size = into.tell()
    into.seek(0)
    return size


def _backend(
    record: Repository, path: str, stdin: IO[bytes], size: int, extra: dict[str, str]
) -> Response:
    """Run git http-backend as a CGI program on this repository."""
    variables = (
        NO_USER_SETTINGS
        | extra
        | {
            "GIT_PROJECT_ROOT": str(record.store.path.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{record.store.path.name}{path}",
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.query_string.decode(),
            "CONTENT_TYPE": request.content_type or "",
            "CONTENT_LENGTH": str(size),
            "REMOTE_USER": "forge",
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        }
    )
    done = subprocess.run(
        command("http-backend"),
        stdin=stdin,
        capture_output=True,
        env=environment(variables),
        check=False,
    )
    head, _, data = done.stdout.partition(b"\r\n\r\n")
    if not head:
        return _plain(500, done.stderr.decode(errors="replace"))
    status, headers = 200, []
    for line in head.decode().split("\r\n"):
        key, _, value = line.partition(": ")
        if key.lower() == "status":
            status = int(value.split()[0])
        else:
            headers.append((key, value))
    return Response(data, status, headers)
