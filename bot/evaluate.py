"""One piece of work from end to end: read, decide, apply - and again while the head moves."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot.api import Connection, path
from bot.apply import Writer
from bot.decide import decide
from bot.deployments import decide_branch, read_branch
from bot.github import Reader
from bot.settings import Settings
from policy.verdict import Finding

log = logging.getLogger("countersign.bot")
MAX_ROUNDS = 4
"""A release commit or a merge is followed by one more look; a race by another."""


@dataclass(frozen=True)
class Report:
    """What an evaluation came to, for the log and the command line."""

    verdict: Finding | None
    writes: int
    calls: int


class Evaluator:
    """Evaluates pull requests and default branches of every installation."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection = Connection(settings)

    def _reader(self, installation: int, repository: str) -> Reader:
        return Reader(
            self.connection.api(installation),
            repository,
            self.connection.login(),
            self.connection.app_id,
            self.settings.github_web,
        )

    def pull(self, installation: int, repository: str, number: int) -> Report:
        """Bring one pull request to what its facts demand."""
        api = self.connection.api(installation)
        before = api.calls
        reader = self._reader(installation, repository)
        writes, verdict = 0, None
        for _ in range(MAX_ROUNDS):
            snapshot = reader.snapshot(number)
            if snapshot is None:
                break
            decision = decide(snapshot)
            verdict = decision.verdict
            writer = Writer(api, repository, reader, snapshot.default_branch)
            applied = writer.apply(decision.actions, snapshot.checks)
            writes += applied.writes
            if not applied.look_again:
                break
        outcome = verdict.outcome.value if verdict else "gone"
        log.info("%s#%s: %s, %s writes", repository, number, outcome, writes)
        return Report(verdict, writes, api.calls - before)

    def branch(self, installation: int, repository: str) -> int:
        """Bring the deployments of a default branch up to its pointers; return the writes."""
        api = self.connection.api(installation)
        described = api.find(path("repos", *repository.split("/")))
        if described is None:
            return 0
        branch = str(described["default_branch"])
        reader = self._reader(installation, repository)
        writes = 0
        for _ in range(2):  # a new deployment may already have its run
            facts = read_branch(api, repository, branch, reader.branch_head(branch))
            writer = Writer(api, repository, reader, branch)
            done = writer.apply(decide_branch(facts)).writes
            writes += done
            if not done:
                break
        return writes

    def pulls_of_run(self, installation: int, repository: str, key: str) -> tuple[int, ...]:
        """Return the pull requests that wait for a run key; every open one where none says so."""
        reader = self._reader(installation, repository)
        return reader.pulls_of_key(key) or reader.open_pulls()

    def open_pulls(self, installation: int, repository: str) -> tuple[int, ...]:
        return self._reader(installation, repository).open_pulls()
