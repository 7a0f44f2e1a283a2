"""What people do that has no REST route, and the settings of a repository: methods of `Forge`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from countersign_ml.forge.actions.actions_stand_in import Actions
from countersign_ml.forge.deeds import forks, merging, seeding
from countersign_ml.forge.deeds.merge_queue import MergeQueues
from countersign_ml.forge.request.answers import ApiError
from countersign_ml.forge.request.auth import Actor
from countersign_ml.forge.state.commit_records import RequiredCheck
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue
from countersign_ml.forge.state.world_state import ROLES, World
from policy.errors import UserError


class Gestures:
    """The part of `Forge` that does what a person does on the web page."""

    world: World
    actions: Actions
    queues: MergeQueues

    def repository(self, full_name: str) -> Repository:
        """The record of a repository."""
        found = self.world.repository(full_name)
        if found is None:
            raise UserError.one("forge", f"there is no repository {full_name}")
        return found

    def require_checks(
        self, repository: str, branch: str, contexts: Sequence[str], app_id: int | None = None
    ) -> None:
        """Add a ruleset: these checks must pass on `branch`, posted by this App if one is named."""
        with self.world.lock:
            self.repository(repository).required[branch] = [
                RequiredCheck(context, app_id) for context in contexts
            ]

    def set_secret(self, repository: str, name: str, value: str) -> None:
        """An Actions secret: workflows see it as secrets.NAME, logs as ***."""
        self.repository(repository).secrets[name] = value

    def set_variable(self, repository: str, name: str, value: str) -> None:
        """An Actions variable: vars.NAME."""
        self.repository(repository).variables[name] = value

    def require_merge_queue(self, repository: str, branch: str) -> None:
        """Add a ruleset: `branch` moves only through a merge queue."""
        with self.world.lock:
            self.repository(repository).queues.setdefault(branch, [])

    def actor(self, login: str) -> Actor:
        """A user as the author of a request."""
        account = self.world.account(login)
        if account is None:
            raise UserError.one("forge", f"there is no user {login}")
        return Actor(account, self.world.tokens[account.token])

    def seed(self, repository: str, folder: Path, as_user: str, message: str = "First") -> str:
        """Commit a folder's files to the default branch and announce the push; return the SHA."""
        with self.world.lock:
            return seeding.seed(
                self.world, self.repository(repository), folder, self.actor(as_user), message
            )

    def revert(self, repository: str, number: int, as_user: str) -> Issue:
        """What the Revert button does; return the pull request it opens."""
        with self.world.lock:
            record = self.repository(repository)
            return merging.revert(self.world, record, record.issues[number], self.actor(as_user))

    def run_schedule(self, repository: str, workflow: str) -> None:
        """Start a workflow file with `on: schedule`, as at its time."""
        with self.world.lock:
            self.actions.on_schedule(self.repository(repository), workflow)

    def enqueue(self, repository: str, number: int, *, by: str) -> None:
        """What "Merge when ready" does on green checks: put a pull request in the merge queue."""
        with self.world.lock:
            record = self.repository(repository)
            self.queues.enqueue(record, self._numbered(record, number), self._writer(record, by))

    def dequeue(self, repository: str, number: int, *, by: str) -> None:
        """Take a pull request out of the merge queue."""
        with self.world.lock:
            record = self.repository(repository)
            self.queues.dequeue(record, self._numbered(record, number), self._writer(record, by))

    def fork(self, repository: str, *, by: str) -> Repository:
        """Fork a repository into the account of `by`, with all branches and tags."""
        with self.world.lock:
            return forks.fork(self.world, self.repository(repository), self.actor(by).account)

    def delete_repository(self, repository: str) -> None:
        """Delete a repository, be it a fork that has open pull requests."""
        with self.world.lock:
            forks.delete(self.world, self.repository(repository))

    def _numbered(self, record: Repository, number: int) -> Issue:
        if number not in record.issues:
            raise UserError.one("forge", f"there is no {record.full_name}#{number}")
        return record.issues[number]

    def _writer(self, record: Repository, login: str) -> Actor:
        actor = self.actor(login)
        if ROLES.index(self.world.role(record, actor.account)) < ROLES.index("write"):
            raise ApiError(403, f"{login} has no write access to {record.full_name}")
        return actor
