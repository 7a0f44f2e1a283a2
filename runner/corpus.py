"""Figures of all rows together: BLEU and macro-F1, and how sure one is of their difference.

A corpus figure has no value per row, so the paired difference of two subjects is resampled: rows
are drawn with replacement, both figures taken on the same draw (paired bootstrap, Koehn 2004).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from policy.contract import Contract
from policy.evidence import PairedMeans
from runner.scoring import Scored, label_of

DRAWS = 1000
SEED = 20_04
Figure = Callable[[Any], float]


def corpus_names(contract: Contract) -> tuple[str, ...]:
    """Return the corpus figures that a task has."""
    return {"classification": ("macro_f1",), "text": ("bleu",)}.get(contract.task, ())


def corpus_value(name: str, rows: Sequence[Scored], contract: Contract) -> float:
    """Return a corpus figure: `macro_f1` 0 to 1, `bleu` 0 to 100."""
    counts, figure = _counts(name, [rows], contract)
    return figure(counts[0].sum(axis=0))


def corpus_difference(
    name: str, first: Sequence[Scored], second: Sequence[Scored], contract: Contract
) -> PairedMeans:
    """Return second minus first, with the spread that a mean over rows of this certainty has.

    `sd_difference` is the bootstrap's standard error times the root of n, so that whoever divides
    by that root, as for a mean, gets the error back.
    """
    import numpy as np

    counts, figure = _counts(name, [first, second], contract)
    rows = len(first)
    rng = np.random.default_rng(SEED)
    differences = []
    for _ in range(DRAWS):
        drawn = np.bincount(rng.integers(0, rows, rows), minlength=rows)
        differences.append(figure(drawn @ counts[1]) - figure(drawn @ counts[0]))
    difference = figure(counts[1].sum(axis=0)) - figure(counts[0].sum(axis=0))
    error = float(np.std(differences, ddof=1))
    return PairedMeans(n=rows, mean_difference=difference, sd_difference=error * math.sqrt(rows))


def _counts(
    name: str, subjects: Sequence[Sequence[Scored]], contract: Contract
) -> tuple[list[Any], Figure]:
    """Return, for each subject, an array (rows, k) whose sums give the figure, and the figure."""
    if name == "bleu":
        return [_bleu_counts(rows) for rows in subjects], _bleu
    labels = sorted({label_of(each.row.answer, contract) for each in subjects[0]})
    return [_label_counts(rows, labels, contract) for rows in subjects], _macro_f1


def _label_counts(rows: Sequence[Scored], labels: Sequence[str], contract: Contract) -> Any:
    """Return (rows, 3 x labels): right, wrongly given, and missed, for each label."""
    import numpy as np

    place = {label: number for number, label in enumerate(labels)}
    counts = np.zeros((len(rows), 3 * len(labels)), dtype=np.int64)
    for number, each in enumerate(rows):
        expected = place[label_of(each.row.answer, contract)]
        if each.label == labels[expected]:
            counts[number, expected] = 1
            continue
        if each.label in place:
            counts[number, len(labels) + place[each.label]] = 1
        counts[number, 2 * len(labels) + expected] = 1
    return counts


def _macro_f1(sums: Any) -> float:
    """Return the mean F1 over labels that stand in the drawn rows; F1 = 2 TP / (2 TP + FP + FN)."""
    import numpy as np

    right, wrong, missed = np.split(np.asarray(sums, dtype=float), 3)
    asked = right + missed > 0
    if not asked.any():
        return 0.0
    total = 2 * right + wrong + missed
    return float((2 * right[asked] / total[asked]).mean())


def _bleu_counts(rows: Sequence[Scored]) -> Any:
    """Return (rows, 10): both lengths, then matches and totals of one to four words."""
    import numpy as np
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU()
    counts = [
        [score.sys_len, score.ref_len, *score.counts, *score.totals]
        for score in (bleu.corpus_score([each.answer.text], [[each.row.answer]]) for each in rows)
    ]
    return np.array(counts, dtype=np.int64)


def _bleu(sums: Any) -> float:
    """Return corpus BLEU with sacrebleu's own smoothing from summed counts (Papineni 2002)."""
    from sacrebleu.metrics.bleu import BLEU

    values = [int(value) for value in sums]
    score = BLEU.compute_bleu(
        correct=values[2:6],
        total=values[6:10],
        sys_len=values[0],
        ref_len=values[1],
        smooth_method="exp",
    )
    return float(score.score)
