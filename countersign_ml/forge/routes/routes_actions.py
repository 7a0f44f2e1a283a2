"""REST: workflows, runs, jobs, logs and artifacts."""

from __future__ import annotations

import hashlib
import hmac
import io
import zipfile

from flask import Blueprint, Response, current_app, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from countersign_ml.forge.actions.actions_stand_in import Actions
from countersign_ml.forge.actions.workflow_triggers import Occasion
from countersign_ml.forge.request.answers import ApiError, body, not_found, page, reply, world
from countersign_ml.forge.request.auth import readable, signed_in, writable
from countersign_ml.forge.shapes import shapes_actions
from countersign_ml.forge.shapes.shapes_common import user
from countersign_ml.forge.shapes.shapes_repo import repository
from countersign_ml.forge.state.actions_records import Artifact, Job, Run, WorkflowFile
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import World
from countersign_ml.forge.workflow.expressions import RefusalError
from countersign_ml.forge.workflow.workflow_plan import dispatch_inputs, parse

routes = Blueprint("actions", __name__, url_prefix="/api/v3/repos/<owner>/<name>/actions")
LINK_SECONDS = 60  # a signed download address lives no longer
STATUSES = ("queued", "in_progress", "completed", "requested", "waiting", "pending")


def runner() -> Actions:
    """The Actions stand-in behind this application."""
    found: Actions = current_app.config["FORGE"].actions
    return found


def _workflow(record: Repository, key: str) -> WorkflowFile:
    for found in record.workflows.values():
        if key in (str(found.id), found.path.rsplit("/", 1)[-1], found.path):
            return found
    raise not_found()


def _run(record: Repository, number: int) -> Run:
    found = record.runs.get(number)
    if found is None:
        raise not_found()
    return found


@routes.get("/workflows")
def list_workflows(owner: str, name: str) -> Response:
    """GET every workflow file known."""
    record = readable(owner, name, "actions")
    found = list(record.workflows.values())
    shown = [shapes_actions.workflow(world(), record, each) for each in page(found)]
    return reply({"total_count": len(found), "workflows": shown})


@routes.get("/workflows/<key>")
def get_workflow(owner: str, name: str, key: str) -> Response:
    """GET one by id or file name."""
    record = readable(owner, name, "actions")
    return reply(shapes_actions.workflow(world(), record, _workflow(record, key)))


@routes.post("/workflows/<key>/dispatches")
def dispatch(owner: str, name: str, key: str) -> Response:
    """POST a workflow_dispatch on a ref: that ref's file, with the inputs that it declares."""
    record, actor = writable(owner, name, "actions")
    found = _workflow(record, key)
    data = body()
    ref = str(data.get("ref") or "")
    full = next(
        (
            each
            for each in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}")
            if each.startswith(("refs/heads/", "refs/tags/")) and record.store.ref(each)
        ),
        None,
    )
    if full is None:
        raise ApiError(422, f"No ref found for: {ref}")
    sha = record.store.resolve(full) or ""
    raw = record.store.file(sha, found.path)
    if raw is None:
        raise ApiError(404, f"Workflow does not exist on {ref}")
    text = raw.decode(errors="replace")
    inputs = {str(k): v for k, v in (data.get("inputs") or {}).items()}
    try:
        plan = parse(found.path, text)
        if "workflow_dispatch" not in plan.on:
            raise ApiError(422, "Workflow does not have 'workflow_dispatch' trigger")
        values = dispatch_inputs(plan, inputs)
    except RefusalError as refusal:
        raise ApiError(422, str(refusal)) from None
    short = full.removeprefix("refs/heads/").removeprefix("refs/tags/")
    payload = {
        "inputs": inputs or None,
        "ref": full,
        "workflow": found.path,
        "repository": repository(world(), record),
        "sender": user(world(), actor.account),
    }
    occasion = Occasion("workflow_dispatch", sha, sha, full, sha, short)
    run = runner().begin(record, occasion, found.path, text, payload, values, actor.account)
    new = request.headers.get("X-GitHub-Api-Version", "") >= "2026-03-10"
    if new or data.get("return_run_details") is True:
        shape = shapes_actions.run(world(), record, run)
        return reply(
            {"workflow_run_id": run.id, "run_url": shape["url"], "html_url": shape["html_url"]}
        )
    return reply(None, 204)


