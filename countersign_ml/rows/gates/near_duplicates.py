"""Rows with nearly the same question as an earlier row of their split."""

from __future__ import annotations

from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.kept.locate import report
from countersign_ml.rows.kept.near import near_within
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.tally import SHOWN, Tally
from countersign_ml.rows.rows_sentences import how_alike
from policy.files.rules import DataRules

GATE = Gate(
    "near_duplicates",
    "rows that differ by one word are one row, counted twice",
    "keep one of the listed rows, or allow a larger share in gates.data.max_share",
    ("words", "punctuation"),
)


def count(tables: list[Table], rules: DataRules, tally: Tally) -> None:
    """Count the rows of each split that are near an earlier one; exact copies are not counted."""
    for table in tables:
        near = near_within(table, rules.near_jaccard)
        lines = table.lines_of(near.others[:SHOWN])
        located = [
            (
                int(row),
                f"nearly the same question as line {line}{how_alike(jaccard)}",
            )
            for row, line, jaccard in zip(near.rows, lines, near.jaccard, strict=False)
        ]
        report(tally, table, len(near.rows), located, "messages")
