"""Forced promotion: an override waives a blocking gate by name, with a reason that stays visible.

Only leaves below the named gate are waived. An override never reaches the binding of the evidence
to the proposal, the consistency of its facts, the stages, the identity of the shipped and the
measured file, or sign-off. It does not reach the data gates either, because the runner does not
train on data that they stop; raise the policy's `max_findings` instead.
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
"""The place of each gate below the finding of a model."""
KEPT = frozenset({"kind", "stages", "artifact", "consistency", "record", "rows", "benchmark"})
"""The parts of a recovery that are never waived: all except the repeated figures."""
WAIVABLE = (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.MISSING)


def waive(finding: Finding, overrides: Sequence[Override]) -> Finding:
    """Return a model's finding with the overridden gates waived.

    The caller must have checked who may override. `finding` is that of one model: its parts are the
    finding on the evidence or the recovery, and the bindings. Overriding a gate that passes changes
    nothing.
    """
    for override in overrides:
        finding = _below(finding, PLACES[override.gate], override)
    return finding


def waivable(policy: Policy, finding: Finding) -> tuple[WaivableGate, ...]:
    """Return the blocking gates that the policy allows somebody to override."""
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
        forced = f"forced by @{override.user} as {override.role}: {override.reason}"
        sentence = f"{finding.sentence} - {forced}"
        return replace(finding, outcome=Outcome.WAIVED, sentence=sentence)
    recovery = override.gate == "recovery"
    parts = tuple(
        part if recovery and part.name in KEPT else _waived(part, override)
        for part in finding.parts
    )
    return finding if parts == finding.parts else _again(finding, parts)


def _again(finding: Finding, parts: tuple[Finding, ...]) -> Finding:
    """Return the finding with other parts; a sentence that counts the parts counts again."""
    counted = gather(finding.name, finding.parts).sentence == finding.sentence
    return gather(finding.name, parts, "" if counted else finding.sentence)
