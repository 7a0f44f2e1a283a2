"""Deployments as records: made and moved on here, by the REST routes and by workflow jobs."""

from __future__ import annotations

from typing import Any

from countersign_ml.forge.shapes import shapes_checks
from countersign_ml.forge.state.account_records import Account, App, Json
from countersign_ml.forge.state.commit_records import Deployment, DeploymentStatus
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import Event, World


def deploy(
    world: World,
    record: Repository,
    creator: Account,
    *,
    sha: str,
    ref: str,
    environment: str,
    task: str = "deploy",
    payload: Any = None,
    description: str | None = None,
    transient: bool = False,
    production: bool | None = None,
    app: App | None = None,
    quiet: bool = False,
) -> Deployment:
    """A new deployment and its event."""
    found = Deployment(
        world.take_id(),
        sha,
        ref,
        task,
        environment,
        payload,
        description,
        creator,
        world.clock(),
        transient,
        environment == "production" if production is None else production,
        app,
    )
    record.deployments[found.id] = found
    _publish(world, record, "deployment", found, creator, app, quiet, {})
    return found


def set_state(
    world: World,
    record: Repository,
    found: Deployment,
    creator: Account,
    state: str,
    *,
    description: str = "",
    log_url: str = "",
    environment_url: str = "",
    environment: str | None = None,
    auto_inactive: bool = True,
    app: App | None = None,
    quiet: bool = False,
) -> DeploymentStatus:
    """A new status and its event; a success retires earlier ones of the environment, silently."""
    now = world.clock()
    status = DeploymentStatus(
        world.take_id(),
        state,
        description,
        environment or found.environment,
        log_url,
        environment_url,
        creator,
        now,
    )
    found.statuses.append(status)
    if state == "success" and auto_inactive and not found.transient:
        for other in record.deployments.values():
            live = other.statuses and other.statuses[-1].state == "success"
            same = other is not found and other.environment == found.environment
            if live and same and not other.transient:
                other.statuses.append(
                    DeploymentStatus(
                        world.take_id(), "inactive", "", other.environment, "", "", creator, now
                    )
                )
    shape = shapes_checks.deployment_status(world, record, found, status)
    _publish(
        world,
        record,
        "deployment_status",
        found,
        creator,
        app,
        quiet,
        {"deployment_status": shape, "check_run": None},
    )
    return status


def _publish(
    world: World,
    record: Repository,
    name: str,
    found: Deployment,
    sender: Account,
    app: App | None,
    quiet: bool,
    extra: Json,
) -> None:
    payload: Json = {
        "deployment": shapes_checks.deployment(world, record, found),
        "workflow": None,
        "workflow_run": None,
        **extra,
    }
    world.publish(
        Event(name, "created", record, payload, sender, app, quiet, ref=found.ref, sha=found.sha)
    )
