"""The last stage: the questions about all rows, asked by the gates themselves of what was kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from countersign_ml.rows.gating.all_gates import Gated, count_all, mixed, no_tallies
from countersign_ml.rows.gating.scan import begun
from countersign_ml.rows.kept.columns import I64, PART_ROWS, U64, Column
from countersign_ml.rows.scale.cut import cut_of, ngrams_of
from countersign_ml.rows.scale.exchange import SENT, names_of, stored
from countersign_ml.rows.scale.keep import bases_of, counted, kept, size_of
from countersign_ml.rows.scale.look import part_of
from countersign_ml.rows.scale.plan import Plan

COUNTS = 1 << 20
"""Counts that are written out at a time."""


def merge(plan: Plan) -> Gated:
    """Return what `countersign_ml.rows.gating.all_gates.gate` would return, but for the seconds."""
    ngrams = ngrams_of(plan)
    tables, tallies = [], no_tallies()
    for number, (split, _) in enumerate(plan.sources):
        source = cut_of(plan, number).source(plan, number)
        table = begun(split, source, None if ngrams is None else ngrams.index)
        for shard in range(plan.shards):
            part = part_of(plan, number, shard)
            table.join(part.table)
            for gate, tally in part.tallies.items():
                tallies[gate].join(tally)
        bases = bases_of(plan, number)
        for name in names_of(table):
            setattr(table, name, Kept(plan, number, name, bases))
        mixed(table, tallies)
        tables.append(table)
    return count_all(tables, ngrams, plan.rules, tallies, {})


class Kept(Column):
    """A column whose keys were sifted: row by row it lies on disk, its keys are those kept."""

    def __init__(self, plan: Plan, number: int, name: str, bases: list[int]) -> None:
        super().__init__(length=bases[-1])
        self.plan, self.number, self.name, self.bases = plan, number, name, bases
        sent = SENT.get(name)
        self.sifted = sent is not None and sent.keep != "none"
        self.counted = sent is not None and sent.counted

    def blocks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield (first row, rows), a shard at a time."""
        for shard in range(self.plan.shards):
            yield self.bases[shard], stored(self.plan, self.number, shard, self.name)

    def parts(self) -> int:
        """Return into how many parts the keys have to be cut to be sorted."""
        if not self.sifted:
            return super().parts()
        return max(1, -(-size_of(self.plan, self.number, self.name) // PART_ROWS))

    def part(self, number: int, of: int, index: int | None = None) -> tuple[U64, I64]:
        """Return the kept keys that fall into one part, and their rows, in order of rows."""
        if not self.sifted:
            return super().part(number, of, index)
        keys, rows = kept(self.plan, self.number, self.name, index or 0)
        if of == 1:
            return keys, rows
        chosen = keys % np.uint64(of) == number
        return keys[chosen], rows[chosen]

    def counts(self) -> Iterator[I64]:
        """Yield how often each key is in the column."""
        if not self.counted:
            yield from super().counts()
            return
        for often, keys in zip(*counted(self.plan, self.number, self.name), strict=True):
            for start in range(0, int(keys), COUNTS):
                yield np.full(min(COUNTS, int(keys) - start), often, dtype=np.int64)
