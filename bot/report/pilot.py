"""The pilot report of a version: what improved, what regressed, why, and what to do.

It contains what was measured and the author's own words, marked as such; nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.report import figures, moved_slices
from bot.report.author_words import Words, quoted
from countersign_ml.markdown import code, plain
from policy.facts.drift_statistics import by_luck, distance
from policy.facts.evidence import Evidence
from policy.gates.metric_gates import difference_from, difference_of
from policy.gates.paired_statistics import Difference
from policy.people.sign_off_record import Override

SHOWN_DRIFT = 3
AGAINST = {
    "incumbent": "those of the previous version",
    "training": "the answers in the training rows",
}


@dataclass(frozen=True)
class Changes:
    """Metrics against the previous version, by whether their 95 % interval excludes zero."""

    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    worse_names: tuple[str, ...] = ()


def report(evidence: Evidence, overrides: Sequence[Override], words: Words) -> list[str]:
    """Return the report's parts; the same evidence, overrides and words give the same."""
    found = changes(evidence)
    why = list(reasons(evidence))
    measured = ["The figures show this; none of it is a proven cause:", "\n".join(why)]
    return [
        "## Pilot report",
        *_listed(evidence, found),
        "### Why",
        *(measured if why else []),
        quoted(words.why, words.author) or _no_section("Why"),
        "### Recommendation",
        recommendation(evidence, found, overrides),
        "### Lessons",
        quoted(words.lessons, words.author) or _no_section("Lessons"),
    ]


def _listed(evidence: Evidence, found: Changes) -> Iterator[str]:
    for head, lines in (("What improved", found.better), ("What regressed", found.worse)):
        if lines or evidence.incumbent is not None:
            yield f"### {head}"
            yield "\n".join(lines) or "Nothing that the held-out rows show clearly."
    if found.unclear:
        yield "### No clear change"
        yield "\n".join(found.unclear)


def _no_section(name: str) -> str:
    return f"_The pull request has no section `## {name}`._"


def changes(evidence: Evidence) -> Changes:
    """Return what improved and what regressed against the previous version, as the rows show."""
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
    """Yield what the figures show about the cause: slices, quantisation, drift, data."""
    yield from _moved_groups(evidence)
    yield from _quantised(evidence)
    yield from _drifted(evidence)
    rows = evidence.data_change
    if rows is not None and rows.diff is not None and not rows.diff.empty:
        added, removed = rows.diff.added.count, rows.diff.removed.count
        changed = rows.diff.changed.count
        yield f"- The data changed: {added:,} rows added, {removed:,} removed, {changed:,} changed"


def _moved_groups(evidence: Evidence) -> Iterator[str]:
    for moved in moved_slices.most_moved(evidence):
        change = _change(evidence, moved.metric, moved.group.difference)
        luck = "" if moved.group.p_adjusted < 0.05 else "; chance alone can explain this"
        group = f"{code(moved.field, 60)} is {code(moved.group.value, 60)}"
        yield f"- Where {group}, {change}{luck}"


def _quantised(evidence: Evidence) -> Iterator[str]:
    for comparison in evidence.comparisons:
        difference = difference_of(comparison)
        if (comparison.first, comparison.second) != ("merged", "candidate") or difference is None:
            continue
        if math.isfinite(difference.value) and not difference.low <= 0 <= difference.high:
            yield f"- Quantisation changed {_change(evidence, comparison.metric, difference)}"


def _drifted(evidence: Evidence) -> Iterator[str]:
    beyond = [drift for drift in evidence.drift if distance(drift, "psi") > by_luck(drift, "psi")]
    beyond.sort(key=lambda drift: (-distance(drift, "psi"), drift.of, drift.against))
    for drift in beyond[:SHOWN_DRIFT]:
        found, luck = distance(drift, "psi"), by_luck(drift, "psi")
        yield (
            f"- The {plain(drift.of)} of the answers differs from {AGAINST[drift.against]}: "
            f"PSI {found:.3f}; chance alone gives up to {luck:.3f}"
        )


def recommendation(evidence: Evidence, found: Changes, overrides: Sequence[Override]) -> str:
    """Return what to do, given the verdict that allowed this version."""
    if overrides:
        gates = ", ".join(plain(override.gate) for override in overrides)
        return (
            f"Its figures did not pass: {gates} failed or stayed open. It ships because it was "
            "forced; the reason is above."
        )
    if evidence.incumbent is None:
        return "Ship it as the first version: every required gate passed."
    if found.worse_names:
        fell = ", ".join(code(name) for name in found.worse_names)
        return (
            f"Ship it: every required gate passed. {fell} regressed, within what the policy allows."
        )
    return "Ship it: every required gate passed, and nothing regressed clearly."


def _change(evidence: Evidence, metric: str, difference: Difference) -> str:
    change, interval = figures.change_of(evidence, metric, difference)
    return f"{code(metric)}: {change} ({interval})"
