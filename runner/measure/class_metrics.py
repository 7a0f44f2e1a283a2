"""Per-class counts and confusions of a classifier's answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from policy.facts.class_facts import (
    MAX_CLASSES,
    MAX_CONFUSIONS,
    MAX_LABEL,
    ClassCounts,
    ClassFacts,
    Confusion,
)
from policy.facts.evidence import Subject
from policy.files.contract import Contract
from runner.measure.scoring import Scored, label_of

COUNTED: tuple[Subject, ...] = ("candidate", "incumbent")


def classes_of(
    scored: Mapping[Subject, Sequence[Scored]], contract: Contract
) -> dict[Subject, ClassFacts]:
    """Return the classes of candidate and incumbent; empty for every other task."""
    found = {name: class_facts(scored[name], contract) for name in COUNTED if name in scored}
    return {name: facts for name, facts in found.items() if facts is not None}


def class_facts(rows: Sequence[Scored], contract: Contract) -> ClassFacts | None:
    """Return the classes of a classification, largest first; None for every other task.

    Classes are the labels that rows expect. A label that only answers give is not a class; it is
    listed among the confusions.
    """
    if contract.task != "classification" or not rows:
        return None
    pairs = Counter((label_of(each.row.answer, contract), each.label) for each in rows)
    expected: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for (wanted, said), count in pairs.items():
        expected[wanted] += count
        given[said] += count
    labels = sorted(expected, key=lambda label: (-expected[label], label))
    confused = sorted(
        ((count, wanted, said) for (wanted, said), count in pairs.items() if wanted != said),
        key=lambda found: (-found[0], found[1], found[2]),
    )
    return ClassFacts(
        rows=len(rows),
        right=sum(pairs[label, label] for label in labels),
        classes=tuple(
            ClassCounts(
                label=label[:MAX_LABEL],
                right=pairs[label, label],
                wrong=given[label] - pairs[label, label],
                missed=expected[label] - pairs[label, label],
            )
            for label in labels[:MAX_CLASSES]
        ),
        classes_left_out=max(0, len(labels) - MAX_CLASSES),
        confusions=tuple(
            Confusion(expected=wanted[:MAX_LABEL], said=said[:MAX_LABEL], count=count)
            for count, wanted, said in confused[:MAX_CONFUSIONS]
        ),
        confusions_left_out=sum(count for count, _, _ in confused[MAX_CONFUSIONS:]),
    )
