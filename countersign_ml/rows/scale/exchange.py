"""Columns on their way between tasks: as they stand, and sorted by the partition of their keys.

A file for each (table, shard, column) holds all partitions one after the other, so that a `keep`
task reads its own stretch of every file and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from countersign_ml.rows.kept.columns import I64, U64, Column
from countersign_ml.rows.kept.sketch import BANDS, MIN_WORDS
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.scale.plan import Plan

Keep = Literal["again", "elsewhere", "none"]
"""Which keys the merge must see: those that come again in any file, those that stand in two files,
or none because only their numbers are asked for."""


@dataclass(frozen=True)
class Sent:
    """How the keys of one column are exchanged."""

    keep: Keep
    counted: bool = False
    """Whether the merge asks how often each key is in a file."""


SENT: dict[str, Sent] = {
    "questions": Sent("again"),
    "loose": Sent("again"),
    "ids": Sent("again"),
    "groups": Sent("elsewhere", counted=True),
    "answers": Sent("none", counted=True),
    "prefixes": Sent("none", counted=True),
    "bands": Sent("again"),
}
"""The columns whose keys gates compare among all rows. What a gate asks of any other column is
answered from the column itself, one shard after the other."""


def names_of(table: Table) -> list[str]:
    """Return the names of a table's columns."""
    return [each.name for each in fields(table) if isinstance(getattr(table, each.name), Column)]


def figures_of(name: str) -> int:
    """Return how many figures a row has in a column."""
    return BANDS if name == "bands" else 1


def put(plan: Plan, number: int, shard: int, table: Table) -> None:
    """Write the columns of one shard of a table."""
    whole = {name: _whole(getattr(table, name)) for name in names_of(table)}
    if not table.grouped:  # rows of another shard may name groups
        whole["groups"] = np.zeros(table.length, dtype=np.uint64)
    for name, values in whole.items():
        if name != "bands":
            np.save(_stored(plan, number, shard, name), values)
    for name, sent in SENT.items():
        rows = np.arange(table.length)
        if name == "bands":
            rows = np.flatnonzero(whole["words"] >= MIN_WORDS)
        keys = whole[name].reshape(-1, figures_of(name))[rows]
        part = keys % keys.dtype.type(plan.partitions)
        order = np.argsort(part, axis=0, kind="stable")
        to = (number, shard, name)
        bounds = [
            np.searchsorted(part[order[:, each], each], np.arange(plan.partitions + 1))
            for each in range(figures_of(name))
        ]
        np.save(_place(plan, to, "bounds"), np.array(bounds))
        np.save(_place(plan, to, "keys"), np.take_along_axis(keys, order, axis=0).T.copy())
        if sent.keep != "none":
            np.save(_place(plan, to, "rows"), rows[order].astype(np.uint32).T.copy())


Address = tuple[int, int, str]
"""Table, shard and column."""


def sent_keys(plan: Plan, to: Address, figure: int, partition: int) -> U64:
    """Return the keys of one shard that fall into a partition, in one figure of the column."""
    return _stretch(plan, to, "keys", figure, partition).astype(np.uint64)


def sent_rows(plan: Plan, to: Address, figure: int, partition: int) -> I64:
    """Return the rows of these keys, counted from the shard's first, ascending."""
    return _stretch(plan, to, "rows", figure, partition).astype(np.int64)


def stored(plan: Plan, number: int, shard: int, name: str) -> NDArray[Any]:
    """Return a column of one shard row by row, as a map of its file."""
    found: NDArray[Any] = np.load(_stored(plan, number, shard, name), mmap_mode="r")
    return found


def _stored(plan: Plan, number: int, shard: int, name: str) -> Path:
    return plan.place("columns", name, f"{number:05d}-{shard:05d}.npy")


def _stretch(plan: Plan, to: Address, what: str, figure: int, partition: int) -> NDArray[Any]:
    low, high = np.load(_place(plan, to, "bounds"))[figure, partition : partition + 2]
    sent: NDArray[Any] = np.load(_place(plan, to, what), mmap_mode="r")
    return sent[figure, low:high]


def _place(plan: Plan, to: Address, what: str) -> Path:
    number, shard, name = to
    return plan.place("exchange", name, f"{number:05d}-{shard:05d}-{what}.npy")


def _whole(column: Column) -> NDArray[Any]:
    blocks = [block for _, block in column.blocks()]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.uint64)
