"""How the candidate's answers differ from the incumbent's and from its training answers.

Counts in bins, no verdict: labels, lengths in words (in tenths of the reference's), and the most
common words. The policy computes distances from them.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from countersign_ml.rows.read.row import Row
from policy.facts.evidence import Bin, Drift, DriftReference, Subject
from policy.files.contract import Contract
from runner.measure.scoring import Scored, label_of

WORD = re.compile(r"\w+")
NAMED = 49
"""This many labels or words are counted by name, the others together."""
TENTHS = 10
OTHERS = "(others)"
SHOWN_CHARACTERS = 40


@dataclass
class Said:
    """What a set of answers is made of, counted in one pass; memory holds no answer."""

    labels: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    lengths: array[int] = field(default_factory=lambda: array("L"))
    """The number of words of each answer."""

    @classmethod
    def of(cls, texts: Iterable[str], contract: Contract) -> Said:
        """Count the answers."""
        said = cls()
        for text in texts:
            if contract.task == "classification":
                said.labels[label_of(text, contract)[:SHOWN_CHARACTERS]] += 1
            words = WORD.findall(text.casefold())
            said.words.update([word[:SHOWN_CHARACTERS] for word in words])
            said.lengths.append(len(WORD.findall(text)))
        return said


def drift_of(
    subjects: Mapping[Subject, Sequence[Scored]], trained_on: Iterable[Row], contract: Contract
) -> tuple[Drift, ...]:
    """Return the candidate's answers against the incumbent's and the training rows', in bins."""

    def said_by(subject: Subject) -> Said:
        return Said.of((each.answer.text for each in subjects[subject]), contract)

    candidate = said_by("candidate")
    references: dict[DriftReference, Said] = {}
    if "incumbent" in subjects:
        references["incumbent"] = said_by("incumbent")
    references["training"] = Said.of((row.answer for row in trained_on), contract)
    found = []
    for against, known in references.items():
        if not known.lengths:
            continue
        if contract.task == "classification":
            labels = _named(known.labels, candidate.labels)
            found.append(Drift(of="label", against=against, bins=labels))
        lengths = _lengths(known.lengths, candidate.lengths)
        found.append(Drift(of="length", against=against, bins=lengths))
        words = _named(known.words, candidate.words)
        found.append(Drift(of="vocabulary", against=against, bins=words))
    return tuple(found)


def _named(first: Counter[str], second: Counter[str]) -> tuple[Bin, ...]:
    """Return the most common names of both together, and the others as one bin."""
    both = first + second
    names = sorted(both, key=lambda name: (-both[name], name))
    bins = [Bin(name=name, first=first[name], second=second[name]) for name in names[:NAMED]]
    others = [sum(counts[name] for name in names[NAMED:]) for counts in (first, second)]
    if any(others):
        bins.append(Bin(name=OTHERS, first=others[0], second=others[1]))
    return tuple(bins)


def _lengths(first: Sequence[int], second: Sequence[int]) -> tuple[Bin, ...]:
    """Return how many answers have each length; the edges are the deciles of the first."""
    ordered = sorted(first)
    edges = sorted({ordered[len(ordered) * tenth // TENTHS] for tenth in range(1, TENTHS)})
    counts = [Counter(bisect_right(edges, length) for length in each) for each in (first, second)]
    return tuple(
        Bin(name=name, first=counts[0][number], second=counts[1][number])
        for number, name in enumerate(_names(edges))
    )


def _names(edges: Sequence[int]) -> Iterator[str]:
    """Yield the name of each bin between the edges."""
    yield f"below {edges[0]} words"
    for low, high in pairwise(edges):
        yield f"{low} to {high - 1} words"
    yield f"{edges[-1]} words or more"
