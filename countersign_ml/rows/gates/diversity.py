"""Training rows that are too alike: few groups, one answer, one beginning, one length; and rows in
unexpected languages."""

from __future__ import annotations

from collections.abc import Iterator

from countersign_ml.rows import rows_sentences
from countersign_ml.rows.gates import languages, lengths
from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.kept.columns import Column
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.tally import Tally
from policy.facts.evidence import RowFinding
from policy.files.rules import DataRules

GATE = Gate(
    "diversity",
    "a model learns what most rows have in common, and little else",
    "add rows of other kinds, or remove some of the rows that share the listed property",
    (
        "groups",
        "group_share",
        "answer_share",
        "duplicate_answers",
        "prefix",
        "length",
        "length_band",
        "language",
        "language_share",
    ),
)


FEWEST_ROWS = 20
"""With fewer rows every share is large, and the policy's minimum number of rows applies first."""


def count(tables: list[Table], rules: DataRules, tally: Tally) -> None:
    """Count the limits on groups, answers, beginnings, lengths and languages that a training file
    exceeds."""
    for table in tables:
        if table.split in ("test", "validation") or not table.length:
            continue
        found = [*_broken(table, rules)]
        if table.length >= FEWEST_ROWS:
            found += lengths.broken(table, rules)
        for field, message in found:
            tally.add(RowFinding(file=table.where, line=1, field=field, message=message))
        if table.length >= FEWEST_ROWS:
            languages.look(table, rules, tally)


def _broken(table: Table, rules: DataRules) -> Iterator[tuple[str, str]]:
    largest, again, _ = shares(table.answers)
    groups = shares(table.groups) if table.grouped else (0.0, 0.0, 0)
    if groups[2] < rules.min_groups:
        least = rules.min_groups
        yield "group", f"{groups[2]} groups, at least {least} required; add rows of other groups"
    for field, what, share, limit in (
        ("group", "belong to one group", groups[0], rules.max_group_share),
        ("messages", "have the same answer", largest, rules.max_answer_share),
        (
            "messages",
            "have an answer that another row also has",
            again,
            rules.max_duplicate_answer_share,
        ),
        (
            "messages",
            "begin with the same 32 bytes",
            shares(table.prefixes)[0],
            rules.max_prefix_share,
        ),
    ):
        if share > limit and table.length >= FEWEST_ROWS:
            yield field, rows_sentences.share_too_large(what, share, limit)


def shares(column: Column) -> tuple[float, float, int]:
    """Return the largest share of one key, the share of rows whose key another row also has,
    and the number of different keys."""
    largest = alone = different = 0
    for found in column.counts():
        largest = max(largest, int(found.max()))
        alone += int((found == 1).sum())
        different += len(found)
    rows = max(1, column.length)
    return largest / rows, 1 - alone / rows, different
