"""`countersign data sample`: a few rows to look at, the same for everyone with the seed."""

from __future__ import annotations

import argparse
import heapq
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import floor
from pathlib import Path
from typing import BinaryIO

from countersign_ml.rows.read.sample_lines import Line, local_source, read_lines, sound
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.statistics.stats_fields import field_value
from policy.errors import UserError

MAX_STRATA = 10_000


@dataclass(frozen=True)
class Chosen:
    """The lines of a sample, and how many rows of each value exist and were chosen."""

    lines: frozenset[int]
    rows: Mapping[str, int]
    quotas: Mapping[str, int]


def choose(lines: Iterator[Line], count: int, seed: int, field: str | None) -> Chosen:
    """Return the lines of the sample, `count` of them or all there are.

    A row is chosen by a hash of the seed and its own bytes, so that added rows replace as few
    others as possible. With `field` every value gets its share, and at least one row if there is
    room. Memory grows with `count` times the number of values, not with the rows.
    """
    heaps: dict[str, list[tuple[int, int]]] = {}
    rows: Counter[str] = Counter()
    for line, row in sound(lines, "nothing was sampled"):
        value = "" if field is None else (field_value(row, field) or "")
        rows[value] += 1
        heap = heaps.setdefault(value, [])
        if len(heaps) > MAX_STRATA:
            raise UserError.one(
                row.where, f"{field!r} has more than {MAX_STRATA:,} values", "use another field"
            )
        entry = (-_place(seed, line.raw), -line.number)
        if len(heap) < count:
            heapq.heappush(heap, entry)
        elif entry > heap[0]:
            heapq.heapreplace(heap, entry)
    quotas = shares(rows, min(count, rows.total()))
    numbers = {
        -number
        for value, heap in heaps.items()
        for _, number in heapq.nlargest(quotas[value], heap)
    }
    return Chosen(frozenset(numbers), rows, quotas)


def shares(rows: Mapping[str, int], count: int) -> dict[str, int]:
    """Divide `count` in proportion to the rows, at least one each if there is room."""
    total = sum(rows.values())
    ideal = {value: count * number / total for value, number in rows.items()}
    least = 1 if count >= len(rows) else 0
    given = {value: max(least, floor(wanted)) for value, wanted in ideal.items()}
    while sum(given.values()) > count:
        most = max(
            (value for value in given if given[value] > least),
            key=lambda value: (given[value] - ideal[value], value),
        )
        given[most] -= 1
    while sum(given.values()) < count:
        open_ = (value for value in given if given[value] < rows[value])
        given[max(open_, key=lambda value: (ideal[value] - given[value], value))] += 1
    return given


def write_lines(source: Source, chosen: frozenset[int], sink: BinaryIO) -> int:
    """Write the chosen lines unchanged and in order; return how many there were."""
    written = 0
    for line in read_lines(source):
        if line.number in chosen:
            sink.write(line.raw.removesuffix(b"\r") + b"\n")
            written += 1
    return written


def main(argv: list[str]) -> int:
    """Print a sample of a file's rows."""
    parser = argparse.ArgumentParser(
        prog="countersign data sample",
        description="Print N rows of a file, chosen by seed, in the file's order.",
    )
    parser.add_argument("file")
    parser.add_argument("-n", type=int, required=True, dest="count", metavar="N")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--stratify",
        metavar="FIELD",
        help="give each value of a metadata key, answer or answer.KEY its share",
    )
    parser.add_argument("--out", type=Path, help="write to this new file instead")
    words = parser.parse_args(argv)
    if words.count < 1:
        raise UserError.one("-n", f"{words.count} is not a number of rows", "give 1 or more")
    source = local_source(words.file)
    chosen = choose(read_lines(source), words.count, words.seed, words.stratify)
    total = sum(chosen.rows.values())
    if total < words.count:
        raise UserError.one(
            words.file, f"has {total:,} rows, fewer than {words.count:,}", "sample fewer rows"
        )
    if words.out is None:
        written = write_lines(source, chosen.lines, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        try:
            with words.out.open("xb") as sink:
                written = write_lines(source, chosen.lines, sink)
        except OSError as error:
            raise UserError.one(
                str(words.out), f"cannot be written: {error.strerror}", "name a new file"
            ) from error
    if written != words.count:
        raise UserError.one(words.file, "changed while it was read", "run it again")
    if words.stratify is not None:
        for value, number in sorted(chosen.quotas.items()):
            told = f"{words.stratify} {value or '(none)'!r}"
            print(f"{told}: {number:,} of {chosen.rows[value]:,} rows", file=sys.stderr)
    return 0


def _place(seed: int, raw: bytes) -> int:
    hashed = blake2b(f"countersign sample\0{seed}\0".encode() + raw, digest_size=8)
    return int.from_bytes(hashed.digest(), "big")
