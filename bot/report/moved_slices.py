"""Slices that moved: the groups of rows where the candidate and the live version differ most."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bot.report import figures
from countersign_ml.markdown import code, table
from policy.facts.evidence import Comparison, Evidence, Group
from policy.gates.metric_gates import difference_of
from policy.gates.paired_statistics import Difference, holm

SHOWN_EACH = 5
"""How many groups are shown that fell most, and that rose most, for each field and metric."""


@dataclass(frozen=True)
class Moved:
    """One group of one field, with its paired difference and p adjusted within the field (Holm)."""

    value: str
    difference: Difference
    p_adjusted: float


def slice_tables(evidence: Evidence) -> str:
    """Return a table for each metric and field that was compared by slices; empty without one.

    The most certain changes come first. A metric and field without a moved group is only named.
    """
    tables: list[tuple[float, str]] = []
    still = []
    for comparison in evidence.comparisons:
        if (comparison.first, comparison.second) != ("incumbent", "candidate"):
            continue
        for part in comparison.slices:
            moved = _moved(comparison, part.field)
            name = f"{code(comparison.metric)} by {code(part.field)}"
            if any(each.difference.value for each in moved):
                head = f"{name}, {_groups(len(moved))}:"
                text = f"{head}\n\n{_table(evidence, comparison.metric, moved)}"
                tables.append((min(each.p_adjusted for each in moved), text))
            elif moved:
                still.append(name)
    parts = [text for _, text in sorted(tables, key=lambda each: each[0])]
    return "\n\n".join([*parts, f"No group moved: {', '.join(still)}."] if still else parts)


@dataclass(frozen=True)
class MostMoved:
    """The group of one field and metric that fell most, or rose most."""

    metric: str
    field: str
    group: Moved


def most_moved(evidence: Evidence) -> list[MostMoved]:
    """Return for each metric and field the group that fell most and the one that rose most."""
    found = []
    for comparison in evidence.comparisons:
        if (comparison.first, comparison.second) != ("incumbent", "candidate"):
            continue
        for part in comparison.slices:
            moved = _moved(comparison, part.field)
            fell = [each for each in moved[:1] if each.difference.value < 0]
            rose = [each for each in moved[-1:] if each.difference.value > 0]
            found += [MostMoved(comparison.metric, part.field, each) for each in fell + rose]
    return sorted(found, key=lambda each: each.group.p_adjusted)[:SHOWN_EACH]


def _moved(comparison: Comparison, field: str) -> list[Moved]:
    part = comparison.slice(field)
    found: list[tuple[Group, Difference]] = []
    for group in part.parts if part is not None else ():
        difference = difference_of(group)
        if difference is not None and difference.n and math.isfinite(difference.value):
            found.append((group, difference))
    adjusted = holm([difference.p for _, difference in found])
    moved = [
        Moved("all other values" if part and group is part.rest else group.value, difference, p)
        for (group, difference), p in zip(found, adjusted, strict=True)
    ]
    return sorted(moved, key=lambda each: (each.difference.value, each.value))


def _table(evidence: Evidence, metric: str, moved: list[Moved]) -> str:
    shown = moved[:SHOWN_EACH] + moved[SHOWN_EACH:][-SHOWN_EACH:]
    rows = []
    for each in shown:
        change, interval = figures.change_of(evidence, metric, each.difference)
        p = f"{each.p_adjusted:.2g}"
        rows.append((code(each.value), str(each.difference.n), change, interval, p))
    return table(("Group", "Rows", "Change", "95 % interval", "p (Holm)"), rows)


def _groups(count: int) -> str:
    if count <= 2 * SHOWN_EACH:
        return "1 group" if count == 1 else f"{count} groups"
    return f"the {SHOWN_EACH} that fell most and the {SHOWN_EACH} that rose most of {count} groups"
