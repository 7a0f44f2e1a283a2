"""The labels and groups of a row, as fields that can be counted.

A field is a key of the row's metadata, `id`, `answer` (if the answer is one short line), or
`answer.<key>` (if the answer is a JSON object). Lists, objects and fractions are not counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from countersign_ml.rows.read.row import Row

MAX_VALUE = 120
"""A longer value is free text."""
MAX_VALUES = 200
"""A field with more values than this is not a label, unless it is named explicitly."""
MAX_FIELDS = 200


def field_values(row: Row) -> Iterator[tuple[str, str]]:
    """Yield every field of a row that has one plain value, and that value as text."""
    for key, value in row.metadata.items():
        text = as_text(value)
        if text is not None:
            yield key, text
    answer = row.answer
    if answer.startswith("{"):
        for key, value in _object(answer).items():
            text = as_text(value)
            if text is not None:
                yield f"answer.{key}", text
    elif len(answer) <= MAX_VALUE and "\n" not in answer:
        yield "answer", answer


def field_value(row: Row, field: str) -> str | None:
    """Return the value of one field of a row; None if it cannot be counted."""
    if field == "id":
        return given_id(row) or None
    if field == "answer":
        return row.answer
    if field in row.metadata or not field.startswith("answer."):
        return as_text(row.metadata.get(field))
    return as_text(_object(row.answer).get(field.removeprefix("answer.")))


def given_id(row: Row) -> str:
    """Return the id written in the row; empty if the reader named the row by its line."""
    return "" if row.id == f"line-{row.line}" else row.id


def as_text(value: Any) -> str | None:
    """Return a plain value as text; None for other values."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else None


def _object(answer: str) -> dict[str, Any]:
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):  # an answer that is not JSON has no fields
        return {}
    return value if isinstance(value, dict) else {}


class FieldCounts:
    """How many rows have each value, per field; the limits above bound memory."""

    def __init__(self, always: Iterable[str] = ()) -> None:
        """Count every field that looks like a label, and always those in `always`."""
        self.always = frozenset(always)
        self.rows = 0
        self.counts: dict[str, Counter[str]] = {}
        self.left_out: set[str] = set()

    def add(self, row: Row) -> None:
        """Count one row."""
        self.rows += 1
        for field, value in field_values(row):
            if field not in self.always and field not in self.left_out:
                self._count(field, value)
        for field in self.always:
            named = field_value(row, field)
            if named is not None:
                self.counts.setdefault(field, Counter())[named] += 1

    def _count(self, field: str, value: str) -> None:
        counter = self.counts.get(field)
        if counter is None:
            if len(self.counts) >= MAX_FIELDS or len(field) > MAX_VALUE:
                return
            counter = self.counts[field] = Counter()
        counter[value] += 1
        if len(value) > MAX_VALUE or len(counter) > MAX_VALUES:
            del self.counts[field]
            if len(self.left_out) < MAX_FIELDS:
                self.left_out.add(field)

    def labels(self) -> dict[str, Counter[str]]:
        """Return the fields that repeat their values; shares of other fields mean nothing."""
        return {
            field: counter
            for field, counter in self.counts.items()
            if field in self.always or not self._mostly_different(counter)
        }

    def free(self) -> set[str]:
        """Return the fields that are not labels: too many values, or mostly different ones."""
        return self.left_out | (self.counts.keys() - self.labels().keys())

    @staticmethod
    def _mostly_different(counter: Counter[str]) -> bool:
        return len(counter) > 20 and 2 * len(counter) > counter.total()
