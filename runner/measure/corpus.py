"""Figures of all rows together, and how certain their difference is.

Macro-F1, BLEU, chrF, the ratio of lengths, and percentiles of times. A corpus figure has no value
per row, so the paired difference of two subjects is resampled: rows are drawn with replacement,
both figures taken on the same draw (paired bootstrap, Koehn 2004).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from policy.facts.evidence import PairedMeans, Resampled
from policy.files.contract import Contract
from runner.measure.scoring import Scored, label_of

DRAWS = 1999
ROUNDING = 1e-9
SEED = 20_04
Figure = Callable[[Any], float]
"""Takes how often each row was drawn; returns the figure of that draw."""
PERCENTILES = {"latency_p50": 0.50, "latency_p95": 0.95}
_BY_TASK = {"classification": ("macro_f1",), "text": ("bleu", "chrf", "length_ratio")}


def corpus_names(contract: Contract) -> tuple[str, ...]:
    """Return the corpus figures that a task has."""
    return (*_BY_TASK.get(contract.task, ()), *PERCENTILES)


def corpus_value(name: str, rows: Sequence[Scored], contract: Contract) -> float:
    """Return a corpus figure.

    `macro_f1` 0 to 1, `bleu` and `chrf` 0 to 100, `length_ratio` words said to words expected,
    `latency_p50` and `latency_p95` in seconds.
    """
    import numpy as np

    return _figures(name, [rows], contract)[0](np.ones(len(rows), dtype=np.int64))


def corpus_difference(
    name: str, first: Sequence[Scored], second: Sequence[Scored], contract: Contract
) -> PairedMeans:
    """Return second minus first, with the spread of a mean over rows of equal certainty.

    `sd_difference` is the bootstrap's standard error times the root of n, so that dividing by that
    root, as for a mean, gives the error. The interval is the bootstrap's, p that of
    approximate randomisation: on each row the two answers are swapped or not (Riezler and Maxwell
    2005).
    """
    import numpy as np

    one, other = _figures(name, [first, second], contract)
    rows = len(first)
    rng = np.random.default_rng(SEED)
    differences = []
    for _ in range(DRAWS):
        drawn = np.bincount(rng.integers(0, rows, rows), minlength=rows)
        differences.append(other(drawn) - one(drawn))
    whole = np.ones(rows, dtype=np.int64)
    difference = other(whole) - one(whole)
    error = float(np.std(differences, ddof=1))
    low, high = (float(edge) for edge in np.quantile(differences, (0.025, 0.975)))
    return PairedMeans(
        n=rows,
        mean_difference=difference,
        sd_difference=error * math.sqrt(rows),
        resampled=Resampled(
            low=low,
            high=high,
            p=_randomised([*first, *second], name, contract, difference),
            resamples=DRAWS,
            seed=SEED,
        ),
    )


def _randomised(
    answers: Sequence[Scored], name: str, contract: Contract, difference: float
) -> float:
    """Return how often swapping answers at random gives a difference as large as the one seen."""
    import numpy as np

    if difference == 0:
        return 1.0
    (figure,) = _figures(name, [answers], contract)
    rows = len(answers) // 2
    rng = np.random.default_rng(SEED)
    reached = 0
    for _ in range(DRAWS):
        swapped = rng.integers(0, 2, rows)
        one = figure(np.concatenate([1 - swapped, swapped]))
        other = figure(np.concatenate([swapped, 1 - swapped]))
        reached += abs(other - one) >= abs(difference) - ROUNDING
    return (reached + 1) / (DRAWS + 1)


def _figures(name: str, subjects: Sequence[Sequence[Scored]], contract: Contract) -> list[Figure]:
    """Return each subject's figure as a function of how often each row was drawn."""
    if name in PERCENTILES:
        return [_percentile(rows, PERCENTILES[name]) for rows in subjects]
    if name == "macro_f1":
        labels = sorted({label_of(each.row.answer, contract) for each in subjects[0]})
        counted = [_label_counts(rows, labels, contract) for rows in subjects]
        return [_summed(counts, _macro_f1) for counts in counted]
    if name == "chrf":
        return [_summed(_chrf_counts(rows), _chrf) for rows in subjects]
    figure = _bleu if name == "bleu" else _length_ratio
    return [_summed(_bleu_counts(rows), figure) for rows in subjects]


def _summed(counts: Any, figure: Figure) -> Figure:
    """Return a figure of the summed counts (rows, k) of the rows that were drawn.

    As floats, which are exact for these counts and which BLAS sums: 16 times as fast as whole
    numbers at 3,080 rows and 77 labels.
    """
    exact = counts.astype(float)
    return lambda drawn: figure(drawn @ exact)


def _percentile(rows: Sequence[Scored], share: float) -> Figure:
    """Return the time within which that share of the drawn rows was answered (nearest rank)."""
    import numpy as np

    times = np.array([each.answer.seconds for each in rows])
    order = np.argsort(times, kind="stable")

    def figure(drawn: Any) -> float:
        reached = np.cumsum(drawn[order])
        return float(times[order][np.searchsorted(reached, math.ceil(share * reached[-1]))])

    return figure


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
    """Return the mean F1 over the labels of the drawn rows; F1 = 2 TP / (2 TP + FP + FN)."""
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


def _length_ratio(sums: Any) -> float:
    """Return the words said by the words expected, in BLEU's words; 0 if none is expected."""
    return float(sums[0]) / float(sums[1]) if sums[1] else 0.0


def _chrf_counts(rows: Sequence[Scored]) -> Any:
    """Return (rows, 18): n-grams said, expected and in both, of one to six characters."""
    import numpy as np
    from sacrebleu.metrics.chrf import CHRF

    statistics = CHRF()._extract_corpus_statistics(
        [each.answer.text for each in rows], [[each.row.answer for each in rows]]
    )
    return np.array(statistics, dtype=np.int64)


def _chrf(sums: Any) -> float:
    """Return sacrebleu's chrF from summed counts (Popovic 2015)."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF()._compute_score_from_stats([int(value) for value in sums]).score)
