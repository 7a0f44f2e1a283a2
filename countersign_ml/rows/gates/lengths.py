"""How long the training questions are: a part of the gate `diversity`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from countersign_ml.rows import rows_sentences
from countersign_ml.rows.kept.table import Table
from policy.files.rules import DataRules

CLASSES = 33
"""Classes of doubling width: no words, 1, 2 to 3, 4 to 7 and so on."""


def broken(table: Table, rules: DataRules) -> Iterator[tuple[str, str]]:
    """Yield (field, message) for each limit on lengths that the rows of a file break."""
    counts = np.zeros(CLASSES, dtype=np.int64)
    within = [0] * len(rules.lengths)
    for _, block in table.words.blocks():
        classes = np.frexp(block.astype(np.float64))[1]  # the number of bits
        counts += np.bincount(classes, minlength=CLASSES)
        for number, band in enumerate(rules.lengths):
            inside = block >= band.min_words
            if band.max_words is not None:
                inside &= block <= band.max_words
            within[number] += int(inside.sum())
    rows = max(1, table.length)
    largest = int(counts.argmax())
    share = int(counts[largest]) / rows
    if share > rules.max_length_share:
        what = _of_length((1 << largest) // 2, (1 << largest) - 1)
        yield "messages", rows_sentences.share_too_large(what, share, rules.max_length_share)
    for band, found in zip(rules.lengths, within, strict=True):
        what = _of_length(band.min_words, band.max_words)
        if found / rows > band.max_share:
            yield "messages", rows_sentences.share_too_large(what, found / rows, band.max_share)
        if found / rows < band.min_share:
            few = f"{found / rows:.1%} of the training rows {what}"
            yield "messages", f"{few}; at least {band.min_share:.1%} are required"


def _of_length(least: int, most: int | None) -> str:
    span = f"{least:,} words or more" if most is None else f"{least:,} to {most:,} words"
    return f"have questions of {span}"
