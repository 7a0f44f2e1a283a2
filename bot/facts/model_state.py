"""The state of one model of a pull request, in parts. Each part is made in one place.

`Judged` comes from `forward`, `rollback` or `after_merge`, `Awaited` from `awaited_run`,
`AttemptsPart` from `retrain`, `RunPart` from `before_run`, `SpotCheckPart` from `spot_checks`,
`Release` from `release_files`. `decide` puts them together; no module changes another's part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from bot.facts.actions import (
    CancelRun,
    DispatchRun,
    FileChange,
    OpenIncident,
    RecordAttempt,
    RecordMeasured,
)
from bot.facts.looks import Look
from bot.facts.model_facts import Run
from policy.facts.attempt import AttemptRecord
from policy.facts.evidence import Evidence
from policy.facts.pointer import Pointer
from policy.files.rules import DriftGate
from policy.people.sign_off_record import Override
from policy.people.spot_check_signatures import SpotCheckSignature, is_signed
from policy.verdict import Finding, Outcome, gather


@dataclass(frozen=True)
class Awaited:
    """A run that a model waits for, and what would start it, if it may start now."""

    finding: Finding
    run: Run | None = None
    dispatch: DispatchRun | None = None

    @property
    def pending(self) -> bool:
        """Return whether a run or a person is awaited, and nothing is wrong yet."""
        return self.finding.outcome is Outcome.MISSING


@dataclass(frozen=True)
class AttemptState:
    """One attempt: who asked for it (nobody for the first), and its result."""

    number: int
    key: str
    record: AttemptRecord | None
    finding: Finding | None = None
    evidence: Evidence | None = None
    overrides: tuple[Override, ...] = ()
    waivable: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class AttemptsPart:
    """The attempts after the first, and who asked for another one."""

    states: tuple[AttemptState, ...] = ()
    findings: tuple[Finding, ...] = ()
    """One for each attempt that was measured or cannot count."""
    awaited: tuple[Awaited, ...] = ()
    """Attempts that are not measured yet, the last one possibly not recorded yet."""
    records: tuple[RecordMeasured | RecordAttempt, ...] = ()
    answers: tuple[tuple[int, str], ...] = ()
    """The id of each comment that asked for another attempt, and the answer."""


@dataclass(frozen=True)
class Judged:
    """What is proposed for a model, and what its evidence shows.

    `findings` are all but those about a run that is still awaited.
    """

    model: str
    kind: Literal["promote", "rollback", "refused"]
    findings: tuple[Finding, ...]
    evidence: Evidence | None = None
    measured_since: str = ""
    """When the run that left the evidence was started, if known (RFC 3339, UTC)."""
    run: Run | None = None
    """The run that decides or that is awaited."""
    key: str = ""
    proposal: str = ""
    pointer: Pointer | None = None
    replaced: str | None = None
    """The version that is live on the base branch."""
    awaited: tuple[Awaited, ...] = ()
    pending: bool = False
    """A run or a person is awaited, and nothing is wrong yet."""
    first_evidence: RecordMeasured | None = None
    """Set if evidence decides for the first time."""
    attempts: AttemptsPart = field(default_factory=AttemptsPart)
    overrides: tuple[Override, ...] = ()
    waivable: tuple[str, ...] = ()
    """The gates that did not pass and that the policy allows somebody to force."""
    drift_gates: tuple[DriftGate, ...] = ()
    """The bands that the policy sets; the finding has only the outcomes."""
    look: Look | None = None
    """Which look at the held-out rows the evidence was."""
    before: Evidence | None = None
    """For a rollback: the evidence of the live version, shown next to it."""
    incident: OpenIncident | None = None
    warnings: tuple[str, ...] = ()
    """What signers have to know before the figures."""
    remarks: tuple[str, ...] = ()
    """What else the figures rest on: runs that do not count, how often it was measured."""


@dataclass(frozen=True)
class RunPart:
    """What happens with the run that a model waits for."""

    findings: tuple[Finding, ...] = ()
    unsignable: Finding | None = None
    """Why no run starts: a required role has no eligible signer."""
    pending: bool = False
    dispatch: DispatchRun | None = None
    cancel: CancelRun | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpotCheckPart:
    """Who signed the sample of a promotion, and the signatures that count, by login."""

    finding: Finding
    signatures: tuple[SpotCheckSignature, ...] = ()

    @property
    def signed(self) -> bool:
        """Return whether every place is filled, so that nothing has to be hidden any more."""
        return is_signed(self.finding)


@dataclass(frozen=True)
class Release:
    """The files that the head lacks; `carried` if it has exactly what would ship.

    People may sign a head that carries its release.
    """

    files: tuple[FileChange, ...] = ()
    carried: bool = False


@dataclass(frozen=True)
class ModelState:
    """One model's parts, and the finding that they result in."""

    judged: Judged
    run: RunPart = field(default_factory=RunPart)
    spot_check: SpotCheckPart | None = None
    """None if nobody has to read a sample."""
    release: Release = field(default_factory=Release)

    @cached_property
    def finding(self) -> Finding:
        """What the model results in; a single finding says it all in its own sentence."""
        parts = (*self.judged.findings, *self.run.findings)
        if self.run.unsignable is not None:
            parts = (self.run.unsignable, *parts)
        alone = len(parts) == 1 and not parts[0].parts
        return gather(self.model, parts, parts[0].sentence if alone else "")

    @property
    def model(self) -> str:
        return self.judged.model

    @property
    def kind(self) -> Literal["promote", "rollback", "refused"]:
        return self.judged.kind

    @property
    def evidence(self) -> Evidence | None:
        return self.judged.evidence

    @property
    def pointer(self) -> Pointer | None:
        return self.judged.pointer

    @property
    def carried(self) -> bool:
        return self.release.carried

    @property
    def remarks(self) -> tuple[str, ...]:
        return (*self.judged.remarks, *self.run.remarks)

    @property
    def awaits_readers(self) -> bool:
        """Return whether every gate passed, and people still have to read the sample."""
        sample = self.evidence.spot_check if self.evidence is not None else None
        unsigned = self.spot_check is not None and not self.spot_check.signed
        return sample is not None and unsigned and self.finding.outcome.lets_through

    @property
    def keys(self) -> tuple[str, ...]:
        """Return every run key that is awaited or was measured for this head."""
        keys = (self.judged.key, *(attempt.key for attempt in self.judged.attempts.states))
        return tuple(dict.fromkeys(key for key in keys if key))
