"""Scores of rows to metrics of subjects."""

from __future__ import annotations

import math
from collections.abc import Sequence

from policy.facts.evidence import Metric
from policy.files.contract import Contract
from runner.measure.corpus import corpus_names, corpus_value
from runner.measure.own_metrics import own_metrics
from runner.measure.scoring import Scored

TIMES = frozenset({"latency", "latency_p50", "latency_p95", "first_token", "tokens_per_second"})
"""They depend on the machine and its load, so they are compared only within one run."""
LOWER_IS_BETTER = TIMES - {"tokens_per_second"}


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
    """Return the metrics of which a smaller figure is better."""
    own = own_metrics(contract.metrics)
    return LOWER_IS_BETTER | {each.score_name for each in own if not each.higher_is_better}


def shared_scores(*subjects: Sequence[Scored]) -> list[str]:
    """Return the scores that every row of every subject has; some engines lack some times."""
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
