"""Pairs of texts that are nearly the same: found by shared bands, confirmed by their own words.

Two texts that share a band are candidates. Each row of a band is paired with the first row of the
band and with the one before it, so that a thousand similar rows make two thousand pairs, not a
million. Then the candidates are read again, and the Jaccard similarity of their pairs of words is
computed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import cast

import numpy as np
from numpy.typing import NDArray

from countersign_ml.rows.kept.columns import I64, Column, distinct, found_in, repeated, repeats
from countersign_ml.rows.kept.sketch import BANDS, MIN_WORDS, U32, U64, shingles
from countersign_ml.rows.kept.table import Table

Flags = NDArray[np.bool_]
CONFIRMED_ROWS = 1_000_000
"""The most rows that are read again: their pairs of words are in memory, 4 bytes each."""
BLOCK = 1 << 14
"""Pairs that are compared at a time."""
CERTAIN_BANDS = 6
"""Bands that two texts must share if there are too many to read: a Jaccard of about 0.87."""
AT_ONCE = 2
"""Bands that are searched at the same time."""
UNKNOWN = -1.0
PUNCTUATED = 2.0
"""The similarity of two questions that are the same but for punctuation."""


@dataclass(frozen=True)
class NearPairs:
    """Rows that are near an earlier one, ascending, each with that row and the similarity."""

    rows: I64
    others: I64
    jaccard: list[float]


def near_within(table: Table, least: float) -> NearPairs:
    """Return the rows of a table that are near an earlier row, without exact repeats."""
    copies, _ = repeats(table.questions)
    pairs = _candidates(table, None, copies)
    return _confirmed(table, table, pairs, least, _punctuated(*repeats(table.loose), copies))


def near_between(table: Table, other: Table, known: I64, least: float) -> NearPairs:
    """Return the rows of `table` that are near a row of `other`, without `known`."""
    same = _punctuated(*found_in(table.loose, other.loose), known)
    return _confirmed(table, other, _candidates(table, other, known), least, same)


def _punctuated(rows: I64, others: I64, left_out: I64) -> dict[int, tuple[float, int]]:
    """Return the rows that equal another but for punctuation, each with the other."""
    kept = ~np.isin(rows, left_out)
    pairs = zip(rows[kept].tolist(), others[kept].tolist(), strict=True)
    return {row: (PUNCTUATED, other) for row, other in pairs}


def _candidates(table: Table, other: Table | None, left_out: I64) -> I64:
    """Return (later row, earlier row, shared bands), sorted, shape (pairs, 3)."""
    mine = _long(table)
    mine[left_out] = False
    theirs = None if other is None else _long(other)
    parts = max(table.bands.parts(), 1 if other is None else other.bands.parts())

    def sharing(band: int, part: int) -> U64:
        keys, rows = _keyed(table.bands, part, parts, band, mine)
        if other is None or theirs is None:
            return _alike(keys, rows)
        return _across(keys, rows, *_keyed(other.bands, part, parts, band, theirs))

    with ThreadPoolExecutor(AT_ONCE) as pool:  # numpy sorts without Python's lock
        found = list(pool.map(sharing, *zip(*product(range(BANDS), range(parts)), strict=True)))
    packed = np.concatenate(found)
    pairs, shared = np.unique(packed, return_counts=True)
    later, earlier = pairs >> np.uint64(32), pairs & np.uint64(0xFFFFFFFF)
    return np.stack([later.astype(np.int64), earlier.astype(np.int64), shared], axis=1)


def _long(table: Table) -> Flags:
    kept = np.zeros(table.length, dtype=np.bool_)
    for first, block in table.words.blocks():
        kept[first : first + len(block)] = block >= MIN_WORDS
    return kept


def _keyed(
    column: Column,
    part: int,
    parts: int,
    band: int,
    kept: Flags,
) -> tuple[U32, I64]:
    keys, rows = column.part(part, parts, band)
    if kept.all():
        return keys, rows
    chosen = kept[rows]
    return keys[chosen], rows[chosen]


def _alike(keys: U32, rows: I64) -> U64:
    """Return packed pairs of rows with equal keys: each with the first and with the one before."""
    likely = repeated(keys)
    packed = np.sort(
        (keys[likely].astype(np.uint64) << np.uint64(32)) | rows[likely].astype(np.uint64)
    )
    ordered, places = packed >> np.uint64(32), packed & np.uint64(0xFFFFFFFF)
    begins = np.ones(len(packed), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    again = np.flatnonzero(~begins)
    heads = np.flatnonzero(begins)
    first = heads[np.searchsorted(heads, again, side="right") - 1] if len(again) else again
    later = places[again] << np.uint64(32)
    third = again[again - 1 != first]
    return np.concatenate(
        [later | places[first], (places[third] << np.uint64(32)) | places[third - 1]]
    )


def _across(
    keys: U32,
    rows: I64,
    known: U32,
    places: I64,
) -> U64:
    """Return packed pairs of each row with the first and last row there that has its key."""
    if not len(known) or not len(keys):
        return np.zeros(0, dtype=np.uint64)
    order = np.argsort(known, kind="stable")
    ordered = known[order]
    low = np.searchsorted(ordered, keys, side="left")
    high = np.searchsorted(ordered, keys, side="right")
    hit = np.flatnonzero(high > low)
    later = rows[hit].astype(np.uint64) << np.uint64(32)
    ends = (places[order[low[hit]]], places[order[high[hit] - 1]])
    return np.concatenate([later | end.astype(np.uint64) for end in ends])


def _confirmed(
    table: Table, other: Table, pairs: I64, least: float, same: dict[int, tuple[float, int]]
) -> NearPairs:
    """Keep each row's best pair with a similarity of at least `least`; `same` needs no check."""
    needed = len(distinct(pairs[:, 0])) + len(distinct(pairs[:, 1]))
    best: dict[int, tuple[float, int]] = {}
    if needed > CONFIRMED_ROWS:
        for later, earlier, shared in pairs[pairs[:, 2] >= CERTAIN_BANDS].tolist():
            if shared > best.get(later, (0.0, 0))[0]:
                best[later] = (float(shared), earlier)
        return _best({row: (UNKNOWN, earlier) for row, (_, earlier) in best.items()} | same)
    if not len(pairs):
        return _best(same)
    mine = _Shingles.of(table, pairs[:, 0] if other is not table else pairs[:, :2].ravel())
    theirs = mine if other is table else _Shingles.of(other, pairs[:, 1])
    for start in range(0, len(pairs), BLOCK):
        block = pairs[start : start + BLOCK]
        alike = _jaccard(mine, block[:, 0], theirs, block[:, 1])
        for at in np.flatnonzero(alike >= least).tolist():
            later, earlier, jaccard = int(block[at, 0]), int(block[at, 1]), float(alike[at])
            if jaccard > best.get(later, (0.0, 0))[0]:
                best[later] = (jaccard, earlier)
    return _best(best | same)


