"""One piece of work from end to end: read, decide, apply - and again while the head moves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from bot.deciding.consequences import Decision
from bot.deciding.decide import decide
from bot.deciding.deployments import decide_branch
from bot.deciding.merge_group import judge_group
from bot.deciding.movements import decide_movements
from bot.facts.merge_groups import pull_of
from bot.facts.snapshot import Snapshot
from bot.github.api import Connection, path
from bot.github.read.deployment_reader import read_branch
from bot.github.read.movement_reader import read_movements
from bot.github.read.snapshot_reader import Bot, Reader
from bot.github.write.apply import Writer
from bot.settings import Settings
from countersign_ml.attestation import public_key
from policy.verdict import Finding

log = logging.getLogger("countersign.bot")
MAX_ROUNDS = 4
"""A release commit or a merge is followed by one more look; a race by another."""


@dataclass(frozen=True)
class Report:
    """The result of an evaluation, for the log and the command line."""

    verdict: Finding | None
    writes: int
    calls: int


def utc_now() -> str:
    """Return the time in RFC 3339, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Evaluator:
    """Evaluates pull requests and default branches of every installation."""

    def __init__(self, settings: Settings, now: Callable[[], str] = utc_now) -> None:
        self.settings = settings
        self._now = now
        self.connection = Connection(settings)
        self.hand_on: Callable[[str, int, str, int | str], Report | None] = self._at_once
        """Look at something else that turns out to need a look. The queue gives it a lease."""

    def _at_once(self, kind: str, installation: int, repository: str, what: int | str) -> Report:
        report: Report = getattr(self, kind)(installation, repository, what)
        return report

    @cached_property
    def public_key(self) -> str:
        """The public half of the key that signs records; reading the private one takes 30 ms."""
        return public_key(self.settings.signing_key)

    def _reader(self, installation: int, repository: str) -> Reader:
        return Reader(
            self.connection.api(installation),
            repository,
            Bot(
                login=self.connection.login(),
                app_id=self.connection.app_id,
                web=self.settings.github_web,
                public_key=self.public_key,
                now=self._now,
            ),
        )

    def _writer(self, installation: int, repository: str, reader: Reader, branch: str) -> Writer:
        api = self.connection.api(installation)
        return Writer(api, repository, reader, branch, self.settings.signing_key)

    def pull(self, installation: int, repository: str, number: int) -> Report:
        """Bring one pull request to what its facts require."""
        api = self.connection.api(installation)
        before = api.calls
        reader = self._reader(installation, repository)
        writes, verdict = 0, None
        for number_of_round in range(1, MAX_ROUNDS + 1):
            snapshot = reader.snapshot(number)
            if snapshot is None:
                break
            decision = decide(snapshot)
            verdict = decision.verdict
            if snapshot.pull.merged:
                answers = self._answers_for(reader, snapshot, decision)
                if answers != number:
                    other = self.hand_on("pull", installation, repository, answers)
                    return other or Report(verdict, writes, api.calls - before)
            writer = self._writer(installation, repository, reader, snapshot.default_branch)
            last = number_of_round == MAX_ROUNDS
            applied = writer.apply(decision.actions, snapshot.checks, last=last)
            writes += applied.writes
            if not applied.look_again:
                if not applied.writes and not decision.governed:
                    reader.nothing_to_do(snapshot)
                break
        outcome = verdict.outcome.value if verdict else "gone"
        log.info("%s#%s: %s, %s writes", repository, number, outcome, writes)
        return Report(verdict, writes, api.calls - before)

    def _answers_for(self, reader: Reader, snapshot: Snapshot, decision: Decision) -> int:
        """Return the pull request that answers for a merge: this one, unless another merged it.

        GitHub calls every pull request merged whose head a merge brought along. The merge is
        allowed if one of them allows it; if none does, the one with the merged head answers for it.
        """
        number, merge = snapshot.pull.number, snapshot.pull.merge_sha
        if snapshot.mark or decision.verdict.outcome.lets_through or not merge:
            return number
        others = [
            item
            for item in reader.pulls.of_commit(merge)
            if item.get("merge_commit_sha") == merge and item["number"] != number
        ]
        for item in others:
            other = reader.snapshot(int(item["number"]))
            if other is not None and decide(other).verdict.outcome.lets_through:
                return other.pull.number
        merged = reader.pulls.parents(merge)
        rivals = [int(item["number"]) for item in others if item["head"]["sha"] in merged]
        own = [number] if snapshot.pull.head_sha in merged else []
        return min([*own, *rivals], default=number)

    def explain(self, installation: int, repository: str, number: int) -> Decision | None:
        """Return the present decision on one pull request, and do nothing about it."""
        reader = self._reader(installation, repository)
        snapshot = reader.snapshot(number)
        return self._settled(reader, snapshot) if snapshot is not None else None

    def _settled(self, reader: Reader, snapshot: Snapshot) -> Decision:
        """Return the decision; if the facts changed while they were judged, that on newer facts."""
        decision = decide(snapshot)
        for _ in range(MAX_ROUNDS - 1):
            newer = reader.snapshot(snapshot.pull.number) if decision.outdated else None
            if newer is None:
                break
            decision = decide(newer)
        return decision

    def branch(self, installation: int, repository: str) -> int:
        """Bring the deployments of a default branch up to its pointers; return the writes."""
        api = self.connection.api(installation)
        described = api.find(path("repos", *repository.split("/")))
        if described is None:
            return 0
        branch = str(described["default_branch"])
        reader = self._reader(installation, repository)
        writes = 0
        head = reader.branch_head(branch)
        for ref in reader.merge_groups():
            self.hand_on("group", installation, repository, ref)
        moved = read_movements(api, repository, branch, head, reader.pulls)
        for movement in moved:
            if movement.pull is not None and not movement.judged:
                judged = self.hand_on("pull", installation, repository, movement.pull)
                writes += judged.writes if judged else 0
        watcher = self._writer(installation, repository, reader, branch)
        writes += watcher.apply(decide_movements(moved)).writes
        for _ in range(2):  # a new deployment may already have its run
            facts = read_branch(api, repository, branch, head)
            writer = self._writer(installation, repository, reader, branch)
            done = writer.apply(decide_branch(facts)).writes
            writes += done
            if not done:
                break
        return writes

    def group(self, installation: int, repository: str, ref: str) -> Report:
        """Judge one merge group and post its check; one that is gone needs none."""
        api = self.connection.api(installation)
        before = api.calls
        reader = self._reader(installation, repository)
        number = pull_of(ref)
        facts = reader.group(ref, number) if number is not None else None
        if facts is None:
            return Report(None, 0, api.calls - before)
        finding, posted = judge_group(facts, self._settled(reader, facts.snapshot))
        branch = facts.snapshot.default_branch
        writer = self._writer(installation, repository, reader, branch)
        done = writer.apply((posted,), facts.checks)
        return Report(finding, done.writes, api.calls - before)

    def pulls_of_run(self, installation: int, repository: str, key: str) -> tuple[int, ...]:
        """Return the pull requests that wait for a run key; every open one if none says so."""
        reader = self._reader(installation, repository)
        return reader.issues.pulls_of_key(key) or reader.issues.open_pulls()

    def open_pulls(self, installation: int, repository: str) -> tuple[int, ...]:
        return self._reader(installation, repository).issues.open_pulls()

    def stamps(self, installation: int, repository: str) -> dict[int, str]:
        """Return a stamp of every open pull request that changes when it or its base moves."""
        return self._reader(installation, repository).stamps()
