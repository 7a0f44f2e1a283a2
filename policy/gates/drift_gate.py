"""Judge drift: whether the answers' labels, lengths and words still match the reference."""

from __future__ import annotations

from policy.facts.drift_statistics import by_luck, distance
from policy.facts.evidence import Drift, Evidence
from policy.files.rules import DriftGate, Policy
from policy.policy_sentences import NO_INCUMBENT, percent
from policy.verdict import Finding, Outcome, gather


def judge_drift(policy: Policy, evidence: Evidence) -> tuple[Finding, ...]:
    """Return one finding over all drift gates; none if the policy has no drift gate."""
    if not policy.gates.drift:
        return ()
    parts = [_judge(gate, evidence) for gate in policy.gates.drift]
    return (gather("drift", parts),)


def _judge(gate: DriftGate, evidence: Evidence) -> Finding:
    of, against = gate.of, gate.against
    name = f"{of} against {against}"
    if against == "incumbent" and evidence.incumbent is None:
        return Finding(name, Outcome.PASSED, NO_INCUMBENT)
    drift = evidence.drift_of(of, against)
    if drift is None or not drift.bins:
        sentence = f"the {of} of the answers was not compared with the {against}"
        return Finding(name, Outcome.MISSING, sentence)
    if not all(sum(getattr(each, side) for each in drift.bins) for side in ("first", "second")):
        outcome = Outcome.WARNED if gate.fail is None else Outcome.INCONCLUSIVE
        sentence = f"the answers or the {against} have no {of} to compare, so drift is unknown"
        return Finding(name, outcome, sentence)
    found, luck = distance(drift, gate.measure), by_luck(drift, gate.measure)
    sentence = _sentence(drift, gate.measure, found, luck)
    if gate.fail is not None and found >= gate.fail and found > luck:
        return Finding(name, Outcome.FAILED, f"{sentence}; the limit is {gate.fail:g}")
    bar = gate.warn if gate.warn is not None else gate.fail
    if bar is not None and found >= bar:
        return Finding(name, Outcome.WARNED, f"{sentence}; the limit is {bar:g}")
    return Finding(name, Outcome.PASSED, sentence)


def _sentence(drift: Drift, measure: str, found: float, luck: float) -> str:
    """Return the distance, what chance alone gives, and the bin that changed most."""
    name = "PSI" if measure == "psi" else "Jensen-Shannon divergence"
    first = max(1, sum(each.first for each in drift.bins))
    second = max(1, sum(each.second for each in drift.bins))
    most = max(drift.bins, key=lambda each: abs(each.second / second - each.first / first))
    return (
        f"{name} {found:.3f}, chance alone gives up to {luck:.3f}; largest change: {most.name}, "
        f"{percent(most.first / first)} to {percent(most.second / second)}"
    )
