"""REST: deployments and what became of them."""

from __future__ import annotations

from flask import Blueprint, Response, request

from forge import shapes_checks
from forge.auth import Actor, readable, writable
from forge.http import ApiError, body, invalid, not_found, page, reply, text_field, world
from forge.merging import unmet_checks
from forge.records import Deployment, DeploymentStatus, Json
from forge.state import Event, Repository

routes = Blueprint("deployments", __name__, url_prefix="/api/v3/repos/<owner>/<name>/deployments")
STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")


def publish(record: Repository, actor: Actor, name: str, found: Deployment, extra: Json) -> None:
    """A deployment or deployment_status event."""
    payload: Json = {
        "deployment": shapes_checks.deployment(world(), record, found),
        "workflow": None, "workflow_run": None, **extra,
    }
    if name == "deployment_status":
        payload["check_run"] = None
    world().publish(
        Event(name, "created", record, payload, actor.account, actor.app, actor.token.quiet,
              ref=found.ref, sha=found.sha)
    )


@routes.get("")
def list_deployments(owner: str, name: str) -> Response:
    """GET deployments by sha, ref, task and environment, newest first."""
    record = readable(owner, name, "deployments")
    found = [
        each for each in reversed(record.deployments.values())
        if all(
            request.args.get(field, "none") in ("none", getattr(each, field))
            for field in ("sha", "ref", "task", "environment")
        )
    ]
    return reply([shapes_checks.deployment(world(), record, each) for each in page(found)])


@routes.post("")
def create_deployment(owner: str, name: str) -> Response:
    """POST a deployment of a ref; 409 where required checks do not hold on it."""
    record, actor = writable(owner, name, "deployments")
    data = body()
    ref = text_field(data, "Deployment", "ref") or ""
    sha = record.store.resolve(ref)
    if sha is None:
        raise ApiError(422, f"No ref found for: {ref}")
    contexts = data.get("required_contexts")
    if contexts is None and unmet_checks(record, record.default_branch, sha):
        raise ApiError(409, f"Conflict: Commit status checks failed for {ref}.")
    environment = str(data.get("environment") or "production")
    found = Deployment(
        world().take_id(), sha, ref, str(data.get("task") or "deploy"), environment,
        data.get("payload"), text_field(data, "Deployment", "description", required=False),
        actor.account, world().clock(), data.get("transient_environment") is True,
        data.get("production_environment", environment == "production") is True, actor.app,
    )
    record.deployments[found.id] = found
    publish(record, actor, "deployment", found, {})
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
    return reply([
        shapes_checks.deployment_status(world(), record, found, each)
        for each in page(found.statuses[::-1])
    ])


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
    status = DeploymentStatus(
        world().take_id(), state, str(data.get("description") or ""),
        str(data.get("environment") or found.environment), log or target or "",
        str(data.get("environment_url") or ""), actor.account, world().clock(),
    )
    found.statuses.append(status)
    if state == "success" and data.get("auto_inactive", True) and not found.transient:
        _retire_others(record, found, actor)
    shape = shapes_checks.deployment_status(world(), record, found, status)
    publish(record, actor, "deployment_status", found, {"deployment_status": shape})
    return reply(shape, 201)


def _retire_others(record: Repository, latest: Deployment, actor: Actor) -> None:
    for other in record.deployments.values():
        old = other is not latest and other.environment == latest.environment
        if old and not other.transient and other.statuses and other.statuses[-1].state == "success":
            other.statuses.append(DeploymentStatus(
                world().take_id(), "inactive", "", other.environment, "", "", actor.account,
                world().clock(),
            ))
    # GitHub sends no deployment_status event for these.


@routes.get("/<int:number>/statuses/<int:status>")
def get_status(owner: str, name: str, number: int, status: int) -> Response:
    """GET one status."""
    record = readable(owner, name, "deployments")
    found = _deployment(record, number)
    for each in found.statuses:
        if each.id == status:
            return reply(shapes_checks.deployment_status(world(), record, found, each))
    raise not_found()


