"""Each task has its figures, and two subjects are compared row by row."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU

from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.json_schemas import load_schema
from countersign_ml.rows.read.row import Row
from policy.facts.evidence import Subject
from policy.files.contract import Contract
from policy.gates.paired_statistics import compare_means
from runner.engines.engine import Answer
from runner.measure.comparing import compare
from runner.measure.corpus import corpus_difference, corpus_value
from runner.measure.scoring import Scored, rouge_l, score
from runner.measure.subject_metrics import metrics_of

STRUCTURED = Contract(
    task="structured", schema_version=1, output_schema="o.json", key_fields=("a", "b")
)
LABELS = Contract(task="classification", schema_version=1)
FIELD = Contract(task="classification", schema_version=1, label_field="label")
CALLS = Contract(task="tool_calls", schema_version=1)
TEXT = Contract(task="text", schema_version=1)
SCHEMA = load_schema(json.dumps({"type": "object", "required": ["a", "b"]}), "o.json")


def scored(contract: Contract, expected: str, said: str, finish: Any = "stop") -> Scored:
    row = Row(
        "1", (Turn("user", "?"), Turn("assistant", expected)), {}, 1, "test.jsonl", "messages"
    )
    schema = SCHEMA if contract.task == "structured" else None
    return score(row, Answer(said, 3, 0.5, finish), contract, schema)


def many(contract: Contract, pairs: Sequence[tuple[str, str]]) -> list[Scored]:
    return [scored(contract, expected, said) for expected, said in pairs]


def values(rows: Sequence[Scored], contract: Contract) -> dict[str, float]:
    return {metric.name: metric.value for metric in metrics_of(rows, contract)}


def test_structured_answers_are_compared_field_by_field() -> None:
    expected = '{"a": 1, "b": null, "c": "free"}'
    right = scored(STRUCTURED, expected, '{"b":null,"a":1,"c":"other words"}').scores
    assert (right["exact_match"], right["field.a"], right["schema_valid"]) == (True, True, True)
    half = scored(STRUCTURED, expected, '{"a": 1}').scores
    assert (half["field.a"], half["field.b"], half["schema_valid"]) == (True, False, False)
    assert half["exact_match"] is False
    broken = scored(STRUCTURED, expected, "no json").scores
    assert (broken["exact_match"], broken["schema_valid"]) == (False, False)
    true = scored(STRUCTURED, '{"a": 1, "b": 0}', '{"a": true, "b": false}').scores
    assert true["exact_match"] is False


def test_an_answer_that_never_ended_is_no_answer() -> None:
    cut = scored(STRUCTURED, '{"a":1,"b":2}', '{"a":1,"b":2}', "length").scores
    assert (cut["answered"], cut["schema_valid"]) == (False, False)


def test_a_label_is_the_text_or_a_field() -> None:
    assert scored(LABELS, "spam", " spam\n").scores["accuracy"] is True
    assert scored(LABELS, "spam", "ham").scores["accuracy"] is False
    expected = '{"label": "spam", "why": "money"}'
    assert scored(FIELD, expected, '{"label": "spam", "why": "else"}').scores["accuracy"] is True
    assert scored(FIELD, expected, "spam").scores["accuracy"] is False


def test_calls_match_in_name_arguments_and_order() -> None:
    one, two = '{"name":"f","arguments":{"x":1,"y":2}}', '{"name":"g","arguments":{}}'
    swapped = '{"arguments":{"y":2,"x":1},"name":"f"}'
    assert scored(CALLS, f"[{one},{two}]", f"[{swapped}, {two}]").scores["tool_call_match"] is True
    assert scored(CALLS, f"[{one},{two}]", f"[{two},{one}]").scores["tool_call_match"] is False
    broken = scored(CALLS, f"[{one}]", "I call f").scores
    assert (broken["parse_rate"], broken["tool_call_match"]) == (False, False)


def test_rouge_l_of_a_known_pair() -> None:
    # "police killed the gunman" against "police kill the gunman" (Lin 2004): LCS 3 of 4 and 4.
    assert rouge_l("police killed the gunman", "police kill the gunman") == pytest.approx(0.75)


def test_macro_f1_of_a_known_table() -> None:
    pairs = [("a", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("c", "a"), ("c", "nonsense")]
    rows = many(LABELS, pairs)
    # a: 2 TP 1 FP 1 FN; b: 1 TP 1 FP 0 FN; c: 0 TP 0 FP 2 FN
    assert corpus_value("macro_f1", rows, LABELS) == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


VOCABULARY = ("red", "green", "blue", "box", "hat", "pen", "is", "a", "the")
WORDS = st.lists(st.sampled_from(VOCABULARY), max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(WORDS.filter(bool), WORDS), min_size=1, max_size=8))
def test_bleu_is_sacrebleus(pairs: list[tuple[list[str], list[str]]]) -> None:
    texts = [(" ".join(expected), " ".join(said)) for expected, said in pairs]
    theirs = BLEU().corpus_score([said for _, said in texts], [[exp for exp, _ in texts]])
    assert corpus_value("bleu", many(TEXT, texts), TEXT) == pytest.approx(theirs.score)


def test_a_corpus_difference_is_sure_where_it_is_plain() -> None:
    texts = [f"the {thing} stands on floor {n}" for n in range(25) for thing in ("red", "blue")]
    right = many(TEXT, [(text, text) for text in texts])
    wrong = many(TEXT, [(text, "a hat") for text in texts])
    plain = compare_means(corpus_difference("bleu", wrong, right, TEXT))
    assert plain.value > 90
    assert plain.p < 0.001
    none = compare_means(corpus_difference("bleu", right, right, TEXT))
    assert (none.value, none.p) == (0.0, 1.0)


def test_metrics_say_what_they_are() -> None:
    found = {m.name: m for m in metrics_of(many(LABELS, [("a", "a"), ("b", "a")]), LABELS)}
    assert (found["accuracy"].kind, found["accuracy"].successes) == ("share", 1)
    assert (found["latency"].kind, found["latency"].higher_is_better) == ("mean", False)
    assert found["macro_f1"].kind == "corpus"
    assert metrics_of([], LABELS) == ()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_paired_counts_give_both_shares_back(pairs: list[tuple[bool, bool]]) -> None:
    subjects: dict[Subject, Sequence[Scored]] = {
        "incumbent": many(LABELS, [("a", "a" if first else "b") for first, _ in pairs]),
        "candidate": many(LABELS, [("a", "a" if second else "b") for _, second in pairs]),
    }
    found = {
        comparison.metric: comparison
        for comparison in compare(subjects, Contract(task="tool_calls", schema_version=1))
    }
    counts = found["accuracy"].counts
    assert counts is not None
    assert counts.n == len(pairs)
    assert counts.both + counts.only_first == sum(first for first, _ in pairs)
    assert counts.both + counts.only_second == sum(second for _, second in pairs)
    means = found["latency"].means
    assert means is not None
    assert (means.mean_difference, means.sd_difference) == (0.0, 0.0)


def test_only_subjects_that_were_measured_are_compared() -> None:
    rows = many(TEXT, [("a b", "a b"), ("c", "d")])
    pairs = {(c.first, c.second) for c in compare({"base": rows, "candidate": rows}, TEXT)}
    assert pairs == {("base", "candidate")}
    assert all(math.isfinite(m.value) for m in metrics_of(rows, TEXT))
    assert values(rows, TEXT)["exact_match"] == 0.5