def _best(best: dict[int, tuple[float, int]]) -> NearPairs:
    """Return each row, ascending, with the other one and the similarity."""
    rows = sorted(best)
    others = np.array([best[row][1] for row in rows], dtype=np.int64)
    return NearPairs(np.array(rows, dtype=np.int64), others, [best[row][0] for row in rows])


@dataclass(frozen=True)
class _Shingles:
    """The hashed pairs of words of some rows, one row after the other."""

    rows: I64
    flat: U32
    starts: I64
    sizes: I64

    @classmethod
    def of(cls, table: Table, rows: I64) -> _Shingles:
        """Read rows again, a few thousand at a time, and keep their shingles."""
        once = distinct(rows)
        lines = table.lines_of(once)
        flat, sizes, texts = [], [], []
        size = 0
        for _, text in table.questions_at(lines):
            texts.append(text)
            size += len(text)
            if size > 1 << 20:
                made = shingles(texts)
                flat.append(made[0])
                sizes.append(made[1])
                texts, size = [], 0
        made = shingles(texts)
        every = np.concatenate([*sizes, made[1]])
        starts = np.cumsum(every) - every
        return cls(once, np.concatenate([*flat, made[0]]), starts, every)

    def keyed(self, rows: I64) -> U64:
        """Return each row's distinct shingles, with the row's place in `rows` as the upper half."""
        at = np.searchsorted(self.rows, rows)
        sizes = self.sizes[at]
        ends = np.cumsum(sizes)
        places = np.repeat(np.arange(len(rows)), sizes)
        within = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - sizes, sizes)
        values = self.flat[np.repeat(self.starts[at], sizes) + within].astype(np.uint64)
        return distinct((places.astype(np.uint64) << np.uint64(32)) | values)


def _jaccard(mine: _Shingles, rows: I64, theirs: _Shingles, others: I64) -> NDArray[np.float64]:
    """Return the Jaccard similarity of each pair of rows."""
    first, second = mine.keyed(rows), theirs.keyed(others)
    every = np.sort(np.concatenate((first, second)))
    both = every[1:][every[1:] == every[:-1]] >> np.uint64(32)
    shared = np.bincount(both.astype(np.int64), minlength=len(rows))
    total = np.bincount((every >> np.uint64(32)).astype(np.int64), minlength=len(rows))
    return cast("NDArray[np.float64]", shared / np.maximum(total - shared, 1))
