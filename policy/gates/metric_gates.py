"""Judge what was measured: bars, then paired questions, all of them together under one error rate.

Every margin of a policy is a question: against the incumbent, on each value of a sliced field,
against the merged model before it was quantised. Asked often enough, luck alone answers one of
them; so the p of each is adjusted for all that one verdict asks (Holm 1979), and what the sample
can show is counted at the level that this leaves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policy.facts.evidence import Comparison, Evidence, Group, Measurement, Metric
from policy.files.rules import MetricGate, Policy
from policy.gates import messages
from policy.gates.difference import ROUNDING, outcome_of, rows_needed
from policy.gates.paired_statistics import ALPHA, Difference, compare_means, compare_shares, holm
from policy.verdict import Finding, Outcome, gather

INCUMBENT, QUANTISATION = "incumbent", "quantisation"


@dataclass(frozen=True)
class Question:
    """One paired test that a gate asks for; `facts` are None where it was not measured."""

    metric: Metric
    """The candidate's."""
    name: str
    """`incumbent`, `quantisation`, or the value of a field."""
    against: str
    margin: float
    facts: Comparison | Group | None
    field: str = ""
    non_inferior: bool = False
    min_rows: int = 0

    @property
    def rows(self) -> int:
        if self.facts is None:
            return 0
        return (self.facts.counts or self.facts.means or _NOTHING).n

    @property
    def counts_as_test(self) -> bool:
        return self.rows >= max(1, self.min_rows)

    def difference(self, alpha: float = ALPHA) -> Difference | None:
        return None if self.facts is None else difference_of(self.facts, alpha)


_NOTHING = Difference(0, 0.0, -1.0, 1.0, 1.0, 1.0)


def difference_of(facts: Comparison | Group, alpha: float = ALPHA) -> Difference | None:
    """Return second minus first by what was counted; None where nothing was."""
    if facts.counts is not None:
        return compare_shares(facts.counts, alpha)
    if facts.means is not None:
        return compare_means(facts.means, alpha)
    return None


def difference_from(evidence: Evidence, metric: str) -> Difference | None:
    """Return candidate minus incumbent for `metric`, or None where it was not measured."""
    comparison = evidence.comparison(metric, "incumbent", "candidate")
    return None if comparison is None else difference_of(comparison)


def judge_metrics(policy: Policy, evidence: Evidence) -> tuple[Finding, ...]:
    """Return a finding for every gate of a metric, then whether enough was measured at all."""
    gates = policy.gates
    candidate = evidence.measurement("candidate")
    if candidate is None:
        return tuple(
            Finding(gate.metric, Outcome.MISSING, messages.no_measurement(gate.metric))
            for gate in gates.metrics
        )
    asked = {gate.metric: tuple(_questions(gate, evidence, candidate)) for gate in gates.metrics}
    answers = judge_questions([each for questions in asked.values() for each in questions])
    parts = [_judge_metric(gate, evidence, candidate, answers) for gate in gates.metrics]
    parts += _judge_coverage(policy, candidate)
    least = gates.data.min_test_rows
    rows = min((metric.n for metric in candidate.metrics), default=least)
    if rows < least:  # rows with findings that are let through are not measured on
        parts.append(
            Finding("rows", Outcome.FAILED, messages.rows_too_few("measured", rows, least))
        )
    return tuple(parts)


Answers = Sequence[tuple[Question, Finding]]


def judge_questions(questions: Sequence[Question]) -> Answers:
    """Return a finding for every question; each p is adjusted for all of them."""
    tests = [each for each in questions if each.counts_as_test]
    alpha = ALPHA / max(1, len(tests))
    differences = [each.difference(alpha) for each in tests]
    values = [each.p if each is not None else 1.0 for each in differences]
    adjusted = holm([value if 0 <= value <= 1 else 1.0 for value in values])
    judged = {
        id(each): _judge_question(each, difference, p if 0 <= value <= 1 else value, len(tests))
        for each, difference, value, p in zip(tests, differences, values, adjusted, strict=True)
    }
    return [(each, judged.get(id(each)) or _not_judged(each)) for each in questions]


def _not_judged(question: Question) -> Finding:
    if question.rows:
        sentence = messages.group_too_small(question.rows, question.min_rows)
        return Finding(question.name, Outcome.WARNED, sentence)
    return Finding(question.name, Outcome.MISSING, messages.no_comparison(question.metric.name))


def _judge_question(
    question: Question, difference: Difference | None, p: float, tests: int
) -> Finding:
    if difference is None:
        return _not_judged(question)
    margin, better = question.margin, question.metric.higher_is_better
    outcome = outcome_of(
        difference,
        margin,
        p_adjusted=p,
        higher_is_better=better,
        non_inferior=question.non_inferior,
    )
    if outcome is Outcome.FAILED and not math.isfinite(difference.value + difference.detectable):
        return Finding(question.name, outcome, messages.not_a_number(question.metric.name))
    sentence = messages.drop(question.metric, difference, margin, question.against, p, tests)
    if outcome is Outcome.INCONCLUSIVE:
        needed = rows_needed(difference, margin, higher_is_better=better)
        sentence = f"{sentence}; {messages.inconclusive(question.metric, difference, needed)}"
    elif outcome is Outcome.WARNED:
        sentence = f"{sentence}; {messages.SMALLER_DROP}"
    return Finding(question.name, outcome, sentence)


