"""Routes outside the API: signed downloads, raw files and the web pages."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, request

from countersign_ml.forge.pages.pages import index_page, live_link, run_page, thread_page
from countersign_ml.forge.request.answers import ApiError, not_found, world
from countersign_ml.forge.request.auth import find_repository
from countersign_ml.forge.routes.routes_actions import signature, zipped_logs
from countersign_ml.forge.state.repository_record import Repository

routes = Blueprint("web", __name__)


@routes.get("/_download/<kind>/<owner>/<name>/<int:number>")
def download(kind: str, owner: str, name: str, number: int) -> Response:
    """GET an artifact or log at its signed address; like a blob store, it refuses a token."""
    if "Authorization" in request.headers:
        raise ApiError(400, "InvalidAuthenticationInfo: a signed address accepts no Authorization")
    found_in = world()
    path = f"{kind}/{owner}/{name}/{number}"
    until = request.args.get("se", "0")
    good = until.isdigit() and hmac.compare_digest(
        request.args.get("sig", ""), signature(found_in, path, int(until))
    )
    if not good or int(until) < found_in.clock():
        raise ApiError(403, "AuthenticationFailed: the signature does not fit or has expired")
    with found_in.lock:
        record = found_in.repository(f"{owner}/{name}")
        if record is None:
            raise not_found()
        return _content(record, kind, number)


def _content(record: Repository, kind: str, number: int) -> Response:
    if kind == "artifact" and number in record.artifacts:
        data = record.artifacts[number].zip.read_bytes()
        return Response(data, content_type="application/zip")
    if kind == "run" and number in record.runs:
        return Response(zipped_logs(record.runs[number]), content_type="application/zip")
    if kind == "job":
        for run in record.runs.values():
            for job in run.every_job():
                if job.id == number:
                    data = job.log.read_bytes() if job.log.exists() else b""
                    return Response(data, content_type="text/plain; charset=utf-8")
    raise not_found()


@routes.get("/<owner>/<name>/raw/<ref>/<path:path>")
def raw(owner: str, name: str, ref: str, path: str) -> Response:
    """GET a file's bytes."""
    with world().lock:
        record = find_repository(owner, name)
        commit = record.store.resolve(ref)
        data = record.store.file(commit, path) if commit else None
    if data is None:
        raise not_found()
    return Response(data, content_type="text/plain; charset=utf-8")


@routes.get("/")
def home() -> Response:
    """GET the index of everything public."""
    with world().lock:
        records = [r for r in world().repositories.values() if not r.private]
        return Response(index_page(world(), records, [], live_link))


@routes.get("/<owner>/<name>")
def repository_page(owner: str, name: str) -> Response:
    """GET the index of one repository."""
    with world().lock:
        record = find_repository(owner, name)
        return Response(index_page(world(), [record], [], live_link))


@routes.get("/<owner>/<name>/pull/<int:number>")
@routes.get("/<owner>/<name>/issues/<int:number>")
def thread(owner: str, name: str, number: int) -> Response:
    """GET a pull request or issue as a page."""
    with world().lock:
        record = find_repository(owner, name)
        found = record.issues.get(number)
        if found is None:
            raise not_found()
        return Response(thread_page(world(), record, found, live_link))


@routes.get("/<owner>/<name>/actions/runs/<int:number>")
@routes.get("/<owner>/<name>/actions/runs/<int:number>/job/<int:job>")
def run(owner: str, name: str, number: int, job: int = 0) -> Response:
    """GET a workflow run as a page."""
    with world().lock:
        record = find_repository(owner, name)
        if number not in record.runs:
            raise not_found()
        return Response(run_page(record, record.runs[number], live_link))
