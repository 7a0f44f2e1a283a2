"""Long runs of words that test rows share with training rows, found in the one pass over the rows.

The test rows are few: their n-grams are hashed first, and the n-grams of every training row are
then looked up among them. GPT-3 was checked in this way, with runs of 13 words; runs in more than
ten training documents were ignored as common (Brown et al. 2020, arXiv:2005.14165, appendix C).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from countersign_ml.rows.kept.columns import I64, U64, distinct
from countersign_ml.rows.kept.sketch import U32, WordSums, powers, sketch
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.sample_lines import read_source
from countersign_ml.rows.read.source import Source

LIMIT = 1 << 22
"""N-grams of test rows that are kept; of more, every second, every fourth and so on."""
_BATCH = 1024


class Shared(NamedTuple):
    """Which n-grams of the index are in a chunk, in how many rows, and the first line of each."""

    places: I64
    counts: I64
    lines: U32


@dataclass(frozen=True)
class NgramIndex:
    """The n-grams to search for: their hashes, ascending, and a table that excludes most others."""

    words: int
    keys: U64
    _table: np.ndarray[tuple[int], np.dtype[np.bool_]] = field(init=False, repr=False)
    _shift: np.uint64 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        bits = min(24, max(16, len(self.keys).bit_length() + 5))
        object.__setattr__(self, "_shift", np.uint64(64 - bits))
        table = np.zeros(1 << bits, dtype=np.bool_)
        table[self.keys >> self._shift] = True
        object.__setattr__(self, "_table", table)

    def shared(self, sums: list[tuple[WordSums, U32]]) -> Shared | None:
        """Return the n-grams of the index in a chunk's texts; None if there are none.

        Each batch of texts comes with its lines.
        """
        if not len(self.keys):
            return None
        every: list[U64] = []
        for batch, lines in sums:
            values, at = self._likely(batch)
            found = np.minimum(np.searchsorted(self.keys, values), len(self.keys) - 1)
            of = np.searchsorted(batch.last, at, side="right")
            right = (self.keys[found] == values) & (at + self.words <= batch.last[of])
            places = found[right].astype(np.uint64) << np.uint64(32)
            every.append(places | lines[of[right]])
        pairs = distinct(np.concatenate(every))
        if not len(pairs):
            return None
        once, first, counts = np.unique(
            pairs >> np.uint64(32), return_index=True, return_counts=True
        )
        return Shared(once.astype(np.int64), counts, pairs[first].astype(np.uint32))

    def _likely(self, batch: WordSums) -> tuple[U64, I64]:
        values = _values(batch, self.words)
        at = np.flatnonzero(self._table[values >> self._shift])
        return values[at], at


@dataclass
class SharedNgrams:
    """In how many rows of a training file each n-gram of the index is, and its first line."""

    counts: I64
    lines: U32

    @classmethod
    def none_of(cls, index: NgramIndex) -> SharedNgrams:
        """Return the counts before the first row."""
        size = len(index.keys)
        return cls(np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.uint32))

    def add(self, shared: Shared) -> None:
        """Count one chunk."""
        self.counts[shared.places] += shared.counts
        fresh = self.lines[shared.places] == 0
        self.lines[shared.places[fresh]] = shared.lines[fresh]


@dataclass(frozen=True)
class TestNgrams:
    """The n-grams of the test files, each with its file and line."""

    index: NgramIndex
    step: int
    """One in so many n-grams is searched for."""
    digests: tuple[str, ...]
    """The digest of each test file."""
    files: I64
    lines: I64
    places: I64
    """For every n-gram of every test row: its file, its line, and its place in the index."""


def collect(sources: list[Source], words: int) -> TestNgrams:
    """Read the test files and keep the hashes of their n-grams, at most LIMIT of them."""
    step, kept = 1, 0
    parts: list[tuple[U64, I64, I64]] = []
    digests = []
    for number, source in enumerate(sources):
        fresh = Source(source.path, source.where, source.sha256)
        for values, lines in _of_rows(fresh, words):
            files = np.full(len(values), number, dtype=np.int64)
            parts.append(_every(step, values, files, lines))
            kept += len(parts[-1][0])
            while kept > LIMIT:
                step *= 2
                parts = [_every(step, *part) for part in parts]
                kept = sum(len(part[0]) for part in parts)
        digests.append(fresh.digest)
    empty = (np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64))
    values, files, lines = (np.concatenate(column) for column in zip(empty, *parts, strict=True))
    index = NgramIndex(words, distinct(values))
    places = np.searchsorted(index.keys, values)
    return TestNgrams(index, step, tuple(digests), files, lines, places)


def _every(step: int, values: U64, files: I64, lines: I64) -> tuple[U64, I64, I64]:
    """Keep one n-gram in `step`, the same ones in every row."""
    kept = values % np.uint64(step) == 0
    return values[kept], files[kept], lines[kept]


def _of_rows(source: Source, words: int) -> Iterator[tuple[U64, I64]]:
    """Yield the n-grams of a file's rows, one batch at a time, each with its line."""
    texts: list[str] = []
    lines: list[int] = []
    for row in read_source(source):
        if isinstance(row, Row):
            texts.append(row.user_text)
            lines.append(row.line)
        if len(texts) == _BATCH:
            yield _located(texts, lines, words)
            texts, lines = [], []
    yield _located(texts, lines, words)


def _located(texts: list[str], lines: list[int], words: int) -> tuple[U64, I64]:
    values, numbers = [], []
    before = 0
    for batch in sketch(texts, banded=False).sums:
        every = _values(batch, words)
        at = np.arange(len(every))
        of = np.minimum(np.searchsorted(batch.last, at, side="right"), len(batch.last) - 1)
        whole = at + words <= batch.last[of] if len(every) else at.astype(np.bool_)
        values.append(every[whole])
        numbers.append(np.array(lines[before:], dtype=np.int64)[of[whole]])
        before += len(batch.last)
    return np.concatenate(values), np.concatenate(numbers)


def _values(batch: WordSums, words: int) -> U64:
    """Return the hash of `words` words from each word on, even across the end of a text."""
    running = batch.running
    if len(running) <= words:
        return np.zeros(0, dtype=np.uint64)
    _, down = powers(len(running))
    return (running[words:] - running[:-words]) * down[: len(running) - words]
