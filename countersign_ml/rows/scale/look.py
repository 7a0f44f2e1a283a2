"""The second stage: one shard of every file through the gates for single rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xxhash import xxh3_64_intdigest

from countersign_ml.rows import rows_sentences
from countersign_ml.rows.gating.all_gates import no_tallies
from countersign_ml.rows.gating.examine import examine
from countersign_ml.rows.gating.row_check import RowCheck
from countersign_ml.rows.gating.scan import begun, take
from countersign_ml.rows.kept.columns import Column
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.chunk import Chunk
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.read.tally import Tally
from countersign_ml.rows.scale.cut import Piece, cut_of, ngrams_of
from countersign_ml.rows.scale.exchange import names_of, put
from countersign_ml.rows.scale.plan import Plan, load, save
from policy.files.rules import DataGate


@dataclass
class Part:
    """What is known of one shard of one file, but for its columns, which lie beside."""

    table: Table
    tallies: dict[DataGate, Tally]


def look(plan: Plan, shard: int) -> None:
    """Do one task of the stage."""
    ngrams = ngrams_of(plan)
    index = None if ngrams is None else ngrams.index
    cuts = [cut_of(plan, number) for number in range(len(plan.sources))]
    check = RowCheck(plan.row_rules, index)
    for number, (found, (split, _)) in enumerate(zip(cuts, plan.sources, strict=True)):
        source = found.source(plan, number)
        table, tallies = begun(split, source, index), no_tallies()
        count = len(found.pieces)
        mine = found.pieces[count * shard // plan.shards : count * (shard + 1) // plan.shards]
        with source.open() as stored:
            for piece in mine:
                stored.seek(piece.offset)
                chunk = _chunk(source, piece, stored.read(piece.size))
                made = examine(check, source.where, chunk.first_line, chunk.data)
                take(table, tallies, chunk, made)
        put(plan, number, shard, table)
        for name in names_of(table):
            setattr(table, name, Column())
        save(_place(plan, number, shard), Part(table, tallies))


def part_of(plan: Plan, number: int, shard: int) -> Part:
    """Return what came of one shard of one file."""
    found: Part = load(_place(plan, number, shard))
    return found


def _place(plan: Plan, number: int, shard: int) -> Path:
    return plan.place("parts", f"{number:05d}-{shard:05d}.pickle")


def _chunk(source: Source, piece: Piece, data: bytes) -> Chunk:
    if xxh3_64_intdigest(data) != piece.check:
        raise rows_sentences.changed_while_read(source.where)
    return Chunk(piece.first_line, data, piece.offset, piece.defects)
