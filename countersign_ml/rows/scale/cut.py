"""The first stage: each file is read once, hashed, and cut into chunks that any task can find.

A file that cannot be read at an offset (packed, Parquet, behind a URL) is written out as lines.
The last task reads the test files for the runs of words that training rows must not share.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

from countersign_ml.rows.gates import ngram_leakage
from countersign_ml.rows.kept.ngrams import TestNgrams
from countersign_ml.rows.read.chunk import Chunk
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.scale.plan import Plan, load, save


class Piece(NamedTuple):
    """One chunk: its first line, where its bytes lie, what they hash to, and unread lines."""

    first_line: int
    offset: int
    size: int
    check: int
    defects: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class FileCut:
    """One file's chunks, in order, the file they lie in, and what the original hashes to."""

    path: str
    digest: str
    pieces: tuple[Piece, ...]

    def source(self, plan: Plan, number: int) -> Source:
        """Return the file as one that can be read at an offset."""
        source = Source(self.path, plan.sources[number][1].where)
        source.digest = self.digest
        return source


def tasks(plan: Plan) -> int:
    """Return the number of tasks: the files, and the test rows' n-grams."""
    return len(plan.sources) + 1


def cut(plan: Plan, number: int) -> None:
    """Do one task of the stage."""
    if number == len(plan.sources):
        found = ngram_leakage.index_of(list(plan.sources), plan.rules)
        save(plan.place("ngrams.pickle"), found)
        return
    _, source = plan.sources[number]
    pieces = []
    if source.seekable:
        path = Path(source.path)
        pieces = [_piece(chunk, chunk.offset) for chunk in source.chunks()]
    else:
        path, offset = plan.place("lines", f"{number:05d}.jsonl"), 0
        with path.open("wb") as out:
            for chunk in source.chunks():
                out.write(chunk.data)
                pieces.append(_piece(chunk, offset))
                offset += len(chunk.data)
    save(_place(plan, number), FileCut(str(path), source.digest, tuple(pieces)))


def cut_of(plan: Plan, number: int) -> FileCut:
    """Return what came of one file."""
    found: FileCut = load(_place(plan, number))
    return found


def ngrams_of(plan: Plan) -> TestNgrams | None:
    """Return the runs of words of the test rows."""
    found: TestNgrams | None = load(plan.place("ngrams.pickle"))
    return found


def _place(plan: Plan, number: int) -> Path:
    return plan.place("cut", f"{number:05d}.pickle")


def _piece(chunk: Chunk, offset: int) -> Piece:
    size, check = len(chunk.data), xxh3_64_intdigest(chunk.data)
    return Piece(chunk.first_line, offset, size, check, chunk.defects)
