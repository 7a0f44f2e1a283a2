"""Rows a second of all data gates, compared with a plain pass over the same file in the same run.

    python benchmarks/data_gates.py [ROWS ...] [--peers] [--keep FOLDER]

Writes ROWS (1,000,000) varied rows of 0.8 KB. Then it measures, in turn, a plain pass with the
standard library (`library`: json, a SHA-256 of each row and of the file), the fastest plain pass
(`plain`: msgspec into types, xxHash of each row, SHA-256 of the file) and all gates, each in one
process and in one per core. Further ROWS show that cost is linear; they are measured only in one
process per core. Other work on the machine slows all of them equally, so the ratios are more
reliable than the figures. For the same reason, CPU seconds are printed in addition to wall seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from xxhash import xxh3_64_intdigest

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks.made_rows import SCHEMA, write_rows
from benchmarks.watch import Watch, peak

Part = Callable[[Path, int, int, bool], int]


class Message(msgspec.Struct):
    """One turn, typed."""

    role: str
    content: str


class TypedRow(msgspec.Struct):
    """One row, typed."""

    id: str
    messages: list[Message]
    approved: bool


def plain(path: Path, workers: int, part: Part) -> int:
    """Read every line in several processes, each with a share of the bytes; the first hashes the
    file."""
    size = path.stat().st_size
    cuts = [size * number // workers for number in range(workers + 1)]
    if workers == 1:
        return part(path, 0, size, True)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        parts = [
            pool.submit(part, path, start, end, start == 0)
            for start, end in itertools.pairwise(cuts)
        ]
        return sum(part.result() for part in parts)


def typed_part(path: Path, start: int, end: int, whole: bool) -> int:
    """Decode the lines that begin in [start, end) into typed objects by msgspec and hash them by
    xxHash: the lower bound for every gate."""
    decode = msgspec.json.Decoder(TypedRow).decode
    seen, rows = array("Q"), 0
    for line in lines_between(path, start, end, whole):
        decode(line)
        seen.append(xxh3_64_intdigest(line))
        rows += 1
    return rows


def library_part(path: Path, start: int, end: int, whole: bool) -> int:
    """Parse the lines that begin in [start, end) by the standard library and hash them by SHA-256:
    a plain pass as most people would write it."""
    seen, rows = set(), 0
    for line in lines_between(path, start, end, whole):
        json.loads(line)
        seen.add(hashlib.sha256(line).digest())
        rows += 1
    return rows


def lines_between(path: Path, start: int, end: int, whole: bool) -> Iterator[bytes]:
    """Yield the lines that begin in [start, end); if `whole`, hash the file first."""
    sha = hashlib.sha256()
    with path.open("rb") as source:
        if whole:
            while block := source.read(1 << 20):
                sha.update(block)
        source.seek(max(0, start - 1))
        if start:
            source.readline()
        at = source.tell()
        for line in source:
            if at >= end:
                break
            yield line
            at += len(line)


def gates(path: Path, workers: int) -> tuple[int, dict[str, float], dict[str, int]]:
    """Run every gate with a contract; return rows, seconds by part, and what was counted."""
    from countersign_ml.rows.gating.all_gates import gate
    from countersign_ml.rows.read.json_schemas import load_schema
    from countersign_ml.rows.read.row_rules import RowRules
    from countersign_ml.rows.read.source import Source
    from policy.files.rules import DataRules

    rules = DataRules(licences=("CC0-1.0",))
    schema = load_schema(json.dumps(SCHEMA), "output.schema.json")
    row_rules = RowRules.of(rules, output_schema=schema, schema_version=1)
    found = gate([("train", Source(str(path), path.name))], row_rules, rules, workers=workers)
    return found.rows, found.seconds, {each.gate: each.count for each in found.facts.gates}


def parts(path: Path) -> dict[str, float]:
    """Return the CPU microseconds per row of each part of the row pass. Each piece counts with the
    minimum of several rounds, so that other work on the machine matters little."""

    from countersign_ml.rows.gating.batch import Batch
    from countersign_ml.rows.gating.examine import PIECE, examine
    from countersign_ml.rows.gating.quick_check import _matching
    from countersign_ml.rows.gating.row_check import RowCheck
    from countersign_ml.rows.kept.row_figures import Kept
    from countersign_ml.rows.read.json_schemas import load_schema
    from countersign_ml.rows.read.row_rules import RowRules
    from policy.files.rules import DataRules

    schema = load_schema(json.dumps(SCHEMA), "output.schema.json")
    rules = RowRules.of(DataRules(licences=("CC0-1.0",)), output_schema=schema, schema_version=1)
    check = RowCheck(rules)
    quick = check.quick
    with path.open("rb") as source:
        data = source.read(8 << 20)
    data = data[: data.rfind(b"\n") + 1]
    rows, pieces, at = data.count(b"\n"), [], 0
    while at < len(data):
        end = data.find(b"\n", at + PIECE) + 1 or len(data)
        pieces.append(data[at:end])
        at = end

    def least(work: Callable[[Any], object], again: Callable[[int], Any]) -> float:
        best = [float("inf")] * len(pieces)
        for _ in range(8):
            for number in range(len(pieces)):
                given = again(number)
                started = time.thread_time()
                work(given)
                best[number] = min(best[number], time.thread_time() - started)
        return 1e6 * sum(best) / rows

    def fresh(number: int) -> Batch:
        return Batch.of(pieces[number], 1, len(data))

    fields = rules.group_fields
    return {
        "examine, the whole": least(
            lambda piece: examine(check, "f", 2, piece), pieces.__getitem__
        ),
        "  decode": least(lambda piece: Batch.of(piece, 1, len(data)), pieces.__getitem__),
        "  row gates": least(quick.doubtful, fresh),
        "    contract": least(quick._contract, fresh),
        "    PII, secrets": least(lambda batch: _matching(batch, []), fresh),
        "  figures": least(lambda batch: batch.keep(fields, Kept()), fresh),
        "file digest": least(lambda piece: hashlib.sha256(piece).digest(), pieces.__getitem__),
    }


def python_peer(path: Path) -> int:
    """Do the same checks as most people would: json, jsonschema, a set of hashes, one process.

    Without near duplicates and personal data: each of these alone is slower than the rest.
    """
    from jsonschema import Draft202012Validator

    validator, seen, rows = Draft202012Validator(SCHEMA), set(), 0
    with path.open() as source:
        for line in source:
            value = json.loads(line)
            turns = value["messages"]
            assert all(turn["content"].strip() for turn in turns)
            assert value["approved"] is True
            assert value["licence"] == "CC0-1.0"
            validator.is_valid(json.loads(turns[-1]["content"]))
            seen.add(hashlib.blake2b(" ".join(turns[1]["content"].casefold().split()).encode()))
            rows += 1
    return rows


def datasketch_peer(path: Path) -> int:
    """Find only near duplicates, with datasketch: 60 permutations, pairs of words, one process."""
    from datasketch import MinHash, MinHashLSH

    index, rows = MinHashLSH(num_perm=60, params=(12, 5)), 0
    with path.open() as source:
        for line in source:
            words = json.loads(line)["messages"][1]["content"].casefold().split()
            sketch = MinHash(num_perm=60)
            sketch.update_batch([f"{a} {b}".encode() for a, b in itertools.pairwise(words)])
            index.query(sketch)
            index.insert(str(rows), sketch)
            rows += 1
    return rows


def main() -> None:
    """Write the rows, then measure each implementation in its own process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", type=int, default=[1_000_000])
    parser.add_argument(
        "--peers", action="store_true", help="also other libraries, on a tenth of the rows"
    )
    parser.add_argument("--keep", type=Path, help="a folder for the rows; they stay there")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.measure:
        measure(words.measure[0], Path(words.measure[1]))
        return
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as temporary:
        for number, rows in enumerate(words.rows):
            counts = [cores] if number else [1, cores]
            path = written(words.keep or Path(temporary), rows)
            print(
                f"\n{rows:,} rows, {path.stat().st_size / rows:.0f} bytes each, {cores} cores, "
                f"load {os.getloadavg()[0]:.1f}"
            )
            names = ("library", "plain", "gates")
            ways = [f"{name}-{count}" for count in counts for name in names]
            results = {way: told(way, run(way, path)) for way in ways}
            for count in counts:
                for name, what in itertools.product(("plain", "library"), ("wall", "cpu")):
                    ratio = results[f"gates-{count}"][what] / results[f"{name}-{count}"][what]
                    print(f"gates-{count} takes {ratio:.1f} x the {what} time of {name}-{count}")
            if words.peers and not number:
                small = written(words.keep or Path(temporary), rows // 10)
                for way in ("python", "datasketch"):
                    told(way, run(way, small))
            if not number:
                for part, each in parts(path).items():
                    print(f"{'':14}{part:24} {each:6.2f} us CPU a row")


def written(folder: Path, rows: int) -> Path:
    """Return the file with that many rows; write it if missing."""
    path = folder / f"rows-{rows}.jsonl"
    if not path.exists():
        write_rows(path, rows)
    return path


def told(way: str, found: dict[str, Any]) -> dict[str, Any]:
    """Print the figures of one implementation, and return them."""
    rows = found["rows"]
    print(
        f"{way:12} {rows / found['wall']:10,.0f} rows/s  {found['wall']:8.1f} s wall  "
        f"{found['cpu']:8.1f} s CPU  {1e6 * found['cpu'] / rows:6.2f} us CPU a row  "
        f"{found['memory'] / 1e6:7,.0f} MB",
        flush=True,
    )
    for part, seconds in found.get("seconds", {}).items():
        if seconds >= 0.005:
            print(f"{'':14}{part:18} {seconds:8.2f} s")
    if found.get("counts"):
        print(f"{'':14}found: { ({k: v for k, v in found['counts'].items() if v}) }", flush=True)
    return found


def run(way: str, path: Path) -> dict[str, Any]:
    """Measure one implementation in a fresh process, including its children."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", way, str(path)], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(way: str, path: Path) -> None:
    """Run one implementation and print its figures. Memory is the sum of the peaks of all
    processes; shared pages count in each."""
    found: dict[str, Any] = {}
    started = time.perf_counter()
    name, _, count = way.partition("-")
    workers = int(count or 0)
    with Watch() as watch:
        if name == "gates":
            rows, found["seconds"], found["counts"] = gates(path, workers)
        else:
            plainly = {"plain": typed_part, "library": library_part}
            others = {"python": python_peer, "datasketch": datasketch_peer}
            rows = plain(path, workers, plainly[name]) if workers else others[name](path)
        found |= {"rows": rows, "wall": time.perf_counter() - started}
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    found["cpu"] = sum(each.ru_utime + each.ru_stime for each in usages) + watch.living()
    found["memory"] = 1024 * (peak("self") + sum(watch.peaks.values()))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
