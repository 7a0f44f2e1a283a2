"""REST: check runs, which only Apps write, and commit statuses, which writers may post."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, request

from countersign_ml.forge.deeds import checks
from countersign_ml.forge.request.answers import (
    ApiError,
    body,
    invalid,
    not_found,
    page,
    reply,
    text_field,
    world,
)
from countersign_ml.forge.request.auth import readable, writable
from countersign_ml.forge.routes.routes_repo import commit_of
from countersign_ml.forge.shapes import shapes_checks
from countersign_ml.forge.state.account_records import Json
from countersign_ml.forge.state.commit_records import CheckRun, Status
from countersign_ml.forge.state.mergeability import latest_checks
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import Event

routes = Blueprint("checks", __name__, url_prefix="/api/v3/repos/<owner>/<name>")
LONGEST = 65_535  # characters of each output field
MOST_ANNOTATIONS = 50  # in one request
CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "success",
    "skipped",
    "timed_out",
)


@routes.post("/check-runs")
def create_check_run(owner: str, name: str) -> Response:
    """POST a check run on a commit."""
    record, actor = writable(owner, name, "checks")
    if actor.app is None:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    data = body()
    title = text_field(data, "CheckRun", "name") or ""
    sha = text_field(data, "CheckRun", "head_sha") or ""
    if record.store.kind(sha) != "commit":
        raise ApiError(422, f"No commit found for SHA: {sha}")
    _check(data)
    found = checks.create(world(), record, actor.app, sha, title, "queued")
    _apply(found, data)
    checks.publish(world(), record, found, "created", actor.account, quiet=actor.token.quiet)
    if found.status == "completed":
        checks.publish(world(), record, found, "completed", actor.account, quiet=actor.token.quiet)
    return reply(shapes_checks.check_run(world(), record, found), 201)


@routes.patch("/check-runs/<int:number>")
def update_check_run(owner: str, name: str, number: int) -> Response:
    """PATCH a check run of the same App; annotations add up."""
    record, actor = writable(owner, name, "checks")
    found = _run(record, number)
    if actor.app is None or actor.app.id != found.app.id:
        raise ApiError(403, "Invalid app_id. The check run was made by another App.")
    data = body()
    _check(data)
    done = found.status == "completed"
    _apply(found, data)
    if found.status == "completed" and not done:
        checks.publish(world(), record, found, "completed", actor.account, quiet=actor.token.quiet)
    return reply(shapes_checks.check_run(world(), record, found))


def _check(data: Json) -> None:
    if "conclusion" in data and data["conclusion"] not in CONCLUSIONS:
        raise invalid("CheckRun", "conclusion", f"{data['conclusion']!r} is no conclusion")
    status = data.get("status")
    if status not in (None, "queued", "in_progress", "completed"):
        raise invalid("CheckRun", "status", f"{status!r} is no status")
    if status == "completed" and "conclusion" not in data:
        raise ApiError(422, "Invalid request.\n\nMissing required key 'conclusion'.")
    output = data.get("output") or {}
    if data.get("output") is not None and "summary" not in output:
        raise ApiError(422, "Invalid request.\n\nMissing required key 'summary'.")
    for field in ("summary", "text"):
        if len(output.get(field) or "") > LONGEST:
            raise invalid(
                "CheckRun", f"output.{field}", f"Only {LONGEST} characters are allowed", "invalid"
            )
    if len(output.get("annotations", [])) > MOST_ANNOTATIONS:
        raise invalid("CheckRun", "output.annotations", f"at most {MOST_ANNOTATIONS} a request")


def _apply(found: CheckRun, data: Json) -> None:
    now = world().clock()
    found.name = data.get("name", found.name)
    found.external_id = data.get("external_id", found.external_id)
    found.details_url = data.get("details_url", found.details_url)
    found.started = _time(data, "started_at", found.started)
    if data.get("status"):
        found.status = data["status"]
        if found.status != "completed":
            found.conclusion = found.completed = None
    if data.get("conclusion"):
        found.status, found.conclusion = "completed", data["conclusion"]
        found.completed = _time(data, "completed_at", now)
    output = data.get("output") or {}
    found.title = output.get("title", found.title)
    found.summary = output.get("summary", found.summary)
    found.text = output.get("text", found.text)
    found.annotations += output.get("annotations", [])


def _time(data: Json, field: str, default: float | None) -> float | None:
    if not data.get(field):
        return default
    try:
        return datetime.fromisoformat(str(data[field])).timestamp()
    except ValueError:
        raise invalid("CheckRun", field, "is not an ISO 8601 time", "invalid") from None


def _run(record: Repository, number: int) -> CheckRun:
    found = record.check_runs.get(number)
    if found is None:
        raise not_found()
    return found


@routes.get("/check-runs/<int:number>")
def get_check_run(owner: str, name: str, number: int) -> Response:
    """GET one check run."""
    record = readable(owner, name, "checks")
    return reply(shapes_checks.check_run(world(), record, _run(record, number)))


@routes.get("/check-runs/<int:number>/annotations")
def list_annotations(owner: str, name: str, number: int) -> Response:
    """GET the annotations of a check run."""
    record = readable(owner, name, "checks")
    found = _run(record, number)
    empty: Json = dict.fromkeys(("start_column", "end_column", "title", "message", "raw_details"))
    shown = [empty | {"blob_href": ""} | each for each in page(found.annotations)]
    return reply(shown)


@routes.post("/check-runs/<int:number>/rerequest")
def rerequest(owner: str, name: str, number: int) -> Response:
    """POST: request the check again. Only the check's App gets the event."""
    record, actor = writable(owner, name, "checks")
    found = _run(record, number)
    checks.publish(world(), record, found, "rerequested", actor.account, quiet=actor.token.quiet)
    return reply({}, 201)


