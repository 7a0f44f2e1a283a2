"""Judge the measurements: absolute bars, then paired tests that share one error rate.

Every margin of a policy is a test: against the incumbent, on each value of a sliced field, against
the merged model before quantisation. With many tests, one fails by chance alone. So each p is
adjusted for all tests of one verdict (Holm 1979), and the effect that the sample can detect is
computed at the level that this leaves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from policy.facts.evidence import Comparison, Evidence, FormerRows, Group, Measurement, Metric
from policy.files.rules import MetricGate, Policy
from policy.gates.difference import ROUNDING, outcome_of, rows_needed
from policy.gates.equal_rows_gate import judge_equal_rows
from policy.gates.former_rows_gate import judge_former_rows
from policy.gates.paired_statistics import ALPHA, Difference, compare_means, compare_shares, holm
from policy.policy_sentences import (
    NO_INCUMBENT,
    figure,
    in_unit,
    moved,
    not_compared,
    percent,
    size,
    too_few_rows,
    unit,
)
from policy.verdict import Finding, Outcome, check, gather

INCUMBENT, QUANTISATION = "incumbent", "quantisation"
THE_INCUMBENT, THE_MERGED_MODEL = "the incumbent", "the model before it was quantised"
FORMER = "incumbent on the former rows"
RIVAL = "live version of {}"
ON_FORMER_ROWS = "the incumbent on the held-out rows from before this change"


@dataclass(frozen=True)
class Question:
    """One paired test of a gate; `facts` is None if it was not measured."""

    metric: Metric
    """The candidate's."""
    name: str
    """`incumbent`, `quantisation`, or the value of a field."""
    against: str
    margin: float
    facts: Comparison | Group | None
    field: str = ""
    former: bool = False
    """Whether the rows are those from before a change of the held-out rows."""
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
    """Return second minus first from the counts or the means; None if there are neither."""
    if facts.counts is not None:
        return compare_shares(facts.counts, alpha)
    if facts.means is not None:
        return compare_means(facts.means, alpha)
    return None


def difference_from(evidence: Evidence | FormerRows, metric: str) -> Difference | None:
    """Return candidate minus incumbent for `metric`; None if it was not measured."""
    comparison = evidence.comparison(metric, "incumbent", "candidate")
    return None if comparison is None else difference_of(comparison)


def judge_metrics(
    policy: Policy, evidence: Evidence, *, other_rows: bool = False
) -> tuple[Finding, ...]:
    """Return a finding for every metric gate, then whether the right rows were measured, enough.

    `other_rows` says that the files of the held-out rows changed: see `former_rows_gate`.
    """
    gates = policy.gates
    candidate = evidence.measurement("candidate")
    if candidate is None:
        return tuple(
            Finding(
                gate.metric,
                Outcome.MISSING,
                f"{gate.metric} was not measured on the file that would ship",
            )
            for gate in gates.metrics
        )
    asked = {gate.metric: tuple(_questions(gate, evidence, candidate)) for gate in gates.metrics}
    answers = judge_questions([each for questions in asked.values() for each in questions])
    parts = [_judge_metric(gate, evidence, candidate, answers) for gate in gates.metrics]
    parts += _judge_coverage(policy, candidate)
    parts += judge_former_rows(policy, evidence, other_rows=other_rows)
    parts += judge_equal_rows(policy, evidence)
    least = gates.data.min_test_rows
    rows = min((metric.n for metric in candidate.metrics), default=least)
    if rows < least:  # rows with allowed findings are not measured on
        parts.append(Finding("rows", Outcome.FAILED, too_few_rows("measured", rows, least)))
    return tuple(parts)


Answers = Sequence[tuple[Question, Finding]]


def judge_questions(questions: Sequence[Question]) -> Answers:
    """Return a finding for every question; each p is adjusted for all questions."""
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
        sentence = (
            f"{question.rows} rows; groups with fewer than {question.min_rows} are not judged"
        )
        return Finding(question.name, Outcome.WARNED, sentence)
    return Finding(question.name, Outcome.MISSING, not_compared(question.metric.name))


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
        return Finding(question.name, outcome, _not_a_number(question.metric.name))
    sentence = _drop(question, difference, p, tests)
    if outcome is Outcome.INCONCLUSIVE:
        needed = rows_needed(difference, margin, higher_is_better=better)
        sentence = f"{sentence}; {_inconclusive(question.metric, difference, needed)}"
    elif outcome is Outcome.WARNED:
        sentence = f"{sentence}; the drop is significant, but smaller than the margin"
    return Finding(question.name, outcome, sentence)


