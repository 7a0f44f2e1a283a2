"""Which languages the training questions are in: a part of the gate `diversity`.

One guess takes half a millisecond, so only a sample is checked; the finding says how many rows.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.language import TOO_SHORT, guesser
from countersign_ml.rows.read.tally import SHOWN, Tally
from policy.facts.evidence import RowFinding
from policy.files.rules import DataRules, LanguageRules

SAMPLE = 2000
SEED = 20240607
"""With the same number of rows, the same rows are checked."""


def look(table: Table, rules: DataRules, tally: Tally) -> None:
    """Count the limits on languages that a file breaks; say if they could not be checked."""
    if rules.languages is None:
        return
    guess = guesser()
    if guess is None:
        tally.not_run = (
            "languages were not checked: the package py3langid is missing; "
            "install it with: pip install 'countersign-ml[languages]'"
        )
        return
    told: dict[int, str] = {}
    for line, text in table.questions_at(_sample(table)):
        language = guess(text)
        if language != TOO_SHORT:
            told[line] = language
    if not told:
        tally.not_run = f"languages were not checked: no question in {table.where} has 20 letters"
        return
    _judge(table, rules.languages, told, tally)


def _sample(table: Table) -> list[int]:
    """Return the lines of the rows to check, ascending."""
    rows = np.arange(table.length, dtype=np.int64)
    if table.length > SAMPLE:
        random = np.random.default_rng(SEED)
        rows = np.sort(random.choice(table.length, SAMPLE, replace=False))
    return table.lines_of(rows)


def _judge(table: Table, rules: LanguageRules, told: dict[int, str], tally: Tally) -> None:
    counts = Counter(told.values())
    checked = f"{len(told):,} of {table.length:,} rows were checked, chosen by seed"
    other = {name: rows for name, rows in counts.most_common() if name not in rules.allowed}
    share = sum(other.values()) / len(told)
    if share > rules.max_other_share:
        line = next(line for line, name in told.items() if name in other)
        named = ", ".join(f"{name} {rows:,}" for name, rows in list(other.items())[:5])
        message = (
            f"{share:.1%} of the training rows are in languages other than "
            f"{', '.join(rules.allowed)} ({named}); the limit is {rules.max_other_share:.1%}; "
            f"{checked}; this is the first such row"
        )
        _add(tally, table, line, message)
    for name, least in rules.min_share.items():
        share = counts[name] / len(told)
        if share < least:
            message = (
                f"{share:.1%} of the training rows are in the language {name}; "
                f"at least {least:.1%} are required; {checked}"
            )
            _add(tally, table, 1, message)


def _add(tally: Tally, table: Table, line: int, message: str) -> None:
    name = ""
    if line > 1 and len(tally.findings) < SHOWN:
        name = next((row.id for row in table.fetch([line])), "")
    tally.add(RowFinding(file=table.where, line=line, id=name, field="messages", message=message))
