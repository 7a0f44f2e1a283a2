"""Figures as people read them: the evaluation table's rows, durations, sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from policy.facts.evidence import Evidence, FormerRows, Metric, Subject
from policy.gates.metric_gates import difference_from
from policy.gates.paired_statistics import Difference
from policy.policy_sentences import figure, moved

NOTHING = "–"


@dataclass(frozen=True)
class Row:
    """One metric's line of the evaluation table, ready to print."""

    metric: str
    base: str
    incumbent: str
    merged: str
    candidate: str
    change: str
    interval: str


def rows(evidence: Evidence | FormerRows) -> tuple[Row, ...]:
    """Return a line for every metric of the file that would ship, in the order of the evidence."""
    measured = evidence.measurement("candidate")
    if measured is None:
        return ()
    return tuple(_row(evidence, metric) for metric in measured.metrics)


def _row(evidence: Evidence | FormerRows, metric: Metric) -> Row:
    change, interval = NOTHING, NOTHING
    difference = difference_from(evidence, metric.name)
    if difference is not None:
        change, interval = _change(metric, difference)
    else:
        before = _metric(evidence, "incumbent", metric.name)
        if before is not None:
            change = _signed(metric, metric.value - before.value)
    return Row(
        metric=metric.name,
        base=_shown(_metric(evidence, "base", metric.name)),
        incumbent=_shown(_metric(evidence, "incumbent", metric.name)),
        merged=_shown(_metric(evidence, "merged", metric.name)),
        candidate=_shown(metric),
        change=change,
        interval=interval,
    )


def change_of(evidence: Evidence, name: str, difference: Difference) -> tuple[str, str]:
    """Return a difference of one metric and its 95 % interval, in the metric's unit."""
    metric = _metric(evidence, "candidate", name)
    return _change(metric, difference) if metric is not None else (NOTHING, NOTHING)


def _change(metric: Metric, difference: Difference) -> tuple[str, str]:
    low = _signed(metric, difference.low).removesuffix(" pts").removesuffix(" ms")
    interval = f"{low} to {_signed(metric, difference.high)}"
    return _signed(metric, difference.value), interval


def _metric(evidence: Evidence | FormerRows, subject: Subject, name: str) -> Metric | None:
    measured = evidence.measurement(subject)
    return measured.metric(name) if measured else None


def _shown(metric: Metric | None) -> str:
    if metric is None:
        return NOTHING
    return figure(metric) if math.isfinite(metric.value) else "not a number"


def _signed(metric: Metric, value: float) -> str:
    if not math.isfinite(value):
        return "unknown"
    return moved(metric, value).replace(" points", " pts")


def duration(seconds: float) -> str:
    """Return `1 h 5 min`, `3 min 20 s` or `4.2 s`."""
    if not math.isfinite(seconds) or seconds < 0:
        return "unknown"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(count: int) -> str:
    """Return a size in bytes, kB, MB or GB (powers of ten)."""
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
