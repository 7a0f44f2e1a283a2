"""Pairs of texts that are nearly the same: found by shared bands, confirmed by their own words.

Two texts that share a band are candidates. Each row of a band is paired with the first row that has
it and with the one before it, so that a thousand alike make two thousand pairs and no million. Then
the candidates are read again, and the Jaccard similarity of their pairs of words is worked out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dataset.columns import I64, Column, repeats
from dataset.rows import Row
from dataset.sketch import BANDS, MIN_WORDS, PUNCTUATION, normalised
from dataset.table import Table

CONFIRMED_ROWS = 200_000
"""Rows that are read again at most: their words are held in memory, 10 KB a row at the worst."""
CERTAIN_BANDS = 6
"""Bands that two texts must share where there are too many to read: a Jaccard of about 0.87."""
UNKNOWN = -1.0


@dataclass(frozen=True)
class NearPairs:
    """Rows that are near to an earlier one, ascending, each with that row and the similarity."""

    rows: I64
    others: I64
    jaccard: list[float]


def near_within(table: Table, least: float) -> NearPairs:
    """Return the rows of a table that are near to an earlier row, exact repeats left out."""
    copies, _ = repeats(table.questions)
    pairs = _candidates(table, None, copies)
    return _confirmed(table, table, pairs, least)


def near_between(table: Table, other: Table, known: I64, least: float) -> NearPairs:
    """Return the rows of `table` that are near to a row of `other`; `known` are left out."""
    return _confirmed(table, other, _candidates(table, other, known), least)


def _candidates(table: Table, other: Table | None, left_out: I64) -> I64:
    """Return (later row, earlier row, shared bands), sorted, shape (pairs, 3)."""
    mine = _long(table)
    mine[left_out] = False
    theirs = None if other is None else _long(other)
    found: list[np.ndarray[tuple[int], np.dtype[np.uint64]]] = []
    parts = max(table.bands.parts(), 1 if other is None else other.bands.parts())
    for band in range(BANDS):
        for part in range(parts):
            keys, rows = _keyed(table.bands, part, parts, band, mine)
            if other is None:
                found.append(_alike(keys, rows))
            elif theirs is not None:
                known, places = _keyed(other.bands, part, parts, band, theirs)
                found.append(_across(keys, rows, known, places))
    packed = np.concatenate(found) if found else np.zeros(0, dtype=np.uint64)
    pairs, shared = np.unique(packed, return_counts=True)
    later, earlier = pairs >> np.uint64(32), pairs & np.uint64(0xFFFFFFFF)
    return np.stack([later.astype(np.int64), earlier.astype(np.int64), shared], axis=1)


def _long(table: Table) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    kept = np.zeros(table.length, dtype=np.bool_)
    for first, block in table.words.blocks():
        kept[first : first + len(block)] = block >= MIN_WORDS
    return kept


def _keyed(
    column: Column,
    part: int,
    parts: int,
    band: int,
    kept: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint64]], I64]:
    keys, rows = column.part(part, parts, band)
    chosen = kept[rows]
    return keys[chosen], rows[chosen]


def _alike(
    keys: np.ndarray[tuple[int], np.dtype[np.uint64]], rows: I64
) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return packed pairs of rows with equal keys: each with the first one and the one before."""
    packed = np.sort((keys << np.uint64(32)) | rows.astype(np.uint64))
    ordered, places = packed >> np.uint64(32), packed & np.uint64(0xFFFFFFFF)
    begins = np.ones(len(packed), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    again = np.flatnonzero(~begins)
    heads = np.flatnonzero(begins)
    first = heads[np.searchsorted(heads, again, side="right") - 1] if len(again) else again
    later = places[again] << np.uint64(32)
    return np.concatenate([later | places[first], later | places[again - 1]])


def _across(
    keys: np.ndarray[tuple[int], np.dtype[np.uint64]],
    rows: I64,
    known: np.ndarray[tuple[int], np.dtype[np.uint64]],
    places: I64,
) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return packed pairs of a row here and the first and last rows there that have its key."""
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


def _confirmed(table: Table, other: Table, pairs: I64, least: float) -> NearPairs:
    """Keep the best pair of each row whose similarity is at least `least`."""
    needed = len(np.unique(pairs[:, 0])) + len(np.unique(pairs[:, 1]))
    best: dict[int, tuple[float, int]] = {}
    if needed > CONFIRMED_ROWS:
        for later, earlier, shared in pairs[pairs[:, 2] >= CERTAIN_BANDS].tolist():
            if shared > best.get(later, (0.0, 0))[0]:
                best[later] = (float(shared), earlier)
        rows = sorted(best)
        return _pairs(rows, [best[row][1] for row in rows], [UNKNOWN] * len(rows))
    if not len(pairs):
        return _pairs([], [], [])
    mine = _words(table, pairs[:, 0])
    theirs = {**mine, **_words(table, pairs[:, 1])} if other is table else None
    theirs = _words(other, pairs[:, 1]) if theirs is None else theirs
    for later, earlier, _ in pairs.tolist():
        first, second = mine.get(later), theirs.get(earlier)
        if not first or not second:
            continue
        both = len(first & second)
        jaccard = both / (len(first) + len(second) - both)
        if jaccard >= least and jaccard > best.get(later, (0.0, 0))[0]:
            best[later] = (jaccard, earlier)
    rows = sorted(best)
    return _pairs(rows, [best[row][1] for row in rows], [best[row][0] for row in rows])


def _pairs(rows: list[int], others: list[int], jaccard: list[float]) -> NearPairs:
    return NearPairs(np.array(rows, dtype=np.int64), np.array(others, dtype=np.int64), jaccard)


def _words(table: Table, rows: I64) -> dict[int, frozenset[int]]:
    """Return the hashed pairs of words of some rows' questions."""
    distinct = np.unique(rows)
    lines = table.lines_of(distinct)
    back = dict(zip(lines, distinct.tolist(), strict=True))
    return {back[row.line]: frozenset(_shingles(row)) for row in table.fetch(lines)}


def _shingles(row: Row) -> Iterator[int]:
    words = shingle_words(row.user_text)
    for word, following in zip(words, [*words[1:], ""], strict=True):
        yield hash((word, following))


def shingle_words(text: str) -> list[str]:
    """Return a text's words as the bands see them: without a mark of punctuation at either end."""
    words = []
    for word in normalised(text).split(" "):
        bare = word[1:] if word[:1] in PUNCTUATION else word
        words.append(bare[:-1] if bare[-1:] in PUNCTUATION else bare)
    return words
