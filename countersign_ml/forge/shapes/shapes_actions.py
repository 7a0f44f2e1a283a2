"""JSON in GitHub's shapes: workflows, runs, jobs and artifacts."""

from __future__ import annotations

from countersign_ml.forge.shapes.shapes_checks import pulls_of
from countersign_ml.forge.shapes.shapes_common import node, user, when
from countersign_ml.forge.shapes.shapes_repo import api, small_repository, web
from countersign_ml.forge.state.account_records import Json
from countersign_ml.forge.state.actions_records import Artifact, Job, Run, WorkflowFile
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import World


def workflow(world: World, record: Repository, found: WorkflowFile) -> Json:
    """A `workflow`."""
    name = found.path.rsplit("/", 1)[-1]
    return {
        "id": found.id,
        "node_id": node("Workflow", found.id),
        "name": found.name,
        "path": found.path,
        "state": "active",
        "created_at": when(found.created),
        "updated_at": when(found.updated),
        "url": f"{api(world, record)}/actions/workflows/{found.id}",
        "html_url": f"{web(world, record)}/blob/{record.default_branch}/{found.path}",
        "badge_url": f"{web(world, record)}/actions/workflows/{name}/badge.svg",
    }


def head_commit(record: Repository, sha: str) -> Json:
    """A `simple-commit`."""
    commit = record.store.commit(sha)
    return {
        "id": sha,
        "tree_id": commit.tree,
        "message": commit.message.rstrip("\n"),
        "timestamp": when(commit.committer.seconds),
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
    }


def run(world: World, record: Repository, found: Run) -> Json:
    """A `workflow-run`."""
    url = f"{api(world, record)}/actions/runs/{found.id}"
    return {
        "id": found.id,
        "name": found.workflow.name,
        "node_id": node("WorkflowRun", found.id),
        "check_suite_id": found.suite,
        "check_suite_node_id": node("CheckSuite", found.suite),
        "head_branch": found.branch,
        "head_sha": found.head_sha,
        "path": found.workflow.path,
        "run_number": found.number,
        "run_attempt": found.attempt,
        "referenced_workflows": [],
        "event": found.event,
        "display_title": found.title,
        "status": found.status,
        "conclusion": found.conclusion,
        "workflow_id": found.workflow.id,
        "url": url,
        "html_url": f"{web(world, record)}/actions/runs/{found.id}",
        "pull_requests": pulls_of(world, record, found.head_sha),
        "created_at": when(found.created),
        "updated_at": when(found.updated),
        "run_started_at": when(found.started or found.created),
        "actor": user(world, found.actor),
        "triggering_actor": user(world, found.rerun_by or found.actor),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{api(world, record)}/check-suites/{found.suite}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{found.attempt - 1}" if found.earlier else None,
        "workflow_url": f"{api(world, record)}/actions/workflows/{found.workflow.id}",
        "head_commit": head_commit(record, found.head_sha),
        "repository": small_repository(world, record),
        "head_repository": head_repository(world, record, found),
    }


def head_repository(world: World, record: Repository, found: Run) -> Json | None:
    """Where the run's code comes from; None once that fork is gone."""
    source = world.source(record, found.fork)
    return None if source.deleted else small_repository(world, source)


def attempt(world: World, record: Repository, found: Run, number: int) -> Json | None:
    """A `workflow-run` as it was at one attempt; None if there was no such attempt."""
    shape = run(world, record, found)
    if number == found.attempt:
        return shape
    url = f"{api(world, record)}/actions/runs/{found.id}"
    for past in found.earlier:
        if past.number == number:
            return shape | {
                "run_attempt": number,
                "status": past.status,
                "conclusion": past.conclusion,
                "run_started_at": when(past.started or found.created),
                "updated_at": when(past.updated),
                "triggering_actor": user(world, past.by),
                "previous_attempt_url": f"{url}/attempts/{number - 1}" if number > 1 else None,
            }
    return None


def job(world: World, record: Repository, parent: Run, found: Job) -> Json:
    """A `job`."""
    return {
        "id": found.id,
        "run_id": parent.id,
        "workflow_name": parent.workflow.name,
        "head_branch": parent.branch,
        "run_url": f"{api(world, record)}/actions/runs/{parent.id}",
        "run_attempt": found.attempt,
        "node_id": node("CheckRun", found.id),
        "head_sha": parent.head_sha,
        "url": f"{api(world, record)}/actions/jobs/{found.id}",
        "html_url": f"{web(world, record)}/actions/runs/{parent.id}/job/{found.id}",
        "status": found.status,
        "conclusion": found.conclusion,
        "created_at": when(found.created),
        "started_at": when(found.started or found.created),
        "completed_at": when(found.completed),
        "name": found.name,
        "steps": [
            {
                "name": step.name,
                "status": step.status,
                "conclusion": step.conclusion,
                "number": step.number,
                "started_at": when(step.started),
                "completed_at": when(step.completed),
            }
            for step in found.steps
        ],
        "check_run_url": f"{api(world, record)}/check-runs/{found.check_run}",
        "labels": found.labels,
        "runner_id": 1,
        "runner_name": "forge",
        "runner_group_id": 1,
        "runner_group_name": "Default",
    }


def artifact(world: World, record: Repository, found: Artifact) -> Json:
    """An `artifact`."""
    url = f"{api(world, record)}/actions/artifacts/{found.id}"
    return {
        "id": found.id,
        "node_id": node("Artifact", found.id),
        "name": found.name,
        "size_in_bytes": found.size,
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": found.expires <= world.clock(),
        "digest": f"sha256:{found.digest}",
        "created_at": when(found.created),
        "updated_at": when(found.created),
        "expires_at": when(found.expires),
        "workflow_run": {
            "id": found.run.id,
            "repository_id": record.id,
            "head_repository_id": found.run.fork or record.id,
            "head_branch": found.run.branch,
            "head_sha": found.run.head_sha,
        },
    }
