"""The in-memory state of a forge: accounts, repositories, and the listeners to events.

There is no database: the code is in git, the rest is in this object and ends with the forge. Every
access from outside takes `World.lock`.
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from countersign_ml.forge.state.account_records import Account, App, Json, Team, Token
from countersign_ml.forge.state.actions_records import Run
from countersign_ml.forge.state.rate_limit import Budget
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue

NOREPLY_HOST = "users.noreply.github.com"
ROLES = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(frozen=True)
class Event:
    """Something happened. `payload` has the webhook's shape, without the sender."""

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
    """All state of a forge, and the lock that guards it."""

    root: Path
    clock: Callable[[], float] = time.time
    web_url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    accounts: dict[str, Account] = field(default_factory=dict)
    teams: dict[tuple[str, str], Team] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    ever: dict[int, Repository] = field(default_factory=dict)
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
        """A number that no other record has."""
        return next(self._ids)

    def publish(self, event: Event) -> None:
        """Call the listeners: webhooks, then workflows, then merge queues."""
        for listener in self.listeners:
            listener(event)

    def account(self, login: str) -> Account | None:
        """The account of that login, in any case."""
        return self.accounts.get(login.lower())

    def account_by_email(self, email: str) -> Account | None:
        """The account with that address; of a noreply address the number decides, if it has one."""
        wanted = email.lower()
        name, _, host = wanted.partition("@")
        number, plus, login = name.rpartition("+")
        for account in self.accounts.values():
            if wanted == account.email.lower():
                return account
            if host != NOREPLY_HOST:
                continue
            if number == str(account.id) if plus else login == account.login.lower():
                return account
        return None

    def add_repository(self, record: Repository) -> None:
        """Make a new repository known, by name and by id."""
        self.repositories[record.full_name.lower()] = record
        self.ever[record.id] = record

    def source(self, record: Repository, fork: int | None) -> Repository:
        """The repository with the head branch: `record`, or the fork of that id, even if deleted.

        Records name a fork by its id, so that no record of a thread or a run needs the repository.
        """
        return record if fork is None else self.ever[fork]

    def repository(self, full_name: str) -> Repository | None:
        """The repository of that name, in any case."""
        return self.repositories.get(full_name.lower())

    def role(self, repository: Repository, account: Account) -> str:
        """The account's strongest role here: its own, from a team, or as the owner."""
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
