"""Judge drift: whether the answers' labels, lengths and words are still those that were known."""

from __future__ import annotations

from policy.facts.drift_statistics import by_luck, distance
from policy.facts.evidence import Evidence
from policy.files.rules import DriftGate, Policy
from policy.gates import messages
from policy.verdict import Finding, Outcome, gather


def judge_drift(policy: Policy, evidence: Evidence) -> tuple[Finding, ...]:
    """Return one finding over all drift gates; none where the policy has none."""
    if not policy.gates.drift:
        return ()
    parts = [_judge(gate, evidence) for gate in policy.gates.drift]
    return (gather("drift", parts),)


def _judge(gate: DriftGate, evidence: Evidence) -> Finding:
    name = f"{gate.of} against {gate.against}"
    if gate.against == "incumbent" and evidence.incumbent is None:
        return Finding(name, Outcome.PASSED, messages.NO_INCUMBENT)
    drift = evidence.drift_of(gate.of, gate.against)
    if drift is None or not drift.bins:
        return Finding(name, Outcome.MISSING, messages.no_drift(gate.of, gate.against))
    if not all(sum(getattr(each, side) for each in drift.bins) for side in ("first", "second")):
        outcome = Outcome.WARNED if gate.fail is None else Outcome.INCONCLUSIVE
        return Finding(name, outcome, messages.nothing_to_compare(gate.of, gate.against))
    found, luck = distance(drift, gate.measure), by_luck(drift, gate.measure)
    sentence = messages.drift(drift, gate.measure, found, luck)
    if gate.fail is not None and found >= gate.fail and found > luck:
        return Finding(name, Outcome.FAILED, messages.drifted(sentence, gate.fail))
    bar = gate.warn if gate.warn is not None else gate.fail
    if bar is not None and found >= bar:
        return Finding(name, Outcome.WARNED, messages.drifted(sentence, bar))
    return Finding(name, Outcome.PASSED, sentence)
