"""What one model of a pull request came to, before anybody signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.facts.actions import (
    Action,
    CancelRun,
    DispatchRun,
    FileChange,
    OpenIncident,
    RecordMeasured,
)
from bot.facts.snapshot import Run
from policy.facts.attempt import AttemptRecord
from policy.facts.evidence import Evidence
from policy.facts.pointer import Pointer
from policy.files.rules import DriftGate
from policy.people.sign_off_record import Override
from policy.people.spot_check_signatures import SpotCheckSignature, is_signed
from policy.verdict import Finding


@dataclass(frozen=True)
class AttemptState:
    """One attempt: who asked for it (nobody for the first), and what it came to."""

    number: int
    key: str
    record: AttemptRecord | None
    finding: Finding | None = None
    evidence: Evidence | None = None
    overrides: tuple[Override, ...] = ()
    waivable: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpotCheckState:
    """Who signed the sample of a promotion, and the signatures that count, by login."""

    finding: Finding
    signatures: tuple[SpotCheckSignature, ...] = ()

    @property
    def signed(self) -> bool:
        """Return whether every place is filled, so that nothing has to be hidden any more."""
        return is_signed(self.finding)


@dataclass(frozen=True)
class ModelState:
    """The finding, what it rests on, and what the bot has to do next for this model.

    `pending`: a run or a person is awaited, nothing is wrong yet. `carried`: the head holds exactly
    what would ship, so people may sign it.
    """

    model: str
    kind: Literal["promote", "rollback", "refused"]
    finding: Finding
    pending: bool = False
    carried: bool = False
    evidence: Evidence | None = None
    measured_since: str = ""
    """When the run was started that left the evidence, where that is known (RFC 3339, UTC)."""
    spot_check: SpotCheckState | None = None
    """None where nobody has to read a sample."""
    run: Run | None = None
    key: str = ""
    proposal: str = ""
    pointer: Pointer | None = None
    replaced: str | None = None
    """The version that is live on the base branch."""
    dispatch: DispatchRun | None = None
    cancel: CancelRun | None = None
    measured: RecordMeasured | None = None
    """Set where evidence decides for the first time."""
    files: tuple[FileChange, ...] = ()
    attempts: tuple[AttemptState, ...] = ()
    """Every attempt beside each other; empty where there is only the first."""
    attempt_actions: tuple[Action, ...] = ()
    answers: tuple[tuple[int, str], ...] = ()
    """What is said to each comment that asked for another attempt."""
    overrides: tuple[Override, ...] = ()
    waivable: tuple[str, ...] = ()
    """The gates that do not hold, and that the policy lets somebody force."""
    drift_gates: tuple[DriftGate, ...] = ()
    """The bands that the policy sets; the finding tells the outcomes alone."""
    before: Evidence | None = None
    """For a rollback: the evidence of the version that is live, beside which it is shown."""
    incident: OpenIncident | None = None
    warnings: tuple[str, ...] = ()
    """What whoever signs has to know before the figures."""
    remarks: tuple[str, ...] = ()
    """What else the figures rest on: runs that do not count, how often it was measured."""

    @property
    def awaits_readers(self) -> bool:
        """Return whether every gate holds, and people still have to read the sample."""
        sample = self.evidence.spot_check if self.evidence is not None else None
        unsigned = self.spot_check is not None and not self.spot_check.signed
        return sample is not None and unsigned and self.finding.outcome.lets_through

    @property
    def keys(self) -> tuple[str, ...]:
        """Return every run key that is awaited or was measured for this head."""
        keys = (self.key, *(attempt.key for attempt in self.attempts))
        return tuple(dict.fromkeys(key for key in keys if key))
