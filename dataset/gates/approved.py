"""Rows that no person approved."""

from __future__ import annotations

from collections.abc import Iterator

from dataset import messages
from dataset.gates.gate import Gate
from dataset.row_rules import RowRules
from dataset.rows import Row

GATE = Gate(
    "approved",
    "only rows that a person looked at may teach a model",
    'review the rows named and set "approved": true, or remove them',
    ("approved",),
)


def findings(row: Row, rules: RowRules) -> Iterator[tuple[str, str]]:
    """Yield (field, message) where the row's approval is anything but `true`."""
    if row.metadata.get("approved") is not True:
        yield "approved", messages.NOT_APPROVED
