"""Rows that no person approved."""

from __future__ import annotations

from collections.abc import Iterator

from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.row_rules import RowRules

GATE = Gate(
    "approved",
    "only rows that a person looked at may teach a model",
    'review the rows named and set "approved": true, or remove them',
    ("approved",),
)


def findings(row: Row, rules: RowRules) -> Iterator[tuple[str, str]]:
    """Yield (field, message) where the row's approval is anything but `true`."""
    if row.metadata.get("approved") is not True:
        yield "approved", "not approved; a person must set it to true"
