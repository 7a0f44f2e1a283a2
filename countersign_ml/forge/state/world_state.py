"""The one in-memory state of a forge: who exists, which repositories, and who listens to events.

No database: git holds the code, this object the rest, and it dies with the forge. Every access
from outside goes through `World.lock`.
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from countersign_ml.forge.git.bare_repository import GitStore
from countersign_ml.forge.state.actions_records import Artifact, Run, WorkflowFile
from countersign_ml.forge.state.rate_limit import Budget
from countersign_ml.forge.state.thread_records import (
    Account,
    App,
    CheckRun,
    Deployment,
    Issue,
    Json,
    Pull,
    QueueEntry,
    RequiredCheck,
    Status,
    Team,
    Token,
)

ROLES = ("none", "read", "triage", "write", "maintain", "admin")


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
        """The next number in the row that issues and pull requests share."""
        number = self.next_number
        self.next_number += 1
        return number

    def pulls(self) -> list[tuple[Issue, Pull]]:
        """Every pull request with its issue, oldest first."""
        return [(i, i.pull) for _, i in sorted(self.issues.items()) if i.pull is not None]


@dataclass(frozen=True)
class Event:
    """Something happened; `payload` is in the webhook's shape, still without sender and such."""

    name: str
    action: str | None
    repository: Repository
    payload: Json
    sender: Account
    app: App | None = None
    quiet: bool = False
    ref: str = ""
    sha: str = ""
    before: str = ""
    issue: Issue | None = None
    run: Run | None = None


@dataclass
class World:
    """All that a forge knows, and the lock that guards it."""

    root: Path
    clock: Callable[[], float] = time.time
    web_url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    accounts: dict[str, Account] = field(default_factory=dict)
    teams: dict[tuple[str, str], Team] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    listeners: list[Callable[[Event], None]] = field(default_factory=list)
    budget: Budget = field(default_factory=Budget)
    mergeable_unknown_reads: int = 0
    signing_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1001))

    @property
    def api_url(self) -> str:
        """Where the REST API answers, as on a GitHub Enterprise Server."""
        return f"{self.web_url}/api/v3"

    def take_id(self) -> int:
        """A number no other record has."""
        return next(self._ids)

    def publish(self, event: Event) -> None:
        """Tell webhooks and workflows, in that order."""
        for listener in self.listeners:
            listener(event)

    def account(self, login: str) -> Account | None:
        """The account of that login, in any case."""
        return self.accounts.get(login.lower())

    def account_by_email(self, email: str) -> Account | None:
        """Whom a commit's address belongs to, or nobody."""
        wanted = email.lower()
        for account in self.accounts.values():
            if wanted in (account.email.lower(), account.noreply.lower()):
                return account
        return None

    def repository(self, full_name: str) -> Repository | None:
        """The repository of that name, in any case."""
        return self.repositories.get(full_name.lower())

    def role(self, repository: Repository, account: Account) -> str:
        """The strongest role the account holds here, from itself, its teams or ownership."""
        held = ["none"]
        if account.id == repository.owner.id:
            held.append("admin")
        held.append(repository.collaborators.get(account.login.lower(), "none"))
        for slug, role in repository.teams.items():
            team = self.teams.get((repository.owner.login.lower(), slug))
            if team is not None and account.login.lower() in team.members:
                held.append(role)
        best = max(held, key=ROLES.index)
        if best == "none" and not repository.private:
            return "read"
        return best

    def installed_on(self, app: App, repository: Repository) -> bool:
        """Whether the App's installation covers the repository: all of one account's, no forks."""
        if repository.parent is not None:
            return False
        return app.account is None or app.account.lower() == repository.owner.login.lower()
