"""Test rows with nearly the same question as a training row."""

from __future__ import annotations

import numpy as np

from countersign_ml.rows import rows_sentences
from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.kept.columns import found_in
from countersign_ml.rows.kept.locate import report
from countersign_ml.rows.kept.near import near_between
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.tally import SHOWN, Tally
from policy.files.rules import DataRules

GATE = Gate(
    "near_leakage",
    "a test row that differs from a training row by one word measures memory, not skill",
    "remove one of the two, or allow a larger share in gates.data.max_share",
    ("words", "punctuation"),
)


def count(tables: list[Table], rules: DataRules, tally: Tally) -> None:
    """Count the test rows that are near a training row; `leakage` counts the exact ones."""
    for table in (each for each in tables if each.split == "test"):
        seen = np.zeros(0, dtype=np.int64)
        for train in (each for each in tables if each.split == "train"):
            exact, _ = found_in(table.questions, train.questions)
            seen = np.union1d(seen, exact)
            near = near_between(table, train, seen, rules.near_jaccard)
            seen = np.union1d(seen, near.rows)
            lines = train.lines_of(near.others[:SHOWN])
            located = [
                (int(row), _message(f"{train.where}:{line}", jaccard))
                for row, line, jaccard in zip(near.rows, lines, near.jaccard, strict=False)
            ]
            report(tally, table, len(near.rows), located, "messages")


def _message(place: str, jaccard: float) -> str:
    return f"nearly the same question as {place}, a training row{rows_sentences.how_alike(jaccard)}"
