"""The figures of each task agree with the libraries that define them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.chrf import CHRF
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.row import Row
from policy.facts.evidence import Subject
from policy.files.contract import Contract
from runner.engines.engine import Answer
from runner.measure.class_metrics import class_facts
from runner.measure.comparing import compare
from runner.measure.corpus import corpus_difference, corpus_value
from runner.measure.scoring import Scored, score
from runner.measure.subject_metrics import TIMES, metrics_of

LABELS = Contract(task="classification", schema_version=1)
TEXT = Contract(task="text", schema_version=1)
FIELDS = Contract(task="structured", schema_version=1, output_schema="o.json", key_fields=("a",))
NAMES = ("pay", "ship", "return", "other")


def scored(
    contract: Contract, expected: str, said: str, seconds: float = 0.5, first: float | None = None
) -> Scored:
    row = Row(
        "1", (Turn("user", "?"), Turn("assistant", expected)), {}, 1, "test.jsonl", "messages"
    )
    return score(row, Answer(said, 4, seconds, "stop", first), contract, None)


def values(rows: Sequence[Scored], contract: Contract) -> dict[str, float]:
    return {metric.name: metric.value for metric in metrics_of(rows, contract)}


LABELLED = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from((*NAMES, "never asked"))),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(LABELLED)
def test_classes_are_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    rows = [scored(LABELS, expected, said) for expected, said in pairs]
    wanted, given_ = [expected for expected, _ in pairs], [said for _, said in pairs]
    labels = sorted(set(wanted))
    theirs = f1_score(wanted, given_, labels=labels, average="macro", zero_division=0)
    assert corpus_value("macro_f1", rows, LABELS) == pytest.approx(float(theirs), abs=1e-12)
    facts = class_facts(rows, LABELS)
    assert facts is not None
    table = {each.label: each for each in facts.classes}
    figures = precision_recall_fscore_support(wanted, given_, labels=labels, zero_division=0)
    for label, precision, recall, f1, support in zip(labels, *figures, strict=True):
        mine = table[label]
        assert (mine.precision, mine.recall) == pytest.approx((precision, recall), abs=1e-12)
        assert (mine.f1, mine.support) == pytest.approx((f1, support), abs=1e-12)
    every = sorted({*wanted, *given_})
    matrix = confusion_matrix(wanted, given_, labels=[*every, "one more"])  # else one label warns
    assert facts.right == np.trace(matrix)
    listed = {(each.expected, each.said): each.count for each in facts.confusions}
    for i, one in enumerate(every):
        for j, other in enumerate(every):
            if one != other:
                assert listed.get((one, other), 0) == matrix[i, j]


def test_a_thousand_classes_stay_a_table() -> None:
    rows = [scored(LABELS, f"class {n}", f"class {n + n % 2}" * 90) for n in range(1000)]
    facts = class_facts(rows, LABELS)
    assert facts is not None
    assert (len(facts.classes), facts.classes_left_out) == (200, 800)
    assert len(facts.confusions) + facts.confusions_left_out == 1000
    assert len(facts.model_dump_json()) < 60_000
    assert class_facts([scored(TEXT, "a", "a")], TEXT) is None


WORDS = st.lists(st.sampled_from(("red", "greenish", "box", "is", "the")), max_size=6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(WORDS.filter(bool), WORDS), min_size=1, max_size=8))
def test_chrf_is_sacrebleus(pairs: list[tuple[list[str], list[str]]]) -> None:
    texts = [(" ".join(expected), " ".join(said)) for expected, said in pairs]
    theirs = CHRF().corpus_score([said for _, said in texts], [[exp for exp, _ in texts]])
    rows = [scored(TEXT, *text) for text in texts]
    assert corpus_value("chrf", rows, TEXT) == pytest.approx(theirs.score)


def test_the_length_ratio_counts_words() -> None:
    rows = [scored(TEXT, "one two three four", "one two"), scored(TEXT, "five six", "five")]
    assert corpus_value("length_ratio", rows, TEXT) == pytest.approx(0.5)
    assert corpus_value("length_ratio", [scored(TEXT, "", "words")], TEXT) == 0.0


TIMES_SEEN = st.lists(st.floats(0.001, 60), min_size=1, max_size=50)


@given(TIMES_SEEN)
def test_percentiles_are_the_nearest_rank(seconds: list[float]) -> None:
    rows = [scored(TEXT, "a", "a", each) for each in seconds]
    for name, share in (("latency_p50", 50), ("latency_p95", 95)):
        theirs = np.percentile(seconds, share, method="inverted_cdf")
        assert corpus_value(name, rows, TEXT) == float(theirs)


def test_a_slower_tail_shows_in_the_95th_percentile_alone() -> None:
    quick = [scored(TEXT, "a", "a", 0.1) for _ in range(100)]
    tailed = [*quick[:90], *(scored(TEXT, "a", "a", 3.0) for _ in range(10))]
    assert corpus_difference("latency_p50", quick, tailed, TEXT).mean_difference == 0
    assert corpus_difference("latency_p95", quick, tailed, TEXT).mean_difference == 2.9


def test_times_say_which_way_is_better() -> None:
    found = {m.name: m for m in metrics_of([scored(TEXT, "a", "a", 0.5, 0.2)] * 3, TEXT)}
    assert set(found) >= TIMES
    assert found["tokens_per_second"].value == 8.0
    assert found["tokens_per_second"].higher_is_better
    assert not found["first_token"].higher_is_better
    assert not found["latency_p95"].higher_is_better


def test_a_time_that_one_engine_cannot_tell_is_not_compared() -> None:
    with_first = [scored(TEXT, "a", "a", 0.5, 0.1)] * 4
    without = [scored(TEXT, "a", "a", 0.5)] * 4
    subjects: dict[Subject, Sequence[Scored]] = {"base": without, "candidate": with_first}
    compared = {each.metric for each in compare(subjects, TEXT)}
    assert "first_token" not in compared
    assert {"latency", "latency_p50", "tokens_per_second"} <= compared
    apart = {e.metric for e in compare(subjects, TEXT, apart=frozenset({"base"}))}
    assert apart.isdisjoint(TIMES)
    assert "rouge_l" in apart


def fields(expected: Any, said: Any) -> dict[str, bool | float]:
    return scored(FIELDS, json.dumps({"a": expected}), json.dumps({"a": said})).scores


def test_a_field_that_is_nearly_right_is_nearly_right() -> None:
    near = fields("the blue backpack", "the blue rucksack")
    assert near["field.a"] is False
    assert 0.3 < float(near["similarity.a"]) < 1
    theirs = CHRF().sentence_score("the blue rucksack", ["the blue backpack"]).score
    assert near["similarity.a"] == pytest.approx(theirs / 100)
    assert fields("", "")["similarity.a"] == 1.0
    assert fields("x", None)["similarity.a"] == 0.0
    assert fields([1, 2], [1, 2])["similarity.a"] == 1.0
    assert 0 < float(fields([1, 2, 34567], [1, 2, 34568])["similarity.a"]) < 1


@pytest.mark.parametrize(
    ("contract", "said", "parsable"),
    [
        (FIELDS, '{"a": 1}', True),
        (FIELDS, "[1]", False),
        (FIELDS, "sorry", False),
        (LABELS, "pay", True),
        (LABELS, "  ", False),
        (TEXT, "", False),
    ],
)
def test_coverage_says_what_could_be_read(contract: Contract, said: str, parsable: bool) -> None:
    assert scored(contract, '{"a": 1}', said).scores["parsable"] is parsable
