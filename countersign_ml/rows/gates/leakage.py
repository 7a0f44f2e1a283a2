"""Test rows that the model is trained on."""

from __future__ import annotations

from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.kept.columns import found_in
from countersign_ml.rows.kept.locate import report
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.tally import SHOWN, Tally
from policy.files.rules import DataRules

GATE = Gate(
    "leakage",
    "a test row that was trained on measures memory, not skill",
    "remove the row from one of the two splits",
    ("question",),
)


def count(tables: list[Table], rules: DataRules, tally: Tally) -> None:
    """Count the test rows whose question is in a training split; case and spaces are ignored."""
    for table in tables:
        if table.split != "test":
            continue
        known: set[int] = set()
        for train in (other for other in tables if other.split == "train"):
            rows, places = found_in(table.questions, train.questions)
            fresh = [at for at, row in enumerate(rows.tolist()) if row not in known]
            known.update(rows.tolist())
            shown = fresh[:SHOWN]
            lines = train.lines_of(places[shown])
            located = [
                (int(rows[at]), f"the same user text as {train.where}:{line}, a training row")
                for at, line in zip(shown, lines, strict=True)
            ]
            report(tally, table, len(fresh), located, "messages")
