"""Comparisons by slices: every row once, the largest groups by name, the figures of subsets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.row import Row
from policy.facts.evidence import Comparison, PairedMeans, Subject
from policy.files.contract import Contract
from policy.gates.difference import outcome_of
from policy.gates.paired_statistics import compare_means
from policy.verdict import Outcome
from runner.engines.engine import Answer
from runner.measure.comparing import compare
from runner.measure.resampling import paired_means
from runner.measure.scoring import Scored, score
from runner.measure.slicing import GROUPS, Cuts, clusters, value_of

LABELS = Contract(task="classification", schema_version=1)
FIELDS = Contract(task="structured", schema_version=1, output_schema="o.json", key_fields=("a",))
TEXT = Contract(task="text", schema_version=1)


def row(number: int, expected: str, **metadata: Any) -> Row:
    turns = (Turn("user", "?"), Turn("assistant", expected))
    return Row(str(number), turns, metadata, number, "test.jsonl", "messages")


def answered(rows: Sequence[Row], said: Sequence[str], contract: Contract) -> list[Scored]:
    return [
        score(each, Answer(text, 3, 0.5, "stop"), contract, None)
        for each, text in zip(rows, said, strict=True)
    ]


def compared(
    rows: Sequence[Row],
    before: Sequence[str],
    after: Sequence[str],
    contract: Contract,
    cuts: Cuts,
    pair: tuple[Subject, Subject] = ("incumbent", "candidate"),
) -> Mapping[str, Comparison]:
    first, second = pair
    subjects: dict[Subject, Sequence[Scored]] = {
        first: answered(rows, before, contract),
        second: answered(rows, after, contract),
    }
    return {each.metric: each for each in compare(subjects, contract, cuts=cuts)}


def test_a_slice_is_the_comparison_of_its_rows() -> None:
    rows = [row(number, "a", locale="de" if number % 3 else "en") for number in range(30)]
    before = ["a"] * 30
    after = ["b" if number % 2 and number % 3 else "a" for number in range(30)]
    found = compared(rows, before, after, LABELS, Cuts(("locale",)))["accuracy"].slice("locale")
    assert found is not None
    german = [number for number in range(30) if number % 3]
    alone = compared(
        [rows[number] for number in german],
        [before[number] for number in german],
        [after[number] for number in german],
        LABELS,
        Cuts(),
    )["accuracy"]
    assert [group.value for group in found.groups] == ["de", "en"]
    assert found.groups[0].counts == alone.counts


def test_beyond_the_largest_groups_values_stand_together() -> None:
    rows = [row(number, "a", shop=f"s{number % 60}") for number in range(200)]
    found = compared(rows, ["a"] * 200, ["a"] * 200, LABELS, Cuts(("shop",)))["accuracy"]
    cut = found.slice("shop")
    assert cut is not None
    assert cut.rest is not None
    assert (len(cut.groups), cut.rest_values, cut.rest.value) == (GROUPS, 10, "10 other values")
    assert sum(group.counts.n for group in cut.parts if group.counts) == 200


@pytest.mark.parametrize(
    ("contract", "found", "field", "value"),
    [
        (LABELS, row(1, "spam"), "label", "spam"),
        (LABELS, row(1, "spam", label="own"), "label", "own"),
        (LABELS, row(1, "spam"), "locale", "(none)"),
        (FIELDS, row(1, '{"a": {"b": 7}}'), "a.b", "7"),
        (FIELDS, row(1, "{}", a=True), "a", "true"),
        (FIELDS, row(1, "{}", a={"c": [1]}), "a.c", "[1]"),
        (TEXT, row(1, "no json"), "a", "(none)"),
        (TEXT, row(1, "", a="x" * 200), "a", "x" * 80),
    ],
)
def test_a_field_is_the_rows_own_or_the_expected_answers(
    contract: Contract, found: Row, field: str, value: str
) -> None:
    assert value_of(found, field, contract) == value


def test_only_the_incumbent_is_compared_by_slices() -> None:
    rows = [row(number, "a", locale="de") for number in range(4)]
    pair: tuple[Subject, Subject] = ("merged", "candidate")
    found = compared(rows, ["a"] * 4, ["a"] * 4, LABELS, Cuts(("locale",)), pair)
    assert all(each.slices == () for each in found.values())


def test_figures_of_every_kind_have_slices_and_times_have_none() -> None:
    rows = [row(number, "a red box", locale="de") for number in range(6)]
    found = compared(rows, ["a red box"] * 6, ["a red hat"] * 6, TEXT, Cuts(("locale",)))
    for name in ("exact_match", "rouge_l", "bleu"):
        (group,) = found[name].slices[0].groups
        assert (group.counts, group.means) == (found[name].counts, found[name].means)
    assert found["latency"].slices == ()


def test_turns_of_one_talk_are_drawn_together() -> None:
    rows = [row(number, "a red box", talk=number // 4) for number in range(80)]
    said = ["a red box" if number // 4 % 2 else "a hat" for number in range(80)]
    alone = compared(rows, ["a red box"] * 80, said, TEXT, Cuts())["rouge_l"].means
    together = compared(rows, ["a red box"] * 80, said, TEXT, Cuts((), ("talk",)))["rouge_l"].means
    assert alone is not None
    assert together is not None
    assert alone.resampled is not None
    assert together.resampled is not None
    assert (alone.resampled.clusters, together.resampled.clusters) == (None, 20)
    assert together.sd_difference > 1.8 * alone.sd_difference
    assert together.resampled.p > alone.resampled.p


def test_rows_that_all_belong_together_are_one_and_show_nothing() -> None:
    fell = [-0.1, 0.05, -0.3, 0.2, -0.15, 0.05, 0.1, -0.4, 0.3, -0.05]
    apart, together = paired_means(fell), paired_means(fell, ["one talk"] * len(fell))
    found = compare_means(together)
    assert found.value == compare_means(apart).value < 0
    assert (found.p, found.low, found.high) == (1.0, -math.inf, math.inf)
    for strict in (True, False):
        assert outcome_of(found, 0.2, non_inferior=strict) is Outcome.INCONCLUSIVE
    read = PairedMeans.model_validate_json(together.model_dump_json())
    assert compare_means(read) == found
    alike = compare_means(paired_means([0.0] * 10, ["one talk"] * 10))
    assert outcome_of(alike, 0.2, non_inferior=True) is Outcome.PASSED


def test_rows_without_a_group_are_groups_of_one() -> None:
    rows = [row(1, "a", group=1), row(2, "a", customer=1), row(3, "a"), row(4, "a", group=1)]
    found = clusters(rows, ("group", "customer"))
    assert found is not None
    assert len(set(found)) == 3
    assert found[0] == found[3]
    assert clusters(rows, ("talk",)) is None


def test_corpus_figures_bring_their_interval_and_p() -> None:
    rows = [row(number, f"the red box stands on floor {number}") for number in range(40)]
    right = [each.answer for each in rows]
    worse = [text.replace("red", "blue") if len(text) % 2 else text for text in right]
    means = compared(rows, right, worse, TEXT, Cuts())["bleu"].means
    assert means is not None
    assert means.resampled is not None
    assert means.resampled.low <= means.mean_difference <= means.resampled.high
    assert means.resampled.p < 0.01
    error = means.sd_difference / math.sqrt(means.n)
    assert compare_means(means).high - compare_means(means).low == pytest.approx(
        3.92 * error, rel=0.2
    )
