"""REST: deployments and what became of them."""

from __future__ import annotations

from flask import Blueprint, Response, request

from countersign_ml.forge.deeds.deploying import deploy, set_state
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
from countersign_ml.forge.shapes import shapes_checks
from countersign_ml.forge.state.commit_records import Deployment
from countersign_ml.forge.state.mergeability import unmet_checks
from countersign_ml.forge.state.repository_record import Repository

routes = Blueprint("deployments", __name__, url_prefix="/api/v3/repos/<owner>/<name>/deployments")
STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")


@routes.get("")
def list_deployments(owner: str, name: str) -> Response:
    """GET deployments by sha, ref, task and environment, newest first."""
    record = readable(owner, name, "deployments")
    found = [
        each
        for each in reversed(record.deployments.values())
        if all(
            request.args.get(field, "none") in ("none", getattr(each, field))
            for field in ("sha", "ref", "task", "environment")
        )
    ]
    return reply([shapes_checks.deployment(world(), record, each) for each in page(found)])


@routes.post("")
def create_deployment(owner: str, name: str) -> Response:
    """POST a deployment of a ref; 409 if required checks have not passed on it."""
    record, actor = writable(owner, name, "deployments")
    data = body()
    ref = text_field(data, "Deployment", "ref") or ""
    sha = record.store.resolve(ref)
    if sha is None:
        raise ApiError(422, f"No ref found for: {ref}")
    if data.get("required_contexts") is None and unmet_checks(record, record.default_branch, sha):
        raise ApiError(409, f"Conflict: Commit status checks failed for {ref}.")
    found = deploy(
        world(),
        record,
        actor.account,
        sha=sha,
        ref=ref,
        environment=str(data.get("environment") or "production"),
        task=str(data.get("task") or "deploy"),
        payload=data.get("payload"),
        description=text_field(data, "Deployment", "description", required=False),
        transient=data.get("transient_environment") is True,
        production=data.get("production_environment"),
        app=actor.app,
        quiet=actor.token.quiet,
    )
    return reply(shapes_checks.deployment(world(), record, found), 201)


def _deployment(record: Repository, number: int) -> Deployment:
    found = record.deployments.get(number)
    if found is None:
        raise not_found()
    return found


@routes.get("/<int:number>")
def get_deployment(owner: str, name: str, number: int) -> Response:
    """GET one deployment."""
    record = readable(owner, name, "deployments")
    return reply(shapes_checks.deployment(world(), record, _deployment(record, number)))


@routes.get("/<int:number>/statuses")
def list_statuses(owner: str, name: str, number: int) -> Response:
    """GET its statuses, newest first."""
    record = readable(owner, name, "deployments")
    found = _deployment(record, number)
    return reply(
        [
            shapes_checks.deployment_status(world(), record, found, each)
            for each in page(found.statuses[::-1])
        ]
    )


@routes.post("/<int:number>/statuses")
def create_status(owner: str, name: str, number: int) -> Response:
    """POST a status; a success makes earlier deployments of the environment inactive."""
    record, actor = writable(owner, name, "deployments")
    found = _deployment(record, number)
    data = body()
    state = text_field(data, "DeploymentStatus", "state") or ""
    if state not in STATES:
        raise invalid("DeploymentStatus", "state", f"{state!r} is not included in the list")
    log = text_field(data, "DeploymentStatus", "log_url", required=False)
    target = text_field(data, "DeploymentStatus", "target_url", required=False)
    status = set_state(
        world(),
        record,
        found,
        actor.account,
        state,
        description=str(data.get("description") or ""),
        log_url=log or target or "",
        environment_url=str(data.get("environment_url") or ""),
        environment=data.get("environment"),
        auto_inactive=data.get("auto_inactive", True),
        app=actor.app,
        quiet=actor.token.quiet,
    )
    return reply(shapes_checks.deployment_status(world(), record, found, status), 201)


@routes.get("/<int:number>/statuses/<int:status>")
def get_status(owner: str, name: str, number: int, status: int) -> Response:
    """GET one status."""
    record = readable(owner, name, "deployments")
    found = _deployment(record, number)
    for each in found.statuses:
        if each.id == status:
            return reply(shapes_checks.deployment_status(world(), record, found, each))
    raise not_found()