def _drop(question: Question, difference: Difference, p: float, tests: int) -> str:
    """Return the difference with its interval; `p` is adjusted for so many tests."""
    metric = question.metric
    among = f" adjusted for {tests} tests" if tests > 1 else ""
    return (
        f"{moved(metric, difference.value)} against {question.against} "
        f"({in_unit(metric, difference.low, '+.1f', '+.4g')} to {moved(metric, difference.high)}, "
        f"p = {p:.2g}{among}, n = {difference.n}); "
        f"a drop of {size(metric, question.margin)} fails"
    )


def _inconclusive(metric: Metric, difference: Difference, rows: int | None) -> str:
    seen = f"{in_unit(metric, difference.detectable, '.1f', '.3g')}{unit(metric)}"
    needed = f"about {rows:,} rows" if rows else "no number of rows"
    return (
        f"{difference.n} rows can only detect {seen}, so the result is inconclusive; "
        f"{needed} would settle it"
    )


def _not_a_number(metric: str) -> str:
    return f"{metric} is not a number"


def _questions(gate: MetricGate, evidence: Evidence, candidate: Measurement) -> Iterator[Question]:
    """Yield the paired tests of a gate; none against an incumbent if no version is live."""
    metric = candidate.metric(gate.metric)
    if metric is None or metric.n == 0 or not math.isfinite(metric.value):
        return
    before = evidence.comparison(metric.name, "incumbent", "candidate")
    if evidence.incumbent is not None and gate.max_drop is not None:
        against, strict = THE_INCUMBENT, gate.non_inferior
        yield Question(metric, INCUMBENT, against, gate.max_drop, before, non_inferior=strict)
    if gate.max_quantisation_drop is not None:
        merged = evidence.comparison(metric.name, "merged", "candidate")
        against, strict = THE_MERGED_MODEL, gate.non_inferior
        margin = gate.max_quantisation_drop
        yield Question(metric, QUANTISATION, against, margin, merged, non_inferior=strict)
    for rival in evidence.rivals:
        if rival.measurements:
            against = f"the live version of {rival.model}"
            yield from _again(gate, metric, rival, RIVAL.format(rival.model), against)
    if evidence.incumbent is None:
        return
    yield from _slices(gate, metric, before, THE_INCUMBENT)
    if evidence.former is not None and evidence.former.measurements:
        before = evidence.former.comparison(metric.name, "incumbent", "candidate")
        yield from _again(gate, metric, evidence.former, FORMER, ON_FORMER_ROWS)
        yield from _former_slices(gate, metric, before)


def _again(
    gate: MetricGate, metric: Metric, facts: FormerRows, name: str, against: str
) -> Iterator[Question]:
    """Yield the test against a live version on other rows, or against another model's."""
    if gate.max_drop is None:
        return
    before = facts.comparison(metric.name, "incumbent", "candidate")
    strict = gate.non_inferior
    yield Question(metric, name, against, gate.max_drop, before, former=True, non_inferior=strict)


def _former_slices(
    gate: MetricGate, metric: Metric, before: Comparison | None
) -> Iterator[Question]:
    for each in _slices(gate, metric, before, ON_FORMER_ROWS):
        yield replace(each, former=True)


def _slices(
    gate: MetricGate, metric: Metric, before: Comparison | None, against: str
) -> Iterator[Question]:
    for field, asked in gate.slices.items():
        found = before.slice(field) if before is not None else None
        for group in found.parts if found is not None else ():
            yield Question(
                metric,
                group.value,
                against,
                asked.max_drop,
                group,
                field=field,
                min_rows=asked.min_rows,
            )


