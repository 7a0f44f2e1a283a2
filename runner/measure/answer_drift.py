"""How the candidate's answers differ from the incumbent's and from its training answers.

Counts in bins, no verdict: labels, lengths in words (in tenths of the reference's), and the most
common words. The policy computes distances from them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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


def drift_of(
    subjects: Mapping[Subject, Sequence[Scored]], trained_on: Sequence[Row], contract: Contract
) -> tuple[Drift, ...]:
    """Return the candidate's answers against the incumbent's and the training rows', in bins."""
    said = [each.answer.text for each in subjects["candidate"]]
    references: dict[DriftReference, list[str]] = {}
    if "incumbent" in subjects:
        references["incumbent"] = [each.answer.text for each in subjects["incumbent"]]
    if trained_on:
        references["training"] = [row.answer for row in trained_on]
    found = []
    for against, known in references.items():
        if contract.task == "classification":
            labels = _named(_labels(known, contract), _labels(said, contract))
            found.append(Drift(of="label", against=against, bins=labels))
        found.append(Drift(of="length", against=against, bins=_lengths(known, said)))
        words = _named(_words(known), _words(said))
        found.append(Drift(of="vocabulary", against=against, bins=words))
    return tuple(found)


def _labels(texts: Sequence[str], contract: Contract) -> Counter[str]:
    return Counter(label_of(text, contract)[:SHOWN_CHARACTERS] for text in texts)


def _words(texts: Sequence[str]) -> Counter[str]:
    return Counter(
        word[:SHOWN_CHARACTERS] for text in texts for word in WORD.findall(text.casefold())
    )


def _named(first: Counter[str], second: Counter[str]) -> tuple[Bin, ...]:
    """Return the most common names of both together, and the others as one bin."""
    both = first + second
    names = sorted(both, key=lambda name: (-both[name], name))
    bins = [Bin(name=name, first=first[name], second=second[name]) for name in names[:NAMED]]
    others = [sum(counts[name] for name in names[NAMED:]) for counts in (first, second)]
    if any(others):
        bins.append(Bin(name=OTHERS, first=others[0], second=others[1]))
    return tuple(bins)


def _lengths(first: Sequence[str], second: Sequence[str]) -> tuple[Bin, ...]:
    """Return how many answers have each length; the edges are the deciles of the first."""
    known, said = ([len(WORD.findall(text)) for text in texts] for texts in (first, second))
    ordered = sorted(known)
    edges = sorted({ordered[len(ordered) * tenth // TENTHS] for tenth in range(1, TENTHS)})
    counts = [Counter(bisect_right(edges, length) for length in each) for each in (known, said)]
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
