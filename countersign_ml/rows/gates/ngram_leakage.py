"""Test rows that share a long run of words with a training row."""

from __future__ import annotations

import numpy as np

from countersign_ml.rows import rows_sentences
from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.kept.columns import found_in
from countersign_ml.rows.kept.ngrams import TestNgrams, collect
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.read.tally import SHOWN, Tally
from policy.facts.evidence import RowFinding
from policy.files.rules import DataRules

GATE = Gate(
    "ngram_leakage",
    "if a passage of a test row was trained on, the model knows half of the row",
    "remove one of the two rows, or allow a larger share in gates.data.max_share",
    ("run",),
)


def index_of(sources: list[tuple[str, Source]], rules: DataRules) -> TestNgrams | None:
    """Return the runs of words of the test rows; None without a training and a test split."""
    names = {split for split, _ in sources}
    if not {"train", "test"} <= names:
        return None
    return collect([source for split, source in sources if split == "test"], rules.ngram_words)


def count(tables: list[Table], ngrams: TestNgrams, rules: DataRules, tally: Tally) -> None:
    """Count the test rows with such a run; `leakage` counts the rows that leak as a whole."""
    tests = [table for table in tables if table.split == "test"]
    trained = [table for table in tables if table.shared is not None]
    total = np.zeros(len(ngrams.index.keys), dtype=np.int64)
    for train in trained:
        assert train.shared is not None
        total += train.shared.counts
    telling = (total > 0) & (total <= rules.ngram_common)
    for number, table in enumerate(tests):
        if table.source.digest != ngrams.digests[number]:
            raise rows_sentences.changed_while_read(table.where)
        here = (ngrams.files == number) & telling[ngrams.places]
        lines, first, shared = np.unique(ngrams.lines[here], return_index=True, return_counts=True)
        kept = ~np.isin(lines, _whole(table, trained))
        tally.count += int(kept.sum())
        room = max(0, SHOWN - len(tally.findings))
        shown = np.flatnonzero(kept)[:room]
        ids = {row.line: row.id for row in table.fetch([int(line) for line in lines[shown]])}
        places = ngrams.places[here][first[shown]]
        for at, place in zip(shown.tolist(), places.tolist(), strict=True):
            line = int(lines[at])
            message = _message(ngrams, int(shared[at]), _where(trained, place))
            tally.findings.append(
                RowFinding(
                    file=table.where,
                    line=line,
                    id=ids.get(line, ""),
                    field="messages",
                    message=message,
                )
            )


def _message(ngrams: TestNgrams, shared: int, place: str) -> str:
    runs = "a run" if shared == 1 else f"{shared:,} runs"
    step = "" if ngrams.step == 1 else f"; one run in {ngrams.step} was checked"
    return f"shares {runs} of {ngrams.index.words} words with {place}, a training row{step}"


def _whole(table: Table, trained: list[Table]) -> list[int]:
    """Return the lines of a test file whose whole question is trained on."""
    lines: list[int] = []
    for train in trained:
        rows, _ = found_in(table.questions, train.questions)
        lines += table.lines_of(rows)
    return lines


def _where(trained: list[Table], place: int) -> str:
    """Return where an n-gram is trained on first."""
    for train in trained:
        if train.shared is not None and train.shared.lines[place]:
            return f"{train.where}:{train.shared.lines[place]}"
    raise AssertionError("an n-gram that was counted has a place")