@routes.get("/runs")
@routes.get("/workflows/<key>/runs")
def list_runs(owner: str, name: str, key: str | None = None) -> Response:
    """GET runs by actor, branch, event, status (or conclusion) and head_sha, newest first."""
    record = readable(owner, name, "actions")
    chosen = _workflow(record, key) if key else None
    wanted = request.args

    def fits(run: Run) -> bool:
        return (
            (chosen is None or run.workflow is chosen)
            and wanted.get("event", run.event) == run.event
            and wanted.get("branch", run.branch) == run.branch
            and wanted.get("head_sha", run.head_sha) == run.head_sha
            and wanted.get("actor", run.actor.login).lower() == run.actor.login.lower()
            and wanted.get("check_suite_id", str(run.suite)) == str(run.suite)
            and ("status" not in wanted or wanted["status"] in (run.status, run.conclusion))
        )

    found = [run for run in reversed(record.runs.values()) if fits(run)]
    shown = [shapes_actions.run(world(), record, each) for each in page(found)]
    return reply({"total_count": len(found), "workflow_runs": shown})


@routes.get("/runs/<int:number>")
def get_run(owner: str, name: str, number: int) -> Response:
    """GET one run."""
    record = readable(owner, name, "actions")
    return reply(shapes_actions.run(world(), record, _run(record, number)))


@routes.post("/runs/<int:number>/cancel")
def cancel_run(owner: str, name: str, number: int) -> Response:
    """POST: cancel; 409 when it has ended."""
    record, _ = writable(owner, name, "actions")
    run = _run(record, number)
    if run.status == "completed":
        raise ApiError(409, "Cannot cancel a workflow run that is completed.")
    runner().cancel(record, run)
    return reply({}, 202)


@routes.post("/runs/<int:number>/rerun")
def rerun(owner: str, name: str, number: int) -> Response:
    """POST: a new attempt of a run that has ended."""
    record, actor = writable(owner, name, "actions")
    run = _run(record, number)
    if run.status != "completed":
        raise ApiError(403, "This workflow is already running")
    try:
        runner().rerun(record, run, actor.account)
    except RefusalError as refusal:
        raise ApiError(403, str(refusal)) from None
    return reply({}, 201)


@routes.get("/runs/<int:number>/attempts/<int:attempt>")
def get_attempt(owner: str, name: str, number: int, attempt: int) -> Response:
    """GET a run as it was at one attempt."""
    record = readable(owner, name, "actions")
    shape = shapes_actions.attempt(world(), record, _run(record, number), attempt)
    if shape is None:
        raise not_found()
    return reply(shape)


@routes.get("/runs/<int:number>/attempts/<int:attempt>/jobs")
def list_attempt_jobs(owner: str, name: str, number: int, attempt: int) -> Response:
    """GET the jobs of one attempt."""
    record = readable(owner, name, "actions")
    run = _run(record, number)
    found = [job for job in run.every_job() if job.attempt == attempt]
    shown = [shapes_actions.job(world(), record, run, each) for each in page(found)]
    return reply({"total_count": len(found), "jobs": shown})


@routes.delete("/runs/<int:number>")
def delete_run(owner: str, name: str, number: int) -> Response:
    """DELETE a run that has ended, and its artifacts with it."""
    record, _ = writable(owner, name, "actions")
    run = _run(record, number)
    if run.status != "completed":
        raise ApiError(403, "Could not delete the workflow run")
    for artifact in [each for each in record.artifacts.values() if each.run is run]:
        artifact.zip.unlink(missing_ok=True)
        del record.artifacts[artifact.id]
    del record.runs[number]
    return reply(None, 204)


@routes.get("/runs/<int:number>/jobs")
def list_jobs(owner: str, name: str, number: int) -> Response:
    """GET a run's jobs: of the latest attempt, or of `filter=all`."""
    record = readable(owner, name, "actions")
    run = _run(record, number)
    every = request.args.get("filter") == "all"
    found = run.every_job() if every else list(run.jobs.values())
    shown = [shapes_actions.job(world(), record, run, each) for each in page(found)]
    return reply({"total_count": len(found), "jobs": shown})