@routes.get("/commits/<path:ref>/check-runs")
def list_check_runs(owner: str, name: str, ref: str) -> Response:
    """GET the check runs of a commit: by name, App and status; the latest of each by default."""
    record = readable(owner, name, "checks")
    sha = commit_of(record, ref)
    if request.args.get("filter", "latest") == "latest":
        found = latest_checks(record, sha)
    else:
        found = [run for run in record.check_runs.values() if run.sha == sha]
    named, status = request.args.get("check_name"), request.args.get("status")
    app_id = request.args.get("app_id")
    found = [
        run
        for run in reversed(found)
        if named in (None, run.name)
        and status in (None, run.status)
        and app_id in (None, str(run.app.id))
    ]
    runs = [shapes_checks.check_run(world(), record, each) for each in page(found)]
    return reply({"total_count": len(found), "check_runs": runs})


@routes.post("/statuses/<sha>")
def create_status(owner: str, name: str, sha: str) -> Response:
    """POST a commit status: anyone with write access may claim anything."""
    record, actor = writable(owner, name, "statuses")
    data = body()
    state = text_field(data, "Status", "state") or ""
    if state not in ("error", "failure", "pending", "success"):
        raise invalid("Status", "state", f"{state!r} is not included in the list", "custom")
    if record.store.kind(sha) != "commit":
        raise ApiError(422, f"No commit found for SHA: {sha}")
    description = text_field(data, "Status", "description", required=False)
    if description is not None and len(description) > 140:
        raise invalid("Status", "description", "is too long (maximum is 140 characters)")
    found = Status(
        world().take_id(),
        sha,
        state,
        str(data.get("context") or "default"),
        description,
        text_field(data, "Status", "target_url", required=False),
        actor.account,
        world().clock(),
    )
    record.statuses.append(found)
    payload = shapes_checks.status_event(world(), record, found)
    world().publish(
        Event("status", None, record, payload, actor.account, actor.app, actor.token.quiet, sha=sha)
    )
    return reply(shapes_checks.status(world(), record, found), 201)


@routes.get("/commits/<path:ref>/statuses")
def list_statuses(owner: str, name: str, ref: str) -> Response:
    """GET every status of a commit, newest first."""
    record = readable(owner, name, "statuses")
    sha = commit_of(record, ref)
    found = [each for each in reversed(record.statuses) if each.sha == sha]
    return reply([shapes_checks.status(world(), record, each) for each in page(found)])


@routes.get("/commits/<path:ref>/status")
def get_combined_status(owner: str, name: str, ref: str) -> Response:
    """GET the latest status of each context, and their sum."""
    record = readable(owner, name, "statuses")
    return reply(shapes_checks.combined_status(world(), record, commit_of(record, ref)))
