"""Judge a win rate, and whether there is a sample for people to read.

A judge model sees a sample of prompts, so the win rate alone may be chance. The gate therefore also
uses its 95 % interval, clustered by prompt. Facts about other answers or rows than the measured
ones are `errored`. Absent facts, and facts from another judge model than the policy names, are
`missing`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from policy.facts.evidence import Evidence
from policy.facts.spot_check import SpotCheck
from policy.facts.win_rate_facts import WinRateFacts
from policy.files.rules import Policy
from policy.files.win_rate_rules import JUDGE_MODEL_PROMPTS, JudgeModel, WinRateGate
from policy.gates.difference import ROUNDING
from policy.gates.paired_statistics import MOST_ROWS
from policy.policy_sentences import percent, short
from policy.verdict import Finding, Outcome, check, gather

WIN_RATE, SPOT_CHECK = "win_rate", "spot_check"


def judge_win_rate(policy: Policy, evidence: Evidence) -> tuple[Finding, ...]:
    """Return a finding on the win rate and one on the sample, each if the policy requires it."""
    found = []
    gate, rules = policy.gates.win_rate, policy.spot_check
    if gate is not None:
        found.append(_judge(gate, evidence))
    if rules is not None:
        found.append(_judge_sample(rules.rows, evidence))
    return tuple(found)


def _judge(gate: WinRateGate, evidence: Evidence) -> Finding:
    facts = evidence.win_rate
    if facts is None:
        sentence = "no judge model was called; run again, the answers are kept"
        return Finding(WIN_RATE, Outcome.MISSING, sentence)
    unbound = [Finding("binding", Outcome.ERRORED, each) for each in _unbound(facts, evidence)]
    unasked = [Finding("judge", Outcome.MISSING, each) for each in _unasked(facts, gate.judge)]
    if unbound or unasked:
        return gather(WIN_RATE, [*unbound, *unasked])
    covered = facts.judged > 0 and facts.coverage + ROUNDING >= gate.min_coverage
    flips = facts.flip_rate
    fair = flips is None or flips <= gate.max_flip_rate + ROUNDING
    parts = (
        check("coverage", covered, _coverage(facts, gate.min_coverage)),
        check("flips", fair, _flips(flips, gate.max_flip_rate)),
        _judge_rate(gate, facts, evidence),
    )
    blocked = [part.sentence for part in parts if not part.outcome.lets_through]
    return gather(WIN_RATE, parts, "; ".join(blocked) or parts[-1].sentence)


def _coverage(facts: WinRateFacts, least: float) -> str:
    text = (
        f"{facts.judged} of {facts.pairs} pairs were judged in both orders, "
        f"at least {percent(least)} required"
    )
    kinds = ", ".join(f"{count} {kind}" for kind, count in facts.failure_kinds.items())
    return f"{text}; not judged: {kinds}" if facts.failed else text


def _flips(rate: float | None, most: float) -> str:
    if rate is None:
        return "no two answers differ, so the order could not change a verdict"
    return f"{percent(rate)} of verdicts change with the order, at most {percent(most)} allowed"


def _judge_rate(gate: WinRateGate, facts: WinRateFacts, evidence: Evidence) -> Finding:
    """Return whether the rate is above or below the bar by more than chance, or inconclusive."""
    value = facts.win_rate
    if value is None:
        return Finding("rate", Outcome.FAILED, "no pair could be judged")
    (low, high), bar = facts.interval, gate.min
    sentence = _rate(facts, _other(evidence), value, gate)
    reached = value + ROUNDING >= bar
    if reached and low + ROUNDING >= bar - gate.margin:
        return Finding("rate", Outcome.PASSED, sentence)
    if not reached and high < bar + gate.margin + ROUNDING:
        return Finding("rate", Outcome.FAILED, sentence)
    gap = abs(value - bar) + gate.margin
    needed = facts.pairs * ((high - low) / 2 / gap) ** 2 if gap > 0 else math.inf
    settle = "no number of pairs"
    if needed <= MOST_ROWS:
        settle = f"about {max(facts.pairs + 1, math.ceil(needed)):,} pairs"
    sentence += (
        f"; the interval includes the bar, so the result is inconclusive; {settle} would settle it"
    )
    return Finding("rate", Outcome.INCONCLUSIVE, sentence)


def _rate(facts: WinRateFacts, against: str, value: float, gate: WinRateGate) -> str:
    """Return the rate with its interval and the bar that it must reach."""
    low, high = facts.interval
    text = (
        f"preferred to the {against} in {percent(value)} "
        f"({percent(low)} to {percent(high)}, {facts.judged} pairs of {facts.clusters} prompts, "
        f"a tie counts half); at least {percent(gate.min)} required"
    )
    if gate.margin:
        text += f", with a margin of {percent(gate.margin)}"
    if facts.failed and facts.win_rate_at_worst is not None:
        text += f"; {percent(facts.win_rate_at_worst)} if every failed pair were lost"
    return text


def _unbound(facts: WinRateFacts, evidence: Evidence) -> Iterator[str]:
    """Yield why the facts are not about the answers and rows of this evidence."""
    other = _other(evidence)
    for whose, judged in ((other, facts.first_outputs), ("candidate", facts.second_outputs)):
        if judged != _outputs(evidence, whose):
            yield f"the judged answers are not the measured answers of the {whose}"
    candidate = evidence.measurement("candidate")
    if candidate is None or facts.rows != candidate.rows:
        yield "the judged rows are not the measured rows"
    else:
        rows = max((metric.n for metric in candidate.metrics), default=0)
        if facts.pairs != rows:
            yield _other_count(facts.pairs, rows)
    if JUDGE_MODEL_PROMPTS.get(facts.prompt) != facts.prompt_digest:
        named = f"{facts.prompt!r} ({short(facts.prompt_digest)})"
        yield f"the judge model's prompt {named} is not the prompt of that name"


def _unasked(facts: WinRateFacts, judge: JudgeModel) -> Iterator[str]:
    """Yield how the call to the judge model differs from what this policy names."""
    if facts.judge != judge.named:
        yield (
            f"{facts.judge} was called, but the policy names {judge.named}; "
            "run again, the answers are kept"
        )
    wanted = {**judge.decode, "max_tokens": judge.max_tokens}
    decoded = all(facts.decoding.get(name) == value for name, value in wanted.items())
    for what, same in (("prompt", facts.prompt == judge.prompt), ("decoding", decoded)):
        if not same:
            yield f"the judge model was called with another {what} than the policy names; run again"


def _judge_sample(wanted: int, evidence: Evidence) -> Finding:
    sample = evidence.spot_check
    if sample is None:
        sentence = "no sample was drawn for people to read; run again, the answers are kept"
        return Finding(SPOT_CHECK, Outcome.MISSING, sentence)
    unbound = tuple(_sample_unbound(sample, evidence))
    if unbound:
        return Finding(SPOT_CHECK, Outcome.ERRORED, "; ".join(unbound))
    drawn, whole = len(sample.rows), sample.drawn_from
    least = min(wanted, whole.rows)
    if drawn < least:
        sentence = f"{drawn} rows are drawn for people to read, {least} required; run again"
        return Finding(SPOT_CHECK, Outcome.MISSING, sentence)
    sentence = (
        f"{drawn} of {whole.rows} rows are drawn for people to read; "
        f"the versions differ on {whole.disagreements} rows"
    )
    return Finding(SPOT_CHECK, Outcome.PASSED, sentence)


def _sample_unbound(sample: SpotCheck, evidence: Evidence) -> Iterator[str]:
    other = _other(evidence)
    if sample.against != other:
        yield f"the candidate is next to the {sample.against}, not the {other}"
    for whose, drawn in ((other, sample.against_outputs), ("candidate", sample.candidate_outputs)):
        if drawn != _outputs(evidence, whose):
            yield f"the sampled answers are not the measured answers of the {whose}"
    candidate = evidence.measurement("candidate")
    rows = max((metric.n for metric in candidate.metrics), default=0) if candidate else 0
    if sample.drawn_from.rows != rows:
        yield _other_count(sample.drawn_from.rows, rows)


def _other_count(pairs: int, rows: int) -> str:
    return f"there are {pairs} pairs, but {rows} measured rows"


def _other(evidence: Evidence) -> str:
    """Return the version that people and the judge model compare the candidate with."""
    return "base" if evidence.incumbent is None else "incumbent"


def _outputs(evidence: Evidence, whose: str) -> str | None:
    return next((each.outputs for each in evidence.measurements if each.subject == whose), None)
