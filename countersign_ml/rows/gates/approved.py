"""Rows that nobody approved."""

from __future__ import annotations

from collections.abc import Iterator

from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.row_rules import RowRules

GATE = Gate(
    "approved",
    "only rows that a person reviewed may be trained on",
    'review the listed rows and set "approved": true, or remove them',
    ("approved",),
)


def findings(row: Row, rules: RowRules) -> Iterator[tuple[str, str]]:
    """Yield (field, message) if the row's `approved` is not `true`."""
    if row.metadata.get("approved") is not True:
        yield "approved", "not approved; a person must set it to true"
