"""From row numbers to findings: the rows shown are read again for their ids."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.rows.kept.columns import I64
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.tally import SHOWN, Tally
from policy.facts.evidence import RowFinding

Located = Sequence[tuple[int, str]]
"""Row numbers, each with the message of its finding."""


def report(tally: Tally, table: Table, count: int, located: Located, field: str) -> None:
    """Count `count` findings of a table, and keep the first of them with line and id."""
    room = max(0, SHOWN - len(tally.findings))
    shown = list(located[:room])
    tally.count += count
    if not shown:
        return
    lines = table.lines_of(rows_of(shown))
    ids = {row.line: row.id for row in table.fetch(lines)}
    for line, (_, message) in zip(lines, shown, strict=True):
        tally.findings.append(
            RowFinding(
                file=table.where, line=line, id=ids.get(line, ""), field=field, message=message
            )
        )


def rows_of(located: Located) -> I64:
    """Return the row numbers."""
    import numpy as np

    return np.array([row for row, _ in located], dtype=np.int64)
