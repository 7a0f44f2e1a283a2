"""The result of a detector: a kind and a place, never the value itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from countersign_ml.rows.detect.third_party import utf8


class Hit(NamedTuple):
    """One confirmed hit: `text[start:end]`, in characters."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Text:
    """A text and its plain view; both have the same length and offsets."""

    original: str
    plain: str
    places: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)
    """The places of the words of each set, filled on first use."""

    @cached_property
    def utf8(self) -> bytes:
        return utf8(self.original)


class Candidate(NamedTuple):
    """A hit before overlaps are resolved: the lower rank wins, then the longer, then the first."""

    rank: int
    hit: Hit


Detector = Callable[[Text], Iterator[Candidate]]


def settle(candidates: Iterable[Candidate], length: int) -> tuple[Hit, ...]:
    """Return hits that do not overlap, in order of their start."""
    ordered = sorted(
        candidates,
        key=lambda one: (one.rank, one.hit.start - one.hit.end, one.hit.start, one.hit.kind),
    )
    if len(ordered) < 2:
        return tuple(one.hit for one in ordered)
    taken = bytearray(length)
    kept = []
    for _, hit in ordered:
        if taken.find(1, hit.start, hit.end) < 0:
            taken[hit.start : hit.end] = b"\1" * (hit.end - hit.start)
            kept.append(hit)
    return tuple(sorted(kept, key=lambda hit: hit.start))
