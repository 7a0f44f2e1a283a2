"""Scores of rows to metrics of subjects, and the paired counts that a judge needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from policy.contract import Contract
from policy.evidence import Comparison, Metric, PairedCounts, PairedMeans, Subject
from runner.corpus import corpus_difference, corpus_names, corpus_value
from runner.own_metrics import own_metrics
from runner.scoring import Scored

TIMES = frozenset({"latency", "latency_p50", "latency_p95", "first_token", "tokens_per_second"})
"""Depend on the machine and the hour, so they are compared only within one run."""
LOWER_IS_BETTER = TIMES - {"tokens_per_second"}
PAIRS: tuple[tuple[Subject, Subject], ...] = (
    ("incumbent", "candidate"),
    ("base", "candidate"),
    ("merged", "candidate"),
)


def metrics_of(rows: Sequence[Scored], contract: Contract) -> tuple[Metric, ...]:
    """Return every metric of one subject; no rows give no metrics."""
    if not rows:
        return ()
    lower = lower_is_better(contract)
    found = [_metric(name, rows, name not in lower) for name in shared_scores(rows)]
    for name in corpus_names(contract):
        value = corpus_value(name, rows, contract)
        better = name not in lower
        found.append(
            Metric(name=name, kind="corpus", value=value, n=len(rows), higher_is_better=better)
        )
    return tuple(found)


def lower_is_better(contract: Contract) -> frozenset[str]:
    """Return the metrics whose smaller figure is the better one."""
    own = own_metrics(contract.metrics)
    return LOWER_IS_BETTER | {each.score_name for each in own if not each.higher_is_better}


def shared_scores(*subjects: Sequence[Scored]) -> list[str]:
    """Return the scores that every row of every subject has: not every engine tells every time."""
    names = subjects[0][0].scores
    return [
        name for name in names if all(name in each.scores for rows in subjects for each in rows)
    ]


def _metric(name: str, rows: Sequence[Scored], better: bool) -> Metric:
    values = [row.scores[name] for row in rows]
    value = math.fsum(values) / len(values)
    if isinstance(values[0], bool):
        return Metric(
            name=name,
            kind="share",
            value=value,
            n=len(values),
            successes=sum(map(bool, values)),
            higher_is_better=better,
        )
    return Metric(name=name, kind="mean", value=value, n=len(values), higher_is_better=better)


def compare(
    subjects: Mapping[Subject, Sequence[Scored]],
    contract: Contract,
    apart: frozenset[Subject] = frozenset(),
) -> tuple[Comparison, ...]:
    """Return every metric of every pair of subjects that were both measured.

    The times of subjects that were measured `apart`, in another run, are compared with nothing.
    """
    found = []
    for first, second in PAIRS:
        if first not in subjects or second not in subjects:
            continue
        one, other = subjects[first], subjects[second]
        timeless = not apart.isdisjoint((first, second))
        for name in shared_scores(one, other):
            value = one[0].scores[name]
            if timeless and name in TIMES:
                continue
            paired = [(a.scores[name], b.scores[name]) for a, b in zip(one, other, strict=True)]
            if isinstance(value, bool):
                counts = _counts([(bool(a), bool(b)) for a, b in paired])
                found.append(Comparison(metric=name, first=first, second=second, counts=counts))
            else:
                means = _means([float(b) - float(a) for a, b in paired])
                found.append(Comparison(metric=name, first=first, second=second, means=means))
        for name in corpus_names(contract):
            if timeless and name in TIMES:
                continue
            means = corpus_difference(name, one, other, contract)
            found.append(Comparison(metric=name, first=first, second=second, means=means))
    return tuple(found)


def _counts(paired: Sequence[tuple[bool, bool]]) -> PairedCounts:
    return PairedCounts(
        both=paired.count((True, True)),
        only_first=paired.count((True, False)),
        only_second=paired.count((False, True)),
        neither=paired.count((False, False)),
    )


def _means(differences: Sequence[float]) -> PairedMeans:
    n = len(differences)
    mean = math.fsum(differences) / n
    spread = math.fsum((value - mean) ** 2 for value in differences)
    return PairedMeans(
        n=n, mean_difference=mean, sd_difference=math.sqrt(spread / (n - 1)) if n > 1 else 0.0
    )
