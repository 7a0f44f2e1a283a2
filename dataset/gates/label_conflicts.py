"""Rows that ask the same as another and are answered otherwise."""

from __future__ import annotations

import numpy as np

from dataset import messages
from dataset.columns import I64, distinct, found_in, repeats
from dataset.examine import SHOWN, Tally
from dataset.gates.gate import Gate
from dataset.locate import report
from dataset.table import Table
from policy.rules import DataRules

GATE = Gate(
    "label_conflicts",
    "one question with two answers teaches neither, and caps every score",
    "decide which answer is right, and mend or remove the other row",
)


def count(tables: list[Table], rules: DataRules, tally: Tally) -> None:
    """Count the rows whose question stands earlier, in any split, under another answer."""
    for number, table in enumerate(tables):
        later, first = repeats(table.questions)
        _conflicts(tally, table, later, table, first)
        seen = later
        for other in tables[:number]:
            rows, places = found_in(table.questions, other.questions)
            fresh = ~np.isin(rows, seen)
            _conflicts(tally, table, rows[fresh], other, places[fresh])
            seen = np.union1d(seen, rows)


def _conflicts(
    tally: Tally,
    table: Table,
    rows: I64,
    other: Table,
    places: I64,
) -> None:
    if not len(rows):
        return
    mine = table.answers.taken(rows)
    once = distinct(places)
    back = np.searchsorted(once, places)
    differing = np.flatnonzero(mine != other.answers.taken(once)[back])
    shown = differing[:SHOWN]
    lines = other.lines_of(places[shown])
    located = [
        (int(rows[at]), messages.conflict(f"{other.where}:{line}"))
        for at, line in zip(shown, lines, strict=True)
    ]
    report(tally, table, len(differing), located, "messages")
