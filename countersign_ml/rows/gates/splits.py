"""Groups (a conversation, a customer) that are in two splits."""

from __future__ import annotations

import numpy as np

from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.kept.columns import I64, found_in
from countersign_ml.rows.kept.locate import report
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.tally import SHOWN, Tally
from policy.files.rules import DataRules

GATE = Gate(
    "splits",
    "rows of one conversation or customer are alike, so the model half knows such a test row",
    "move all rows of the group into one split, for example with countersign data split",
    ("group",),
)


def count(tables: list[Table], rules: DataRules, tally: Tally) -> None:
    """Count the rows whose group is in an earlier split."""
    field = " or ".join(rules.group_fields) if len(rules.group_fields) == 1 else "group"
    for number, table in enumerate(tables):
        if not table.grouped:
            continue
        seen: I64 = np.zeros(0, dtype=np.int64)
        for other in tables[:number]:
            if other.split == table.split or not other.grouped:
                continue
            found, places = found_in(table.groups, other.groups)
            fresh = ~np.isin(found, seen) & (_groups(table, found) != 0)
            seen = np.union1d(seen, found)
            found, places = found[fresh], places[fresh]
            lines = other.lines_of(places[:SHOWN])
            located = [
                (int(row), _message(field, f"{other.where}:{line}"))
                for row, line in zip(found[:SHOWN], lines, strict=True)
            ]
            report(tally, table, len(found), located, field)


def _message(field: str, place: str) -> str:
    return (
        f"its {field} is in another split too, at {place}; rows of one {field} belong "
        "together (gates.data.group_fields of the policy)"
    )


def _groups(table: Table, rows: I64) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return table.groups.taken(rows)
