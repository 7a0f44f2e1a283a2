"""The pilot report of a version: what improved, what regressed, why, and what follows.

Only what was measured is said here; beside it stand the author's own words, marked as such.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.report import figures, moved_slices
from bot.report import report_messages as say
from bot.report.author_words import Words, quoted
from countersign_ml.markdown import code, plain
from policy.facts.drift_statistics import by_luck, distance
from policy.facts.evidence import Evidence
from policy.gates.metric_gates import difference_from, difference_of
from policy.gates.paired_statistics import Difference
from policy.people.sign_off_record import Override

SHOWN_DRIFT = 3


@dataclass(frozen=True)
class Changes:
    """Metrics against the version before, by whether their 95 % interval leaves zero out."""

    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    worse_names: tuple[str, ...] = ()


def report(evidence: Evidence, overrides: Sequence[Override], words: Words) -> list[str]:
    """Return the report's parts; the same evidence, overrides and words give the same."""
    found = changes(evidence)
    parts = ["## Pilot report"]
    for head, lines in (
        ("What improved", found.better),
        ("What regressed", found.worse),
        ("Not clearly either", found.unclear),
    ):
        if lines:
            parts += [f"### {head}", "\n".join(lines)]
        elif head != "Not clearly either" and evidence.incumbent is not None:
            parts += [f"### {head}", say.NOTHING_CLEARLY]
    why = list(reasons(evidence))
    parts += ["### Why", *([say.MEASURED_ONLY, "\n".join(why)] if why else [])]
    parts.append(quoted(words.why, words.author) or say.no_words("Why"))
    parts += ["### Recommendation", recommendation(evidence, found, overrides)]
    parts += ["### Lessons", quoted(words.lessons, words.author) or say.no_words("Lessons")]
    return parts


def changes(evidence: Evidence) -> Changes:
    """Return what improved and what regressed against the version before, as far as rows show."""
    measured = evidence.measurement("candidate")
    if measured is None or evidence.incumbent is None:
        return Changes()
    better, worse, unclear, names = [], [], [], []
    for metric in measured.metrics:
        difference = difference_from(evidence, metric.name)
        if difference is None or not math.isfinite(difference.value):
            continue
        said = f"- {_change(evidence, metric.name, difference)}"
        if difference.low <= 0 <= difference.high:
            unclear.append(said)
        elif (difference.value > 0) == metric.higher_is_better:
            better.append(said)
        else:
            worse.append(said)
            names.append(metric.name)
    return Changes(tuple(better), tuple(worse), tuple(unclear), tuple(names))


def reasons(evidence: Evidence) -> Iterator[str]:
    """Yield what the figures say of why: slices, quantisation, drift, data."""
    for moved in moved_slices.most_moved(evidence):
        change = _change(evidence, moved.metric, moved.group.difference)
        clear = moved.group.p_adjusted < 0.05
        yield say.slice_moved(moved.field, moved.group.value, change, clear=clear)
    for comparison in evidence.comparisons:
        difference = difference_of(comparison)
        if (comparison.first, comparison.second) != ("merged", "candidate") or difference is None:
            continue
        if math.isfinite(difference.value) and not difference.low <= 0 <= difference.high:
            yield say.quantised(_change(evidence, comparison.metric, difference))
    beyond = [drift for drift in evidence.drift if distance(drift, "psi") > by_luck(drift, "psi")]
    beyond.sort(key=lambda drift: (-distance(drift, "psi"), drift.of, drift.against))
    for drift in beyond[:SHOWN_DRIFT]:
        yield say.drifted(drift.of, drift.against, distance(drift, "psi"), by_luck(drift, "psi"))
    rows = evidence.data_change
    if rows is not None and rows.diff is not None and not rows.diff.empty:
        diff = rows.diff
        yield say.data_too(diff.added.count, diff.removed.count, diff.changed.count)


def recommendation(evidence: Evidence, found: Changes, overrides: Sequence[Override]) -> str:
    """Return what follows from the verdict that let this version through."""
    if overrides:
        return say.by_force([plain(override.gate) for override in overrides])
    if evidence.incumbent is None:
        return say.FIRST_GO
    if found.worse_names:
        return say.go_although([code(name) for name in found.worse_names])
    return say.GO


def _change(evidence: Evidence, metric: str, difference: Difference) -> str:
    change, interval = figures.change_of(evidence, metric, difference)
    return f"{code(metric)}: {change} ({interval})"
