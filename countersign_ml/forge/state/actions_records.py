"""Workflow files, runs, jobs, steps and artifacts."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from countersign_ml.forge.state.account_records import Account, Json
from countersign_ml.forge.workflow.workflow_plan import JobPlan, WorkflowPlan


@dataclass
class WorkflowFile:
    """A workflow as the API lists it: one per path."""

    id: int
    path: str
    name: str
    created: float
    updated: float


@dataclass
class Step:
    """One step of a job, as it ran."""

    number: int
    name: str
    status: str = "queued"
    conclusion: str | None = None
    started: float | None = None
    completed: float | None = None


@dataclass
class Job:
    """One job of a run; `plan` is None if the workflow could not be read."""

    id: int
    key: str
    name: str
    labels: list[str]
    created: float
    log: Path
    plan: JobPlan | None = None
    status: str = "queued"
    conclusion: str | None = None
    started: float | None = None
    completed: float | None = None
    check_run: int = 0
    steps: list[Step] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    annotations: list[Json] = field(default_factory=list)
    attempt: int = 1


@dataclass(frozen=True)
class Attempt:
    """An earlier attempt of a run, with its jobs and logs."""

    number: int
    status: str
    conclusion: str | None
    started: float | None
    updated: float
    by: Account
    jobs: dict[str, Job]


@dataclass
class Run:
    """One run of a workflow at one commit."""

    id: int
    workflow: WorkflowFile
    number: int
    event: str
    ref: str
    branch: str
    sha: str
    head_sha: str
    actor: Account
    payload: Json
    inputs: Json
    folder: Path
    created: float
    updated: float
    title: str = ""
    plan: WorkflowPlan | None = None
    status: str = "queued"
    conclusion: str | None = None
    started: float | None = None
    pulls: list[int] = field(default_factory=list)
    suite: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    message: str = ""
    group: str | None = None
    quiet: bool = False
    attempt: int = 1
    rerun_by: Account | None = None
    earlier: list[Attempt] = field(default_factory=list)
    fork: int | None = None  # id of a pull request's fork: no secrets, a read-only token
    cancelled: threading.Event = field(default_factory=threading.Event)

    def every_job(self) -> list[Job]:
        """The jobs of all attempts, oldest first."""
        past = [job for attempt in self.earlier for job in attempt.jobs.values()]
        return past + list(self.jobs.values())


@dataclass
class Artifact:
    """An uploaded zip of one attempt of a run."""

    id: int
    name: str
    run: Run
    zip: Path
    size: int
    digest: str
    created: float
    expires: float
    attempt: int = 1
