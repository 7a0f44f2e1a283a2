"""A repository: its bare git store, and the threads, checks and workflow runs around it."""

from __future__ import annotations

from dataclasses import dataclass, field

from countersign_ml.forge.git.bare_repository import GitStore
from countersign_ml.forge.state.account_records import Account, Json
from countersign_ml.forge.state.actions_records import Artifact, Run, WorkflowFile
from countersign_ml.forge.state.commit_records import CheckRun, Deployment, RequiredCheck, Status
from countersign_ml.forge.state.thread_records import Issue, Pull, QueueEntry


@dataclass
class Repository:
    """One repository: its bare git store and the threads, checks and runs around it."""

    id: int
    owner: Account
    name: str
    store: GitStore
    default_branch: str
    private: bool
    created: float
    pushed: float
    description: str | None = None
    collaborators: dict[str, str] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Json] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    suites: dict[tuple[int, str], int] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    workflows: dict[str, WorkflowFile] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    artifacts: dict[int, Artifact] = field(default_factory=dict)
    required: dict[str, list[RequiredCheck]] = field(default_factory=dict)
    verified: set[str] = field(default_factory=set)
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    queues: dict[str, list[QueueEntry]] = field(default_factory=dict)  # by branch that needs one
    grouped: set[str] = field(default_factory=set)  # commits that a merge queue made
    parent: Repository | None = None
    deleted: bool = False
    next_number: int = 1

    @property
    def full_name(self) -> str:
        """`owner/name`, as in every URL."""
        return f"{self.owner.login}/{self.name}"

    def take_number(self) -> int:
        """The next number; issues and pull requests share one sequence."""
        number = self.next_number
        self.next_number += 1
        return number

    def pulls(self) -> list[tuple[Issue, Pull]]:
        """Every pull request with its issue, oldest first."""
        return [(i, i.pull) for _, i in sorted(self.issues.items()) if i.pull is not None]