def _judge_metric(
    gate: MetricGate, evidence: Evidence, candidate: Measurement, answers: Answers
) -> Finding:
    """Return the result for one metric of the candidate: bars, base, then the paired answers."""
    metric = candidate.metric(gate.metric)
    if metric is None or metric.n == 0:
        return _not_measured(gate.metric, candidate)
    if not math.isfinite(metric.value):
        return Finding(gate.metric, Outcome.FAILED, _not_a_number(gate.metric))
    parts: list[Finding] = []
    if gate.min is not None:
        parts.append(check("min", metric.value >= gate.min, _at_least(metric, gate.min)))
    if gate.max is not None:
        sentence = f"{_beside(metric, gate.max)}, at most {_bar(metric, gate.max)} allowed"
        parts.append(check("max", metric.value <= gate.max, sentence))
    if gate.max_drop is not None and evidence.incumbent is None:
        parts.append(Finding(INCUMBENT, Outcome.PASSED, NO_INCUMBENT))
    own = [(asked, found) for asked, found in answers if asked.metric.name == gate.metric]
    parts += [found for asked, found in own if not asked.field]
    if gate.min_gain_over_base is not None:
        parts.append(_judge_gain(gate.metric, gate.min_gain_over_base, evidence, metric))
    former = evidence.former is not None and bool(evidence.former.measurements)
    for field in gate.slices:
        for old in (False, True) if former else (False,):
            groups = [f for asked, f in own if asked.field == field and asked.former is old]
            name = f"by {field} on the former rows" if old else f"by {field}"
            parts.append(_judge_slice(name, field, gate.metric, groups, evidence))
    blocked = [part.sentence for part in parts if not part.outcome.lets_through]
    return gather(gate.metric, parts, "; ".join(blocked) or figure(metric))


def _not_measured(metric: str, measurement: Measurement) -> Finding:
    known = ", ".join(each.name for each in measurement.metrics)
    sentence = f"{metric} was not measured; measured metrics: {known or 'none'}"
    return Finding(metric, Outcome.MISSING, sentence)


def _at_least(metric: Metric, least: float) -> str:
    return f"{_beside(metric, least)}, at least {_bar(metric, least)} required"


def _beside(metric: Metric, bar: float) -> str:
    """Return the figure with as many digits as it takes to tell it from the bar."""
    if metric.value == bar or figure(metric) != _bar(metric, bar):
        return figure(metric)
    return f"{100 * metric.value:.8g} %" if metric.kind == "share" else f"{metric.value:.8g}"


def _bar(metric: Metric, value: float) -> str:
    return percent(value) if metric.kind == "share" else f"{value:.4g}"


def _judge_slice(
    name: str, field: str, metric: str, groups: Sequence[Finding], evidence: Evidence
) -> Finding:
    """Return the result for the values of a field: a count, and those that did not plainly pass."""
    if evidence.incumbent is None:
        return Finding(name, Outcome.PASSED, NO_INCUMBENT)
    if not groups:
        sentence = f"{metric} was not compared by {field}; run again, the answers are kept"
        return Finding(name, Outcome.MISSING, sentence)
    told = [group for group in groups if group.outcome is not Outcome.PASSED]
    blocked = [group for group in told if not group.outcome.lets_through]
    sentence = f"{len(groups) - len(blocked)} of {len(groups)} groups passed"
    if len(told) > len(blocked):
        sentence += f", {len(told) - len(blocked)} with a warning"
    if blocked:
        named = ", ".join(group.name for group in blocked[:3])
        sentence += f"; did not pass: {named}{', ...' if len(blocked) > 3 else ''}"
    if not told:
        return Finding(name, Outcome.PASSED, sentence)
    return gather(name, told, sentence)


def _judge_gain(name: str, least: float, evidence: Evidence, metric: Metric) -> Finding:
    base = evidence.measurement("base")
    found = base.metric(name) if base else None
    if found is None:
        return Finding("base", Outcome.MISSING, f"{name} of the base model was not measured")
    sign = 1 if metric.higher_is_better else -1
    gain = sign * (metric.value - found.value)
    seen, bar = moved(metric, gain), moved(metric, least)
    if seen == bar and gain != least:  # as many digits as it takes to tell them apart
        seen = f"{in_unit(metric, gain, '+.8g', '+.8g')}{unit(metric)}"
    return check("base", gain + ROUNDING >= least, f"{seen} over the base, at least {bar} required")


def _judge_coverage(policy: Policy, candidate: Measurement) -> list[Finding]:
    """Return whether enough rows were answered, and in a form that can be read."""
    rules = policy.gates.coverage
    parts = []
    for name, least in (("answered", rules.min_answered), ("parsable", rules.min_parsable)):
        if least <= 0:
            continue
        metric = candidate.metric(name)
        if metric is None or metric.n == 0:
            parts.append(_not_measured(name, candidate))
        else:
            parts.append(check(name, metric.value >= least, _at_least(metric, least)))
    return [gather("coverage", parts)] if parts else []
