"""Columns of figures that may be larger than memory: kept in blocks, and on disk beyond a limit.

The gates over all rows need two answers: which keys repeat, and which keys of one column are in
another. Both are computed for one part of the keys at a time, so that what is sorted fits into
memory for any number of rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
MEMORY_LIMIT = 1 << 30
"""Bytes of figures that one column keeps in memory; the rest is in a temporary file."""
PART_ROWS = 1 << 24
"""Keys that are sorted at a time: at most 400 MB."""
_TABLE_BITS = 20
_EMPTY = np.zeros(0, dtype=np.int64)


@dataclass
class Column:
    """One growing column of fixed-size figures; every block has the first one's type and width."""

    limit: int = MEMORY_LIMIT
    length: int = 0
    _blocks: list[NDArray[Any]] = field(default_factory=list)
    _spilled: IO[bytes] | None = None
    _spilled_rows: int = 0
    _kept: int = 0

    def append(self, block: NDArray[Any]) -> None:
        """Add rows at the end."""
        if not len(block):
            return
        self.length += len(block)
        self._blocks.append(block)
        self._kept += block.nbytes
        if self._kept > self.limit:
            if self._spilled is None:
                self._spilled = cast("IO[bytes]", tempfile.TemporaryFile(prefix="countersign-"))  # noqa: SIM115 - lives as long as the column
            for kept in self._blocks:
                self._spilled.write(np.ascontiguousarray(kept).tobytes())
            self._spilled_rows = self.length
            self._shape, self._type = block.shape[1:], block.dtype
            self._blocks, self._kept = [], 0

    def blocks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield (first row, rows) from the first row to the last."""
        row = 0
        if self._spilled is not None:
            self._spilled.flush()
            stored = np.memmap(
                self._spilled, dtype=self._type, mode="r", shape=(self._spilled_rows, *self._shape)
            )
            step = 1 << 18
            for row in range(0, self._spilled_rows, step):
                yield row, stored[row : row + step]
            row = self._spilled_rows
        for block in self._blocks:
            yield row, block
            row += len(block)

    def parts(self) -> int:
        """Return into how many parts the keys must be divided for sorting."""
        return max(1, -(-self.length // PART_ROWS))

    def part(self, number: int, of: int, index: int | None = None) -> tuple[NDArray[Any], I64]:
        """Return the keys of one part, and their rows, in order of rows.

        `index` picks one figure if a row has several.
        """
        keys, rows = [], []
        for first, block in self.blocks():
            values = block if index is None else block[:, index]
            if of == 1:
                keys.append(values)
            else:
                chosen = np.flatnonzero(values % values.dtype.type(of) == number)
                keys.append(values[chosen])
                rows.append(chosen + first)
        if not keys:
            return _EMPTY.astype(np.uint64), _EMPTY
        return np.concatenate(keys), np.concatenate(rows) if rows else np.arange(self.length)

    def taken(self, rows: I64) -> NDArray[Any]:
        """Return the figures of some rows, given in ascending order."""
        found = []
        for first, block in self.blocks():
            low, high = np.searchsorted(rows, (first, first + len(block)))
            if high > low:
                found.append(np.asarray(block[rows[low:high] - first]))
        return np.concatenate(found) if found else _EMPTY

    def counts(self) -> Iterator[NDArray[np.int64]]:
        """Yield how often each key is in the column, one part of the keys at a time."""
        parts = self.parts()
        for number in range(parts):
            keys = np.sort(self.part(number, parts)[0])
            if len(keys):
                edges = np.flatnonzero(keys[1:] != keys[:-1]) + 1
                yield np.diff(np.concatenate(([0], edges, [len(keys)])))


def repeats(column: Column) -> tuple[I64, I64]:
    """Return the rows whose key an earlier row has, ascending, and the first row of each key."""
    later, first = [], []
    parts = column.parts()
    for number in range(parts):
        keys, rows = column.part(number, parts)
        likely = repeated(keys)
        keys, rows = keys[likely], rows[likely]
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        begins = np.ones(len(ordered), dtype=np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
        heads = np.flatnonzero(begins)
        again = np.flatnonzero(~begins)
        later.append(rows[order[again]])
        first.append(rows[order[heads[np.searchsorted(heads, again, side="right") - 1]]])
    return _sorted(later, first)


def repeated(keys: NDArray[Any]) -> I64:
    """Return the places, ascending, of all keys of 32 or 64 bits that repeat, and of few others.

    Sorting half of each key without its place takes a quarter of the time, and most keys are
    unique.
    """
    half = keys if keys.dtype == np.uint32 else (keys >> np.uint64(32)).astype(np.uint32)
    ordered = np.sort(half)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(again):
        return _EMPTY
    shift = np.uint32(32 - _TABLE_BITS)
    table = np.zeros(1 << _TABLE_BITS, dtype=np.bool_)
    table[again >> shift] = True
    at = np.flatnonzero(table[half >> shift])
    likely = half[at]
    found = np.minimum(np.searchsorted(again, likely), len(again) - 1)
    return cast(I64, at[again[found] == likely])


def found_in(column: Column, other: Column) -> tuple[I64, I64]:
    """Return the rows of `column` whose key is in `other`, and its first row there."""
    mine, theirs = [], []
    parts = max(column.parts(), other.parts())
    for number in range(parts):
        keys, rows = column.part(number, parts)
        known, places = other.part(number, parts)
        if not len(keys) or not len(known):
            continue
        order = np.argsort(known, kind="stable")
        ordered = known[order]
        at = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
        hit = np.flatnonzero(ordered[at] == keys)
        mine.append(rows[hit])
        theirs.append(places[order[at[hit]]])
    return _sorted(mine, theirs)


T = TypeVar("T", bound=np.generic)


def distinct(values: NDArray[T]) -> NDArray[T]:
    """Return the distinct values, ascending; sorting is many times faster than `np.unique` here."""
    ordered = np.sort(values)
    kept = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=kept[1:])
    return cast("NDArray[T]", ordered[kept])


def _sorted(rows: list[I64], others: list[I64]) -> tuple[I64, I64]:
    if not rows:
        return _EMPTY, _EMPTY
    first, second = np.concatenate(rows), np.concatenate(others)
    order = np.argsort(first, kind="stable")
    return first[order], second[order]
