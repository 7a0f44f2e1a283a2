"""Rows with the same question, or the same id, as an earlier row of their split."""

from __future__ import annotations

from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.kept.columns import repeats
from countersign_ml.rows.kept.locate import report
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.tally import SHOWN, Tally
from policy.files.rules import DataRules

GATE = Gate(
    "duplicates",
    "a repeated question counts twice and makes the data look larger than it is",
    "keep one of the listed rows; case and spaces are ignored",
    ("question", "id"),
)


def count(tables: list[Table], rules: DataRules, tally: Tally) -> None:
    """Count the rows of each split whose question, or id, an earlier row has."""
    for table in tables:
        for column, field, says in (
            (table.questions, "messages", "the same user text"),
            (table.ids, "id", "the same id"),
        ):
            later, first = repeats(column)
            lines = table.lines_of(first[:SHOWN])
            located = [
                (int(row), f"{says} as line {line}")
                for row, line in zip(later[:SHOWN], lines, strict=True)
            ]
            report(tally, table, len(later), located, field)
