"""What is recorded about a commit: check runs, statuses and deployments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from countersign_ml.forge.state.account_records import Account, App, Json


@dataclass
class CheckRun:
    """A check run of one App on one commit."""

    id: int
    suite: int
    sha: str
    name: str
    app: App
    status: str
    conclusion: str | None = None
    external_id: str = ""
    details_url: str | None = None
    started: float | None = None
    completed: float | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Json] = field(default_factory=list)


@dataclass
class Status:
    """A commit status: older than check runs, and anyone with write access can post it."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: Account
    created: float


@dataclass
class RequiredCheck:
    """A status check that a branch's rules require; `app_id` pins who may post it."""

    context: str
    app_id: int | None


@dataclass
class DeploymentStatus:
    """One step in the life of a deployment."""

    id: int
    state: str
    description: str
    environment: str
    log_url: str
    environment_url: str
    creator: Account
    created: float


@dataclass
class Deployment:
    """A request to run `sha` in `environment`."""

    id: int
    sha: str
    ref: str
    task: str
    environment: str
    payload: Any
    description: str | None
    creator: Account
    created: float
    transient: bool
    production: bool
    app: App | None = None
    statuses: list[DeploymentStatus] = field(default_factory=list)