def _questions(gate: MetricGate, evidence: Evidence, candidate: Measurement) -> Iterator[Question]:
    """Yield what a gate asks of pairs; nothing against an incumbent where none is live."""
    metric = candidate.metric(gate.metric)
    if metric is None or metric.n == 0 or not math.isfinite(metric.value):
        return
    before = evidence.comparison(metric.name, "incumbent", "candidate")
    if evidence.incumbent is not None and gate.max_drop is not None:
        against, strict = messages.THE_INCUMBENT, gate.non_inferior
        yield Question(metric, INCUMBENT, against, gate.max_drop, before, non_inferior=strict)
    if gate.max_quantisation_drop is not None:
        merged = evidence.comparison(metric.name, "merged", "candidate")
        against, strict = messages.THE_MERGED_MODEL, gate.non_inferior
        margin = gate.max_quantisation_drop
        yield Question(metric, QUANTISATION, against, margin, merged, non_inferior=strict)
    if evidence.incumbent is None:
        return
    for field, asked in gate.slices.items():
        found = before.slice(field) if before is not None else None
        for group in found.parts if found is not None else ():
            yield Question(
                metric,
                group.value,
                messages.THE_INCUMBENT,
                asked.max_drop,
                group,
                field=field,
                min_rows=asked.min_rows,
            )


def _judge_metric(
    gate: MetricGate, evidence: Evidence, candidate: Measurement, answers: Answers
) -> Finding:
    """Return what one metric of the candidate comes to: bars, base, then the paired answers."""
    metric = candidate.metric(gate.metric)
    if metric is None or metric.n == 0:
        return Finding(gate.metric, Outcome.MISSING, messages.no_metric(gate.metric, candidate))
    if not math.isfinite(metric.value):
        return Finding(gate.metric, Outcome.FAILED, messages.not_a_number(gate.metric))
    parts: list[Finding] = []
    if gate.min is not None:
        holds = metric.value >= gate.min
        parts.append(_bar("min", holds, messages.at_least(metric, gate.min)))
    if gate.max is not None:
        holds = metric.value <= gate.max
        parts.append(_bar("max", holds, messages.at_most(metric, gate.max)))
    if gate.max_drop is not None and evidence.incumbent is None:
        parts.append(Finding(INCUMBENT, Outcome.PASSED, messages.NO_INCUMBENT))
    own = [(asked, found) for asked, found in answers if asked.metric.name == gate.metric]
    parts += [found for asked, found in own if not asked.field]
    if gate.min_gain_over_base is not None:
        parts.append(_judge_gain(gate.metric, gate.min_gain_over_base, evidence, metric))
    for field in gate.slices:
        groups = [found for asked, found in own if asked.field == field]
        parts.append(_judge_slice(field, gate.metric, groups, evidence))
    return gather(gate.metric, parts, messages.metric(metric, parts))


def _judge_slice(field: str, metric: str, groups: Sequence[Finding], evidence: Evidence) -> Finding:
    """Return what the values of a field come to: those that say something, and a count."""
    name = f"by {field}"
    if evidence.incumbent is None:
        return Finding(name, Outcome.PASSED, messages.NO_INCUMBENT)
    if not groups:
        return Finding(name, Outcome.MISSING, messages.no_slices(metric, field))
    told = [group for group in groups if group.outcome is not Outcome.PASSED]
    blocked = [group for group in told if not group.outcome.lets_through]
    sentence = messages.slices(len(groups), blocked, len(told) - len(blocked))
    if not told:
        return Finding(name, Outcome.PASSED, sentence)
    return gather(name, told, sentence)


def _judge_gain(name: str, least: float, evidence: Evidence, metric: Metric) -> Finding:
    base = evidence.measurement("base")
    figure = base.metric(name) if base else None
    if figure is None:
        return Finding("base", Outcome.MISSING, messages.no_base(name))
    sign = 1 if metric.higher_is_better else -1
    gain = sign * (metric.value - figure.value)
    return _bar("base", gain + ROUNDING >= least, messages.gain(metric, gain, least))


def _judge_coverage(policy: Policy, candidate: Measurement) -> list[Finding]:
    """Return whether enough rows were answered, and answered so that it can be read."""
    rules = policy.gates.coverage
    parts = []
    for name, least in (("answered", rules.min_answered), ("parsable", rules.min_parsable)):
        if least <= 0:
            continue
        metric = candidate.metric(name)
        if metric is None or metric.n == 0:
            parts.append(Finding(name, Outcome.MISSING, messages.no_metric(name, candidate)))
        else:
            holds = metric.value >= least
            parts.append(_bar(name, holds, messages.at_least(metric, least)))
    return [gather("coverage", parts)] if parts else []


def _bar(name: str, holds: bool, sentence: str) -> Finding:
    return Finding(name, Outcome.PASSED if holds else Outcome.FAILED, sentence)
