"""Which languages the training questions are in: a part of the gate `diversity`.

A guess takes half a millisecond, so a sample is looked at, and the finding says of how many.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from countersign_ml.rows import messages
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.language import TOO_SHORT, guesser
from countersign_ml.rows.read.tally import SHOWN, Tally
from policy.facts.evidence import RowFinding
from policy.files.rules import DataRules, LanguageRules

SAMPLE = 2000
SEED = 20240607
"""The same rows are looked at whenever the file has as many rows."""


def look(table: Table, rules: DataRules, tally: Tally) -> None:
    """Count the limits on languages that a file breaks; say where they could not be looked at."""
    if rules.languages is None:
        return
    guess = guesser()
    if guess is None:
        tally.not_run = messages.NO_LANGUAGES
        return
    told: dict[int, str] = {}
    for line, text in table.questions_at(_sample(table)):
        language = guess(text)
        if language != TOO_SHORT:
            told[line] = language
    if not told:
        tally.not_run = messages.no_language_told(table.where)
        return
    _judge(table, rules.languages, told, tally)


def _sample(table: Table) -> list[int]:
    """Return the lines of the rows to look at, ascending."""
    rows = np.arange(table.length, dtype=np.int64)
    if table.length > SAMPLE:
        random = np.random.default_rng(SEED)
        rows = np.sort(random.choice(table.length, SAMPLE, replace=False))
    return table.lines_of(rows)


def _judge(table: Table, rules: LanguageRules, told: dict[int, str], tally: Tally) -> None:
    counts = Counter(told.values())
    looked = messages.looked_at(len(told), table.length)
    other = {name: rows for name, rows in counts.most_common() if name not in rules.allowed}
    share = sum(other.values()) / len(told)
    if share > rules.max_other_share:
        line = next(line for line, name in told.items() if name in other)
        message = messages.other_languages(
            rules.allowed, share, rules.max_other_share, other, looked
        )
        _add(tally, table, line, message)
    for name, least in rules.min_share.items():
        share = counts[name] / len(told)
        if share < least:
            _add(tally, table, 1, messages.language_too_rare(name, share, least, looked))


def _add(tally: Tally, table: Table, line: int, message: str) -> None:
    name = ""
    if line > 1 and len(tally.findings) < SHOWN:
        name = next((row.id for row in table.fetch([line])), "")
    tally.add(RowFinding(file=table.where, line=line, id=name, field="messages", message=message))
