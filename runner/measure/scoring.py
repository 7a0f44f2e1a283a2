"""Score one answer against the expected one, by the contract's task.

Each score is true or false (a share over rows), or a figure (a mean). Corpus figures, which no
single row has, are in `corpus`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from countersign_ml.rows.read.json_schemas import SchemaChecker, canonical
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.strict_json import loads
from policy.files.contract import Contract
from runner.engines.engine import Answer
from runner.measure.own_metrics import own_metrics
from runner.measure.tool_scores import Scores, tool_call_scores

UNREADABLE = "(no label)"
"""The label of an answer that gives none."""


@dataclass(frozen=True)
class Scored:
    """One row, one subject's answer, and its scores."""

    row: Row
    answer: Answer
    scores: Scores
    label: str = ""
    """For classification: the label that the answer gives."""


def score(row: Row, answer: Answer, contract: Contract, schema: SchemaChecker | None) -> Scored:
    """Return the scores of one answer; those that every task has, and the task's own."""
    scores: Scores = {
        "answered": answer.finish == "stop" and bool(answer.text.strip()),
        "latency": answer.seconds,
        "tokens_per_second": answer.tokens / answer.seconds if answer.seconds else 0.0,
    }
    if answer.first_token is not None:
        scores["first_token"] = answer.first_token
    if schema is not None:
        scores["schema_valid"] = answer.finish == "stop" and schema.fits(answer.text)
    scores.update(_TASKS[contract.task](row, answer, contract))
    for own in own_metrics(contract.metrics):
        scores[own.score_name] = own.score(row, answer.text)
    label = label_of(answer.text, contract) if contract.task == "classification" else ""
    return Scored(row, answer, scores, label)


def label_of(text: str, contract: Contract) -> str:
    """Return the label that a text gives; `(no label)` if it gives none."""
    if contract.label_field is None:
        return text.strip() or UNREADABLE
    value = _object(text).get(contract.label_field)
    return value if isinstance(value, str) and value else UNREADABLE


def _structured(row: Row, answer: Answer, contract: Contract) -> Scores:
    expected, said = _object(row.answer), _object(answer.text)
    equal = {
        field: field in said and canonical(said[field]) == canonical(expected.get(field))
        for field in contract.key_fields
    }
    scores: Scores = {"parsable": bool(said), "exact_match": all(equal.values())}
    scores.update({f"field.{field}": holds for field, holds in equal.items()})
    for field, holds in equal.items():
        close = 1.0 if holds else _similarity(expected.get(field), said.get(field))
        scores[f"similarity.{field}"] = close
    return scores


def _similarity(expected: Any, said: Any) -> float:
    """Return the chrF of two values that are not equal, 0 to 1; a missing value is 0."""
    if said is None:
        return 0.0
    texts = [each if isinstance(each, str) else canonical(each) for each in (expected, said)]
    return chrf(*texts)


def _classification(row: Row, answer: Answer, contract: Contract) -> Scores:
    label = label_of(answer.text, contract)
    return {
        "parsable": label != UNREADABLE,
        "accuracy": label == label_of(row.answer, contract),
    }


def _tool_calls(row: Row, answer: Answer, contract: Contract) -> Scores:
    scores = tool_call_scores(row, answer.text)
    return {"parsable": scores["parse_rate"], **scores}


def _text(row: Row, answer: Answer, contract: Contract) -> Scores:
    return {
        "parsable": bool(answer.text.strip()),
        "exact_match": answer.text.strip() == row.answer.strip(),
        "rouge_l": rouge_l(row.answer, answer.text),
    }


_TASKS: dict[str, Callable[[Row, Answer, Contract], Scores]] = {
    "structured": _structured,
    "classification": _classification,
    "tool_calls": _tool_calls,
    "text": _text,
}


def rouge_l(expected: str, said: str) -> float:
    """Return the ROUGE-L F-measure without stemming (Lin 2004), 0 to 1."""
    return float(_rouge().score(expected, said)["rougeL"].fmeasure)


def chrf(expected: str, said: str) -> float:
    """Return sacrebleu's sentence chrF (Popovic 2015), 0 to 1."""
    return float(_chrf().sentence_score(said, [expected]).score) / 100


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"])


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def _object(text: str) -> dict[str, Any]:
    try:
        value = loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
