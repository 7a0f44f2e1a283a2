"""Metric gates: slices, quantisation, coverage, and one error rate for all tests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.errors import UserError
from policy.facts.evidence import (
    Comparison,
    Evidence,
    Group,
    Metric,
    PairedCounts,
    PairedMeans,
    Resampled,
    Slice,
    parse_evidence,
)
from policy.files.rules import Policy
from policy.gates.consistency import contradictions
from policy.gates.difference import outcome_of, rows_needed
from policy.gates.metric_gates import judge_metrics
from policy.gates.paired_statistics import compare_means, compare_shares, holm
from policy.verdict import Finding, Outcome
from tests.policy import builders as b


def rules(gate: str, more: str = "") -> Policy:
    text = b.POLICY[: b.POLICY.index("gates:")]
    return b.policy(f"{text}gates:\n  metrics:\n    - {gate}\n{more}")


def table(both: int, lost: int, won: int, neither: int) -> PairedCounts:
    return PairedCounts(both=both, only_first=lost, only_second=won, neither=neither)


def sliced(*groups: tuple[str, PairedCounts], **changes: Any) -> Evidence:
    """Evidence whose comparison with the incumbent is the sum of these groups by locale."""
    total = [
        sum(getattr(counts, name) for _, counts in groups)
        for name in ("both", "only_first", "only_second", "neither")
    ]
    shown = b.facing(*total)
    parts = tuple(Group(value=value, counts=counts) for value, counts in groups)
    comparison = shown.comparisons[0].model_copy(
        update={"slices": (Slice(field="locale", groups=parts),)}
    )
    return shown.model_copy(update={"comparisons": (comparison,), **changes})


def only(finding: tuple[Finding, ...]) -> Finding:
    (found,) = finding
    return found


def part(finding: Finding, name: str) -> Finding:
    return next(each for each in finding.parts if each.name == name)


BY_LOCALE = "{metric: exact_match, slices: {locale: {max_drop: 0.05}}}"
GOOD = ("en", table(850, 15, 25, 110))
BAD = ("de", table(120, 60, 5, 65))
SMALL = ("fr", table(30, 2, 2, 6))


def test_a_slice_that_fell_blocks_and_is_named() -> None:
    found = only(judge_metrics(rules(BY_LOCALE), sliced(GOOD, BAD)))
    assert found.outcome is Outcome.FAILED
    assert "did not pass: de" in found.sentence
    by = part(found, "by locale")
    assert [leaf.name for leaf in by.leaves()] == ["de"]
    assert "1 of 2 groups passed" in by.sentence


def test_slices_that_hold_are_one_line() -> None:
    found = only(judge_metrics(rules(BY_LOCALE), sliced(GOOD, ("de", table(850, 15, 25, 110)))))
    assert found.outcome is Outcome.PASSED
    assert part(found, "by locale").parts == ()


def test_a_small_slice_is_inconclusive_and_says_how_many_rows_settle_it() -> None:
    found = only(judge_metrics(rules(BY_LOCALE), sliced(GOOD, SMALL)))
    assert found.outcome is Outcome.INCONCLUSIVE
    (leaf,) = part(found, "by locale").parts
    assert "40 rows can only detect" in leaf.sentence
    assert "rows would settle it" in leaf.sentence


def test_a_policy_may_let_small_slices_through_with_a_warning() -> None:
    gate = "{metric: exact_match, slices: {locale: {max_drop: 0.05, min_rows: 100}}}"
    found = only(judge_metrics(rules(gate), sliced(GOOD, SMALL)))
    assert found.outcome is Outcome.WARNED
    assert found.outcome.lets_through
    assert "fewer than 100" in part(found, "by locale").parts[0].sentence


def test_a_slice_that_was_not_measured_is_missing() -> None:
    gate = "{metric: exact_match, slices: {industry: {max_drop: 0.05}}}"
    found = only(judge_metrics(rules(gate), sliced(GOOD, BAD)))
    assert found.outcome is Outcome.MISSING
    assert "industry" in found.sentence


def test_no_slice_is_asked_where_nothing_is_live() -> None:
    shown = sliced(GOOD, BAD, incumbent=None, comparisons=())
    assert only(judge_metrics(rules(BY_LOCALE), shown)).outcome is Outcome.PASSED


def test_what_is_asked_more_often_must_be_plainer() -> None:
    alone = ("de", table(150, 20, 6, 24))  # 7 points down, p = 0.009
    one = only(judge_metrics(rules(BY_LOCALE), sliced(alone)))
    assert part(one, "by locale").outcome is Outcome.FAILED
    others = [(f"g{number}", table(850, 15, 25, 110)) for number in range(9)]
    many = only(judge_metrics(rules(BY_LOCALE), sliced(alone, *others)))
    assert part(many, "by locale").outcome is Outcome.INCONCLUSIVE
    assert "adjusted for 10 tests" in part(many, "by locale").parts[0].sentence


def quantised(merged: PairedCounts, name: str = "exact_match") -> Evidence:
    shown = b.evidence()
    first = (merged.both + merged.only_first) / merged.n
    measured = b.measurement("merged", b.BASE, first)
    return shown.model_copy(
        update={
            "measurements": (*shown.measurements, measured),
            "comparisons": (
                *shown.comparisons,
                Comparison(metric=name, first="merged", second="candidate", counts=merged),
            ),
        }
    )


def test_quantisation_that_costs_too_much_blocks() -> None:
    gate = "{metric: exact_match, max_quantisation_drop: 0.02}"
    fell = quantised(table(268, 20, 2, 10))
    assert contradictions(fell) == ()
    found = only(judge_metrics(rules(gate), fell))
    assert part(found, "quantisation").outcome is Outcome.FAILED
    assert "before it was quantised" in found.sentence
    kept = only(judge_metrics(rules(gate), quantised(table(270, 0, 0, 30))))
    assert kept.outcome is Outcome.PASSED
    assert only(judge_metrics(rules(gate), b.evidence())).outcome is Outcome.MISSING


def test_a_real_but_smaller_drop_warns() -> None:
    found = only(
        judge_metrics(rules("{metric: exact_match, max_drop: 0.05}"), b.facing(860, 35, 10, 95))
    )
    assert found.outcome is Outcome.WARNED
    assert "the drop is significant" in part(found, "incumbent").sentence


def test_non_inferior_asks_that_the_interval_rules_the_drop_out() -> None:
    shown = b.facing(840, 60, 30, 70)  # 3 points down; the interval reaches below 4
    plain = only(judge_metrics(rules("{metric: exact_match, max_drop: 0.04}"), shown))
    assert plain.outcome is Outcome.WARNED
    strict = "{metric: exact_match, max_drop: 0.04, non_inferior: true}"
    assert only(judge_metrics(rules(strict), shown)).outcome is Outcome.INCONCLUSIVE


def test_coverage_is_a_bar_of_its_own() -> None:
    shown = b.evidence()
    candidate = shown.measurements[-1]
    more = Metric(name="answered", kind="share", value=0.95, n=300, successes=285)
    covered = candidate.model_copy(update={"metrics": (*candidate.metrics, more)})
    evidence = shown.model_copy(update={"measurements": (*shown.measurements[:-1], covered)})
    policy = rules("{metric: exact_match, min: 0.5}", "  coverage: {min_answered: 0.99}\n")
    assert judge_metrics(policy, evidence)[-1].outcome is Outcome.FAILED
    assert judge_metrics(policy, shown)[-1].outcome is Outcome.MISSING
    lower = rules("{metric: exact_match, min: 0.5}", "  coverage: {min_answered: 0.9}\n")
    assert judge_metrics(lower, evidence)[-1].outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("{metric: exact_match}", "requires nothing"),
        ("{metric: exact_match, min: 0.5, non_inferior: true}", "needs the margin"),
        ("{metric: exact_match, slices: {locale: {}}}", "max_drop: missing"),
        ("{metric: exact_match, slices: {locale: {max_drop: .nan}}}", "max_drop"),
        ("{metric: exact_match, slices: {'a b': {max_drop: 0.1}}}", "a b"),
    ],
)
def test_gates_that_ask_nothing_sensible_are_refused(gate: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        rules(gate)
    assert said in str(caught.value)


def test_slices_stand_in_the_text_only_where_there_are_some() -> None:
    plain = b.evidence()
    assert "slices" not in plain.text()
    assert "resampled" not in plain.text()
    shown = sliced(GOOD, BAD)
    again = parse_evidence(shown.text(), "e.json")
    assert again == shown
    assert again.text() == shown.text()
    assert '"means"' not in json.dumps(json.loads(shown.text())["comparisons"][0]["slices"])


RESAMPLED = Resampled(low=-0.2, high=-0.05, p=0.001, resamples=9999, seed=1)


def test_what_the_rows_gave_stands_for_the_normal_approximation() -> None:
    means = PairedMeans(n=300, mean_difference=-0.1, sd_difference=1.0, resampled=RESAMPLED)
    found = compare_means(means)
    assert (found.low, found.high, found.p) == (-0.2, -0.05, 0.001)
    assert outcome_of(found, 0.1) is Outcome.FAILED


def changed_groups(*groups: Group, **changes: Any) -> Evidence:
    shown = sliced(GOOD, BAD)
    whole = shown.comparisons[0]
    cut = Slice(field="locale", groups=groups or whole.slices[0].groups, **changes)
    comparison = whole.model_copy(update={"slices": (cut,)})
    return shown.model_copy(update={"comparisons": (comparison,)})


def test_groups_that_add_up_do_not_contradict() -> None:
    assert contradictions(changed_groups()) == ()


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (changed_groups(Group(value="en", counts=GOOD[1])), "add up to the compared rows"),
        (
            changed_groups(*(Group(value="en", counts=each[1]) for each in (GOOD, BAD))),
            "listed twice",
        ),
        (changed_groups(rest_values=3), "values in the rest"),
        (
            changed_groups(Group(value="en"), Group(value="de", counts=BAD[1])),
            "add up to the compared rows",
        ),
    ],
)
def test_groups_that_are_not_the_rows_contradict(evidence: Evidence, said: str) -> None:
    assert any(said in sentence for sentence in contradictions(evidence)), contradictions(evidence)


@pytest.mark.parametrize(
    "changes",
    [
        {"p": 0.0},
        {"p": 1.5},
        {"p": float("nan")},
        {"low": 1.0},
        {"resamples": 0},
        {"clusters": 999},
    ],
)
def test_an_interval_that_resampling_cannot_give_contradicts(changes: dict[str, Any]) -> None:
    shown = b.evidence()
    metric = Metric(name="rouge_l", kind="mean", value=0.5, n=300)
    lower = metric.model_copy(update={"value": 0.4})
    measured = tuple(
        each.model_copy(
            update={"metrics": (*each.metrics, lower if each.subject == "candidate" else metric)}
        )
        for each in shown.measurements
    )

    def with_interval(found: Resampled) -> Evidence:
        means = PairedMeans(n=300, mean_difference=-0.1, sd_difference=1.0, resampled=found)
        comparison = Comparison(
            metric="rouge_l", first="incumbent", second="candidate", means=means
        )
        return shown.model_copy(
            update={"measurements": measured, "comparisons": (*shown.comparisons, comparison)}
        )

    assert contradictions(with_interval(RESAMPLED)) == ()
    assert contradictions(with_interval(RESAMPLED.model_copy(update=changes)))


cells = st.integers(0, 400)
margins = st.floats(0.001, 0.5)


@settings(deadline=None)
@given(cells, cells, cells, cells, margins, st.floats(0, 1))
def test_laws_of_the_rule(
    both: int, lost: int, won: int, neither: int, margin: float, p: float
) -> None:
    found = compare_shares(table(both, lost, won, neither))
    outcome = outcome_of(found, margin, p_adjusted=max(p, found.p))
    dropped = -found.value
    if dropped >= margin:
        assert not outcome.lets_through  # a drop of the margin never passes
    if dropped <= 0:
        assert outcome is not Outcome.FAILED  # what did not fall does not fail
        assert outcome is not Outcome.WARNED
    strict = outcome_of(found, margin, p_adjusted=max(p, found.p), non_inferior=True)
    assert outcome.lets_through or not strict.lets_through
    if outcome is Outcome.INCONCLUSIVE:
        needed = rows_needed(found, margin)
        assert needed is None or needed > found.n


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0, 1))
def test_another_test_never_lowers_an_adjusted_p(values: list[float], more: float) -> None:
    before, after = holm(values), holm([*values, more])
    assert all(after[place] >= value for place, value in enumerate(before))
    assert all(adjusted >= value for adjusted, value in zip(before, values, strict=True))
