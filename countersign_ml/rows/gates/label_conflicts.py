"""Rows with the same question as another row and a different answer."""

from __future__ import annotations

import numpy as np

from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.kept.columns import I64, U64, distinct, found_in, repeats
from countersign_ml.rows.kept.locate import report
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.tally import SHOWN, Tally
from policy.files.rules import DataRules

GATE = Gate(
    "label_conflicts",
    "a question with two answers teaches neither, and limits every score",
    "decide which answer is right, and fix or remove the other row",
    ("question", "punctuation", "other_split"),
)


def count(tables: list[Table], rules: DataRules, tally: Tally) -> None:
    """Count the rows whose question an earlier row, in any split, answers differently; case, spaces
    and punctuation are ignored."""
    for number, table in enumerate(tables):
        later, first = repeats(table.loose)
        _conflicts(tally, table, later, table, first)
        seen = later
        for other in tables[:number]:
            rows, places = found_in(table.loose, other.loose)
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
    same = _keys(table, rows[shown]) == _keys(other, places[shown])
    located = [
        (int(rows[at]), _message(f"{other.where}:{line}", whole))
        for at, line, whole in zip(shown, lines, same, strict=True)
    ]
    report(tally, table, len(differing), located, "messages")


def _message(place: str, whole: bool) -> str:
    but = "" if whole else " but for punctuation"
    return f"the same question as {place}{but}, with a different answer"


def _keys(table: Table, rows: I64) -> U64:
    """Return the strict keys of some rows, in any order."""
    once = distinct(rows)
    keys: U64 = table.questions.taken(once)[np.searchsorted(once, rows)]
    return keys
