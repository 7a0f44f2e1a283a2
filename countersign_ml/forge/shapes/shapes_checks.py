"""JSON in GitHub's shapes: check runs, check suites, commit statuses and deployments."""

from __future__ import annotations

from typing import Any

from countersign_ml.forge.shapes.shapes_common import app, node, user, when
from countersign_ml.forge.shapes.shapes_repo import api, branch, commit, small_repository, web
from countersign_ml.forge.state.account_records import Json
from countersign_ml.forge.state.commit_records import CheckRun, Deployment, DeploymentStatus, Status
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import World


def pulls_of(world: World, record: Repository, sha: str) -> list[Json]:
    """`pull_requests`: the open ones whose head is this commit; GitHub leaves forks' out."""
    place = {"id": record.id, "url": api(world, record), "name": record.name}
    return [
        {
            "id": pull.id,
            "number": thread.number,
            "url": f"{api(world, record)}/pulls/{thread.number}",
            "head": {"ref": pull.head, "sha": pull.head_sha, "repo": place},
            "base": {"ref": pull.base, "sha": pull.base_sha, "repo": place},
        }
        for thread, pull in record.pulls()
        if pull.head_sha == sha and thread.state == "open" and pull.fork is None
    ]


def check_run(world: World, record: Repository, found: CheckRun) -> Json:
    """A `check-run`."""
    url = f"{api(world, record)}/check-runs/{found.id}"
    page = f"{web(world, record)}/runs/{found.id}"
    return {
        "id": found.id,
        "name": found.name,
        "node_id": node("CheckRun", found.id),
        "head_sha": found.sha,
        "external_id": found.external_id,
        "url": url,
        "html_url": page,
        "details_url": found.details_url or page,
        "status": found.status,
        "conclusion": found.conclusion,
        "started_at": when(found.started),
        "completed_at": when(found.completed),
        "output": {
            "title": found.title,
            "summary": found.summary,
            "text": found.text,
            "annotations_count": len(found.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": found.suite},
        "app": app(world, found.app),
        "pull_requests": pulls_of(world, record, found.sha),
    }


def check_suite(world: World, record: Repository, found: CheckRun) -> Json:
    """The suite of a check run, as the `check_run` webhook shows it."""
    pulls = pulls_of(world, record, found.sha)
    return {
        "id": found.suite,
        "node_id": node("CheckSuite", found.suite),
        "head_branch": pulls[0]["head"]["ref"] if pulls else None,
        "head_sha": found.sha,
        "status": found.status,
        "conclusion": found.conclusion,
        "url": f"{api(world, record)}/check-suites/{found.suite}",
        "before": None,
        "after": found.sha,
        "pull_requests": pulls,
        "app": app(world, found.app),
        "created_at": when(found.started or record.created),
        "updated_at": when(found.completed or found.started or record.created),
    }


def status(world: World, record: Repository, found: Status) -> Json:
    """A `status`."""
    return {
        "url": f"{api(world, record)}/statuses/{found.sha}",
        "avatar_url": f"{world.web_url}/avatars/{found.creator.id}.svg",
        "id": found.id,
        "node_id": node("StatusContext", found.id),
        "state": found.state,
        "description": found.description,
        "target_url": found.target_url,
        "context": found.context,
        "created_at": when(found.created),
        "updated_at": when(found.created),
        "creator": user(world, found.creator),
    }


def status_event(world: World, record: Repository, found: Status) -> Json:
    """The body of a `status` webhook."""
    heads = record.store.refs("refs/heads/")
    return {
        "id": found.id,
        "sha": found.sha,
        "name": record.full_name,
        "target_url": found.target_url,
        "avatar_url": f"{world.web_url}/avatars/{found.creator.id}.svg",
        "context": found.context,
        "description": found.description,
        "state": found.state,
        "commit": commit(world, record, record.store.commit(found.sha)),
        "branches": [
            branch(world, record, ref.removeprefix("refs/heads/"), sha, full=False)
            for ref, sha in heads.items()
            if sha == found.sha
        ],
        "created_at": when(found.created),
        "updated_at": when(found.created),
    }


def combined_status(world: World, record: Repository, sha: str) -> Json:
    """A `combined-commit-status`: the latest status of each context and their sum."""
    latest = {found.context: found for found in record.statuses if found.sha == sha}
    states = [found.state for found in latest.values()]
    if any(state in ("failure", "error") for state in states):
        total = "failure"
    elif states and all(state == "success" for state in states):
        total = "success"
    else:
        total = "pending"
    return {
        "state": total,
        "statuses": [
            {k: v for k, v in status(world, record, found).items() if k != "creator"}
            for found in latest.values()
        ],
        "sha": sha,
        "total_count": len(latest),
        "repository": small_repository(world, record),
        "commit_url": f"{api(world, record)}/commits/{sha}",
        "url": f"{api(world, record)}/commits/{sha}/status",
    }


def deployment(world: World, record: Repository, found: Deployment) -> Json:
    """A `deployment`."""
    url = f"{api(world, record)}/deployments/{found.id}"
    payload: Any = found.payload if found.payload is not None else {}
    return {
        "url": url,
        "id": found.id,
        "node_id": node("Deployment", found.id),
        "sha": found.sha,
        "ref": found.ref,
        "task": found.task,
        "payload": payload,
        "original_environment": found.environment,
        "environment": found.environment,
        "description": found.description,
        "creator": user(world, found.creator),
        "created_at": when(found.created),
        "updated_at": when(found.statuses[-1].created if found.statuses else found.created),
        "statuses_url": f"{url}/statuses",
        "repository_url": api(world, record),
        "transient_environment": found.transient,
        "production_environment": found.production,
        "performed_via_github_app": app(world, found.app) if found.app else None,
    }


def deployment_status(
    world: World, record: Repository, parent: Deployment, found: DeploymentStatus
) -> Json:
    """A `deployment-status`."""
    url = f"{api(world, record)}/deployments/{parent.id}"
    return {
        "url": f"{url}/statuses/{found.id}",
        "id": found.id,
        "node_id": node("DeploymentStatus", found.id),
        "state": found.state,
        "creator": user(world, found.creator),
        "description": found.description,
        "environment": found.environment,
        "target_url": found.log_url,
        "created_at": when(found.created),
        "updated_at": when(found.created),
        "deployment_url": url,
        "repository_url": api(world, record),
        "environment_url": found.environment_url,
        "log_url": found.log_url,
        "performed_via_github_app": None,
    }
