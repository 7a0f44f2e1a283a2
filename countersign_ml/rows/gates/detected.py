"""Personal data and secrets in the texts of rows: two gates that share one scan."""

from __future__ import annotations

from collections.abc import Iterator

from countersign_ml.rows.detect import PERSONAL, SECRETS, scan
from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.row_rules import RowRules

PII = Gate(
    "pii",
    "a model can repeat personal data that it was trained on",
    "remove the value from the row, or replace it with a made-up one",
    tuple(kind for kind in PERSONAL if kind != "person"),  # found only from a list of names
)
SECRET = Gate(
    "secrets",
    "a key in a training row is in every copy of the model",
    "revoke the key where it is used, then remove it from the row",
    tuple(SECRETS),
)


def personal(row: Row, rules: RowRules) -> Iterator[tuple[str, str]]:
    """Yield (field, message) for each turn's personal data, by kind and place, never by value."""
    yield from _found(row, frozenset(PERSONAL) - rules.let_through)


def secrets(row: Row, rules: RowRules) -> Iterator[tuple[str, str]]:
    """Yield (field, message) for each turn's keys, tokens and passwords."""
    yield from _found(row, frozenset(SECRETS) - rules.let_through)


def _found(row: Row, kinds: frozenset[str]) -> Iterator[tuple[str, str]]:
    for number, turn in enumerate(row.messages):
        for hit in scan(turn.content, kinds):
            kind = hit.kind.replace("_", " ")
            message = f"contains {kind} at characters {hit.start + 1} to {hit.end}"
            yield f"messages.{number}", message
