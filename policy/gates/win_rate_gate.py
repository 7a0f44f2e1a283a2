"""Judge a win rate, and whether there is a sample for people to read.

A judge model's verdicts are a sample of prompts, so the figure alone may be luck: its 95 %
interval, clustered by prompt, decides with it. Facts about other answers or other rows than those
measured are `errored`; those by another judge than the policy names are `missing`, as are no facts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from policy.facts.evidence import Evidence
from policy.facts.spot_check import SpotCheck
from policy.facts.win_rate_facts import WinRateFacts
from policy.files.rules import Policy
from policy.files.win_rate_rules import JUDGE_PROMPTS, JudgeModel, WinRateGate
from policy.gates import win_rate_messages as say
from policy.gates.difference import ROUNDING
from policy.gates.paired_statistics import MOST_ROWS
from policy.verdict import Finding, Outcome, gather

WIN_RATE, SPOT_CHECK = "win_rate", "spot_check"


def judge_win_rate(policy: Policy, evidence: Evidence) -> tuple[Finding, ...]:
    """Return a finding on the win rate and one on the sample, each where the policy asks for it."""
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
        return Finding(WIN_RATE, Outcome.MISSING, say.NOT_JUDGED)
    unbound = [Finding("binding", Outcome.ERRORED, each) for each in _unbound(facts, evidence)]
    unasked = [Finding("judge", Outcome.MISSING, each) for each in _unasked(facts, gate.judge)]
    if unbound or unasked:
        return gather(WIN_RATE, [*unbound, *unasked])
    covered = facts.judged > 0 and facts.coverage + ROUNDING >= gate.min_coverage
    flips = facts.flip_rate
    fair = flips is None or flips <= gate.max_flip_rate + ROUNDING
    parts = (
        _held("coverage", covered, say.coverage(facts, gate.min_coverage)),
        _held("flips", fair, say.flips(facts, gate.max_flip_rate)),
        _judge_rate(gate, facts, evidence),
    )
    told = parts[-1].sentence
    blocked = [part.sentence for part in parts if not part.outcome.lets_through]
    return gather(WIN_RATE, parts, "; ".join(blocked) or told)


def _judge_rate(gate: WinRateGate, facts: WinRateFacts, evidence: Evidence) -> Finding:
    """Return what the rate comes to: beyond the bar by more than luck, or not known."""
    value = facts.win_rate
    if value is None:
        return Finding("rate", Outcome.FAILED, say.NOTHING_JUDGED)
    (low, high), bar = facts.interval, gate.min
    sentence = say.rate(facts, _other(evidence), bar, gate.margin)
    reached = value + ROUNDING >= bar
    if reached and low + ROUNDING >= bar - gate.margin:
        return Finding("rate", Outcome.PASSED, sentence)
    if not reached and high < bar + gate.margin + ROUNDING:
        return Finding("rate", Outcome.FAILED, sentence)
    gap = abs(value - bar) + gate.margin
    needed = facts.pairs * ((high - low) / 2 / gap) ** 2 if gap > 0 else math.inf
    pairs = max(facts.pairs + 1, math.ceil(needed)) if needed <= MOST_ROWS else None
    return Finding("rate", Outcome.INCONCLUSIVE, f"{sentence}; {say.not_known(pairs)}")


def _unbound(facts: WinRateFacts, evidence: Evidence) -> Iterator[str]:
    """Yield why the facts are not about the answers and rows of this evidence."""
    other = _other(evidence)
    for whose, judged in ((other, facts.first_outputs), ("candidate", facts.second_outputs)):
        if judged != _outputs(evidence, whose):
            yield say.of_other_answers(whose)
    candidate = evidence.measurement("candidate")
    if candidate is None or facts.rows != candidate.rows:
        yield say.of_other_rows()
    else:
        rows = max((metric.n for metric in candidate.metrics), default=0)
        if facts.pairs != rows:
            yield say.of_other_count(facts.pairs, rows)
    if JUDGE_PROMPTS.get(facts.prompt) != facts.prompt_digest:
        yield say.unknown_prompt(facts.prompt, facts.prompt_digest)


def _unasked(facts: WinRateFacts, judge: JudgeModel) -> Iterator[str]:
    """Yield how the judge was asked otherwise than this policy says."""
    if facts.judge != judge.named:
        yield say.other_judge(facts.judge, judge.named)
    if facts.prompt != judge.prompt:
        yield say.other_asking("prompt")
    wanted = {**judge.decode, "max_tokens": judge.max_tokens}
    if any(facts.decoding.get(name) != value for name, value in wanted.items()):
        yield say.other_asking("decoding")


def _judge_sample(wanted: int, evidence: Evidence) -> Finding:
    sample = evidence.spot_check
    if sample is None:
        return Finding(SPOT_CHECK, Outcome.MISSING, say.NOT_DRAWN)
    unbound = tuple(_sample_unbound(sample, evidence))
    if unbound:
        return Finding(SPOT_CHECK, Outcome.ERRORED, "; ".join(unbound))
    whole = sample.drawn_from
    if len(sample.rows) < min(wanted, whole.rows):
        sentence = say.drawn_too_few(len(sample.rows), min(wanted, whole.rows))
        return Finding(SPOT_CHECK, Outcome.MISSING, sentence)
    sentence = say.drawn(len(sample.rows), whole.rows, whole.disagreements)
    return Finding(SPOT_CHECK, Outcome.PASSED, sentence)


def _sample_unbound(sample: SpotCheck, evidence: Evidence) -> Iterator[str]:
    other = _other(evidence)
    if sample.against != other:
        yield say.of_other_version(sample.against, other)
    for whose, drawn in ((other, sample.against_outputs), ("candidate", sample.candidate_outputs)):
        if drawn != _outputs(evidence, whose):
            yield say.sampled_other_answers(whose)
    candidate = evidence.measurement("candidate")
    rows = max((metric.n for metric in candidate.metrics), default=0) if candidate else 0
    if sample.drawn_from.rows != rows:
        yield say.of_other_count(sample.drawn_from.rows, rows)


def _other(evidence: Evidence) -> str:
    """Return whom the candidate is compared with by people and judge."""
    return "base" if evidence.incumbent is None else "incumbent"


def _outputs(evidence: Evidence, whose: str) -> str | None:
    return next((each.outputs for each in evidence.measurements if each.subject == whose), None)


def _held(name: str, holds: bool, sentence: str) -> Finding:
    return Finding(name, Outcome.PASSED if holds else Outcome.FAILED, sentence)
