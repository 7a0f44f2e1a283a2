"""Forced promotion: a gate that does not hold is let through by name, with a reason, for ever seen.

Only leaves below the named gate are waived. What binds the evidence to the proposal, what shows
that its facts agree, that every stage was run, that the file that ships is the one that was
measured, and who signed: no override reaches any of these. Nor does one reach the data gates,
because the runner trains nothing on data that they stop; the policy's `max_findings` is the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from policy.files.people_rules import WaivableGate
from policy.files.rules import Policy
from policy.people.sign_off_record import Override
from policy.verdict import Finding, Outcome, gather

PLACES: dict[WaivableGate, tuple[str, ...]] = {
    "training": ("evidence", "training"),
    "measurement": ("evidence", "measurement"),
    "parity": ("evidence", "export", "parity"),
    "recovery": ("recovery",),
    "quarantine": ("quarantine",),
}
"""Where each gate stands below the finding of a model."""
KEPT = frozenset({"kind", "stages", "artifact", "consistency", "record", "rows", "benchmark"})
"""What a recovery consists of besides repeated figures: never waived."""
WAIVABLE = (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.MISSING)


def waive(finding: Finding, overrides: Sequence[Override]) -> Finding:
    """Return a model's finding with the overridden gates waived; the caller checked who may.

    `finding` is that of one model: its parts are the evidence's or the recovery's finding and the
    bindings. Overrides of a gate that holds change nothing.
    """
    for override in overrides:
        finding = _below(finding, PLACES[override.gate], override)
    return finding


def waivable(policy: Policy, finding: Finding) -> tuple[WaivableGate, ...]:
    """Return the gates that do not hold and that the policy lets somebody force."""
    if policy.override is None:
        return ()
    return tuple(gate for gate in policy.override.gates if _reaches(finding, PLACES[gate]))


def _reaches(finding: Finding, place: tuple[str, ...]) -> bool:
    if not place:
        return any(leaf.outcome in WAIVABLE for leaf in finding.leaves())
    return any(_reaches(part, place[1:]) for part in finding.parts if part.name == place[0])


def _below(finding: Finding, place: tuple[str, ...], override: Override) -> Finding:
    if not place:
        return _waived(finding, override)
    parts = tuple(
        _below(part, place[1:], override) if part.name == place[0] else part
        for part in finding.parts
    )
    return finding if parts == finding.parts else _again(finding, parts)


def _waived(finding: Finding, override: Override) -> Finding:
    if not finding.parts:
        if finding.outcome not in WAIVABLE:
            return finding
        sentence = say(override, finding)
        return replace(finding, outcome=Outcome.WAIVED, sentence=sentence)
    recovery = override.gate == "recovery"
    parts = tuple(
        part if recovery and part.name in KEPT else _waived(part, override)
        for part in finding.parts
    )
    return finding if parts == finding.parts else _again(finding, parts)


def _again(finding: Finding, parts: tuple[Finding, ...]) -> Finding:
    """Return the finding over other parts; a sentence that only counted is counted again."""
    counted = gather(finding.name, finding.parts).sentence == finding.sentence
    return gather(finding.name, parts, "" if counted else finding.sentence)


def say(override: Override, finding: Finding) -> str:
    """Return who let a finding through, in which role, and why."""
    return f"{finding.sentence} - forced by @{override.user} as {override.role}: {override.reason}"