def _job(record: Repository, number: int) -> tuple[Run, Job]:
    for run in record.runs.values():
        for job in run.every_job():
            if job.id == number:
                return run, job
    raise not_found()


@routes.get("/jobs/<int:number>")
def get_job(owner: str, name: str, number: int) -> Response:
    """GET one job."""
    record = readable(owner, name, "actions")
    run, job = _job(record, number)
    return reply(shapes_actions.job(world(), record, run, job))


@routes.get("/jobs/<int:number>/logs")
def get_job_log(owner: str, name: str, number: int) -> BaseResponse:
    """GET a redirect to the job's log."""
    record = readable(owner, name, "actions")
    signed_in()
    _job(record, number)
    return redirect(signed(world(), f"job/{record.full_name}/{number}"), 302)


@routes.get("/runs/<int:number>/logs")
def get_run_log(owner: str, name: str, number: int) -> BaseResponse:
    """GET a redirect to a zip of all logs."""
    record = readable(owner, name, "actions")
    signed_in()
    _run(record, number)
    return redirect(signed(world(), f"run/{record.full_name}/{number}"), 302)


def zipped_logs(run: Run) -> bytes:
    """The logs of a run, a file for each job; a refused run has its message."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for job in run.jobs.values():
            text = job.log.read_text(encoding="utf-8") if job.log.exists() else ""
            archive.writestr(f"{job.name}.txt", text)
        if run.message:
            archive.writestr("message.txt", run.message)
    return out.getvalue()


def _artifacts(found: list[Artifact], record: Repository) -> Response:
    wanted = request.args.get("name")
    kept = [each for each in found if wanted in (None, each.name)]
    kept.sort(key=lambda each: -each.id)
    shown = [shapes_actions.artifact(world(), record, each) for each in page(kept)]
    return reply({"total_count": len(kept), "artifacts": shown})


@routes.get("/artifacts")
def list_artifacts(owner: str, name: str) -> Response:
    """GET the repository's artifacts, optionally of one name, newest first."""
    record = readable(owner, name, "actions")
    return _artifacts(list(record.artifacts.values()), record)


@routes.get("/runs/<int:number>/artifacts")
def list_run_artifacts(owner: str, name: str, number: int) -> Response:
    """GET one run's artifacts."""
    record = readable(owner, name, "actions")
    run = _run(record, number)
    return _artifacts([a for a in record.artifacts.values() if a.run is run], record)


def _artifact(record: Repository, number: int) -> Artifact:
    found = record.artifacts.get(number)
    if found is None:
        raise not_found()
    return found


@routes.get("/artifacts/<int:number>")
def get_artifact(owner: str, name: str, number: int) -> Response:
    """GET one artifact."""
    record = readable(owner, name, "actions")
    return reply(shapes_actions.artifact(world(), record, _artifact(record, number)))


@routes.delete("/artifacts/<int:number>")
def delete_artifact(owner: str, name: str, number: int) -> Response:
    """DELETE an artifact."""
    record, _ = writable(owner, name, "actions")
    _artifact(record, number).zip.unlink(missing_ok=True)
    del record.artifacts[number]
    return reply(None, 204)


@routes.get("/artifacts/<int:number>/zip")
def download_artifact(owner: str, name: str, number: int) -> BaseResponse:
    """GET a redirect to the zip, at a signed address that lives for a minute."""
    record = readable(owner, name, "actions")
    signed_in()
    found = _artifact(record, number)
    if found.expires <= world().clock():
        raise ApiError(410, "Artifact has expired")
    return redirect(signed(world(), f"artifact/{record.full_name}/{number}"), 302)


def signed(found_in: World, path: str) -> str:
    """An address outside the API with another host name, so that clients send no token to it."""
    until = int(found_in.clock()) + LINK_SECONDS
    host = found_in.web_url.replace("127.0.0.1", "localhost")
    return f"{host}/_download/{path}?se={until}&sig={signature(found_in, path, until)}"


def signature(found_in: World, path: str, until: int) -> str:
    """What makes a download address ours."""
    return hmac.new(found_in.signing_key, f"{path}|{until}".encode(), hashlib.sha256).hexdigest()
