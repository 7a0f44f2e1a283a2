"""The third stage: of one partition's keys, those that the merge must see.

A key that stands alone among all rows is no duplicate of any and no leak, so the merge never sees
it; how often keys stand in a file is sent on as a count of counts.
"""

from __future__ import annotations

import threading
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from countersign_ml.rows.kept.columns import I64, U64, distinct
from countersign_ml.rows.scale.exchange import SENT, Sent, figures_of, sent_keys, sent_rows, stored
from countersign_ml.rows.scale.plan import Plan

Flags = NDArray[np.bool_]


def keep(plan: Plan, partition: int) -> None:
    """Do one task of the stage."""
    bases = [bases_of(plan, number) for number in range(len(plan.sources))]
    for name, sent in SENT.items():
        found = [
            _kept(plan, partition, (name, figure), sent, bases)
            for figure in range(figures_of(name))
        ]
        for number in range(len(plan.sources)):
            to = (partition, number, name)
            if sent.counted:
                np.save(_place(plan, to, "counts"), _how_often(plan, to))
            if sent.keep != "none":
                keys = [tables[number][0] for tables in found]
                np.save(_place(plan, to, "ends"), np.cumsum([0, *map(len, keys)]))
                np.save(_place(plan, to, "keys"), np.concatenate(keys))
                rows = [tables[number][1] for tables in found]
                np.save(_place(plan, to, "rows"), np.concatenate(rows))


def bases_of(plan: Plan, number: int) -> list[int]:
    """Return the row at which each shard of a file begins, and the number of its rows."""
    lengths = [len(stored(plan, number, shard, "lines")) for shard in range(plan.shards)]
    return [0, *accumulate(lengths)]


_reading = threading.Lock()
"""numpy reads the header of a file by `ast.literal_eval`, which is not safe in several threads of
Python 3.11 (python/cpython#106905)."""


def kept(plan: Plan, number: int, name: str, figure: int) -> tuple[U64, I64]:
    """Return the keys of a file that the merge must see, and their rows, ascending."""
    keys, rows = [], []
    for partition in range(plan.partitions):
        to = (partition, number, name)
        with _reading:
            low, high = np.load(_place(plan, to, "ends"))[figure : figure + 2]
            keys.append(np.load(_place(plan, to, "keys"), mmap_mode="r")[low:high])
            rows.append(np.load(_place(plan, to, "rows"), mmap_mode="r")[low:high])
    every = np.concatenate(rows)
    order = np.argsort(every, kind="stable")
    return np.concatenate(keys)[order], every[order]


def size_of(plan: Plan, number: int, name: str) -> int:
    """Return the largest number of keys that `kept` returns of a file's column."""
    sizes = [
        np.diff(np.load(_place(plan, (partition, number, name), "ends")))
        for partition in range(plan.partitions)
    ]
    return int(np.sum(sizes, axis=0).max())


def counted(plan: Plan, number: int, name: str) -> tuple[I64, I64]:
    """Return how often keys stand in a file, and how many keys stand so often."""
    found = [
        np.load(_place(plan, (partition, number, name), "counts"))
        for partition in range(plan.partitions)
    ]
    both = np.concatenate(found, axis=1)
    return both[0], both[1]


To = tuple[int, int, str]
"""Partition, table and column."""


def _kept(
    plan: Plan, partition: int, column: tuple[str, int], sent: Sent, bases: list[list[int]]
) -> list[tuple[U64, I64]]:
    """Return, for each file, the keys in one figure that the merge must see, and their rows."""
    if sent.keep == "none":
        return []
    name, figure = column
    keys, rows = [], []
    for number, starts in enumerate(bases):
        to = [(number, shard, name) for shard in range(plan.shards)]
        keys.append(np.concatenate([sent_keys(plan, each, figure, partition) for each in to]))
        found = [
            sent_rows(plan, each, figure, partition) + start
            for each, start in zip(to, starts, strict=False)
        ]
        rows.append(np.concatenate(found))
    flags = _again(keys) if sent.keep == "again" else _elsewhere(keys)
    return [
        (some[chosen], where[chosen]) for some, where, chosen in zip(keys, rows, flags, strict=True)
    ]


def _how_often(plan: Plan, to: To) -> I64:
    """Return how often the keys of a file stand there, and how many do: shape (2, counts)."""
    partition, number, name = to
    sent = [sent_keys(plan, (number, each, name), 0, partition) for each in range(plan.shards)]
    return np.stack(np.unique(_counts(np.concatenate(sent)), return_counts=True))


def _counts(keys: U64) -> I64:
    ordered = np.sort(keys)
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    bounds = np.concatenate(([0], edges, [len(keys)])) if len(keys) else np.zeros(1, np.int64)
    return np.diff(bounds).astype(np.int64)


def _again(keys: list[U64]) -> list[Flags]:
    """Return which keys stand twice or more, in one file or in several."""
    every = np.concatenate(keys)
    order = np.argsort(every, kind="stable")
    ordered = every[order]
    same = np.zeros(len(every) + 1, dtype=np.bool_)
    np.equal(ordered[1:], ordered[:-1], out=same[1:-1])
    flags = np.empty(len(every), dtype=np.bool_)
    flags[order] = same[1:] | same[:-1]
    ends = np.cumsum([0, *map(len, keys)])
    return [flags[low:high] for low, high in pairwise(ends)]


def _elsewhere(keys: list[U64]) -> list[Flags]:
    """Return which keys stand in more than one file."""
    every = np.sort(np.concatenate([distinct(each) for each in keys]))
    shared = distinct(every[1:][every[1:] == every[:-1]])
    return [np.isin(each, shared) for each in keys]


def _place(plan: Plan, to: To, what: str) -> Path:
    partition, number, name = to
    return plan.place("kept", name, f"{number:05d}-{partition:05d}-{what}.npy")
