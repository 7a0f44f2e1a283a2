"""One answer against what was expected: what is right about it, by the contract's task.

Each score is true or false (a share over rows), or a figure (a mean). Corpus figures, which no
single row has, are in `corpus`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dataset.json_schemas import SchemaChecker, canonical
from dataset.rows import Row
from dataset.strict_json import loads
from policy.contract import Contract
from runner.engine import Answer

Scores = dict[str, bool | float]
UNREADABLE = "(no label)"
"""Stands for a label that an answer did not give."""


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
    }
    if schema is not None:
        scores["schema_valid"] = answer.finish == "stop" and schema.fits(answer.text)
    scores.update(_TASKS[contract.task](row, answer, contract))
    label = label_of(answer.text, contract) if contract.task == "classification" else ""
    return Scored(row, answer, scores, label)


def label_of(text: str, contract: Contract) -> str:
    """Return the label that a text gives; `(no label)` where it gives none."""
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
    scores: Scores = {"exact_match": all(equal.values())}
    scores.update({f"field.{field}": holds for field, holds in equal.items()})
    return scores


def _classification(row: Row, answer: Answer, contract: Contract) -> Scores:
    return {"accuracy": label_of(answer.text, contract) == label_of(row.answer, contract)}


def _tool_calls(row: Row, answer: Answer, contract: Contract) -> Scores:
    said = calls_of(answer.text)
    return {
        "parse_rate": said is not None,
        "tool_call_match": said is not None and said == calls_of(row.answer),
    }


def calls_of(text: str) -> list[str] | None:
    """Return an answer's calls in comparable form, in order; None where it is no list of calls."""
    try:
        value = loads(text)
    except ValueError:
        return None
    calls = value if isinstance(value, list) else [value]
    found = []
    for call in calls:
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            return None
        found.append(canonical([call["name"], call.get("arguments", {})]))
    return found


def _text(row: Row, answer: Answer, contract: Contract) -> Scores:
    return {
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
    from rouge_score.rouge_scorer import RougeScorer

    return float(RougeScorer(["rougeL"]).score(expected, said)["rougeL"].fmeasure)


def _object(text: str) -> dict[str, Any]:
    try:
        value = loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
