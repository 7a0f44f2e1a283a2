"""Rows a second of all data gates, beside a plain pass over the same file in the same run.

    python benchmarks/data_gates.py [ROWS ...] [--peers] [--keep FOLDER]

Writes ROWS (1,000,000) varied rows of 0.8 KB, then measures in turn a plain pass (msgspec decode, a
hash of each row, SHA-256 of the file: what no gate can be faster than), the same pass by the
standard library (json, SHA-256 of each row: `library`) and all gates, each in one process and in as
many as there are cores; of further ROWS, to show that cost is linear in them, only the latter. Other work on the machine slows all of them alike, so the ratios say more than the
figures; CPU seconds are given beside wall seconds for the same reason.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import json
import multiprocessing
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Event, Thread
from typing import Any

import msgspec
from xxhash import xxh3_64_intdigest

sys.path.insert(0, str(Path(__file__).parent.parent))
CATEGORIES, PRIORITIES = ("access", "billing", "fault", "returns"), ("low", "normal", "high")
MADE_ROWS = 1_000_000
PLANTED_EVERY = 1000
"""One row in so many is a near copy of an earlier one."""


def write_rows(path: Path, rows: int) -> None:
    """Write rows of about 0.8 KB: tickets of 40 to 75 words of 20,000, Zipf-like, with answers.

    A longer file begins with the rows of a shorter one. Beyond a million, the same rows come again
    with other ids and groups and with the letters of their questions exchanged, so that no question
    comes twice: that takes a tenth of the time.
    """
    if rows > MADE_ROWS:
        write_rows(path, MADE_ROWS)
        for first in range(MADE_ROWS, rows, MADE_ROWS):
            _add_exchanged(path, first, min(MADE_ROWS, rows - first))
        return
    rng = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(20_000)]
    weights = [1 / (rank + 20) for rank in range(len(words))]
    pool = rng.choices(words, weights, k=1 << 20)
    runs = [" ".join(pool[start : start + 5]) for start in range(len(pool) - 5)]
    products, question, summary, draw = words[100:160], "", "", rng.random
    system = "Triage the ticket. Reply in JSON: category, priority, product."
    with path.open("w") as out:
        for number in range(rows):
            if number % PLANTED_EVERY == PLANTED_EVERY - 1:
                question = question.replace(" ", " really ", 1)
            else:
                said = [runs[int(draw() * len(runs))] for _ in range(8 + int(draw() * 8))]
                summary = said[0].rpartition(" ")[0]
                question = f"{' '.join(said)} {number % 1000}."
            answer = (
                f'{{"category": "{CATEGORIES[int(draw() * 4)]}", '
                f'"priority": "{PRIORITIES[int(draw() * 3)]}", '
                f'"product": "{products[int(draw() * 60)]}", '
                f'"order_id": "P{10 + int(draw() * 90)}M{10 + int(draw() * 90)}", '
                f'"summary": "{summary}"}}'
            ).replace('"', '\\"')
            out.write(
                f'{{"id": "t-{number:08d}", "messages": ['
                f'{{"role": "system", "content": "{system}"}}, '
                f'{{"role": "user", "content": "{question}"}}, '
                f'{{"role": "assistant", "content": "{answer}"}}], '
                f'"approved": true, "source": "synthetic", "licence": "CC0-1.0", '
                f'"group": "c{number // 5}"}}\n'
            )


def _add_exchanged(path: Path, first: int, rows: int) -> None:
    letters = bytes(range(97, 123))
    by = first // MADE_ROWS * 5 % 26
    exchange = bytes.maketrans(letters, letters[by:] + letters[:by])
    mark, end = b'"role": "user", "content": "', b'"}, {"role": "assistant"'
    with path.open("rb") as source, path.open("ab") as out:
        for number, line in enumerate(itertools.islice(source, rows), first):
            head, _, rest = line.partition(mark)
            question, _, rest = rest.partition(end)
            head = head.replace(b"t-%08d" % (number - first), b"t-%08d" % number)
            rest = rest.replace(b'"c%d"' % ((number - first) // 5), b'"c%d"' % (number // 5))
            out.write(b"".join((head, mark, question.translate(exchange), end, rest)))


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
    """Read every line in so many processes, each of which takes a share of the bytes; the first
    hashes the file."""
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
    xxHash: what no gate can be faster than."""
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
    """Yield the lines that begin in [start, end); where `whole`, hash the file first."""
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


SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["category", "priority", "product", "order_id", "summary"],
    "properties": {
        "category": {"enum": ["access", "billing", "fault", "returns"]},
        "priority": {"enum": ["low", "normal", "high"]},
        "product": {"type": "string"},
        "order_id": {"type": "string", "pattern": "^[A-Z][0-9]{2}[A-Z][0-9]{2}$"},
        "summary": {"type": "string", "minLength": 5, "maxLength": 80},
    },
}


def gates(path: Path, workers: int) -> tuple[int, dict[str, float], dict[str, int]]:
    """Run every gate with a contract; return rows, seconds by part, and what was counted."""
    from dataset.gating import gate
    from dataset.json_schemas import load_schema
    from dataset.row_rules import RowRules
    from dataset.source import Source
    from policy.rules import DataRules

    rules = DataRules(licences=("CC0-1.0",))
    schema = load_schema(json.dumps(SCHEMA), "output.schema.json")
    row_rules = RowRules.of(rules, output_schema=schema, schema_version=1)
    found = gate([("train", Source(str(path), path.name))], row_rules, rules, workers=workers)
    return found.rows, found.seconds, {each.gate: each.count for each in found.facts.gates}


def parts(path: Path) -> dict[str, float]:
    """Return the CPU microseconds a row of each part of the row pass: of every piece the least of
    some rounds, so that other work on the machine counts as little as can be."""
    from dataset.examine import FAST_PIECE, examine
    from dataset.fast.rows import FastRows
    from dataset.figures import Kept
    from dataset.json_schemas import load_schema
    from dataset.quick_check import _matching
    from dataset.row_check import RowCheck
    from dataset.row_rules import RowRules
    from policy.rules import DataRules

    schema = load_schema(json.dumps(SCHEMA), "output.schema.json")
    rules = RowRules.of(DataRules(licences=("CC0-1.0",)), output_schema=schema, schema_version=1)
    check = RowCheck(rules, compiled=True)
    assert check.fast is not None
    quick, read = check.quick, check.fast
    with path.open("rb") as source:
        data = source.read(8 << 20)
    data = data[: data.rfind(b"\n") + 1]
    rows, pieces, at = data.count(b"\n"), [], 0
    while at < len(data):
        end = data.find(b"\n", at + FAST_PIECE) + 1 or len(data)
        pieces.append(data[at:end])
        at = end
    walked = [read(piece, 1) for piece in pieces]

    def least(work: Callable[[Any], object], again: Callable[[int], Any]) -> float:
        best = [float("inf")] * len(pieces)
        for _ in range(8):
            for number in range(len(pieces)):
                given = again(number)
                started = time.thread_time()
                work(given)
                best[number] = min(best[number], time.thread_time() - started)
        return 1e6 * sum(best) / rows

    def fresh(number: int) -> FastRows:
        batch = walked[number]
        assert batch is not None
        return FastRows(batch.data, batch.first_line, batch.names, batch.walked)

    fields = rules.group_fields
    return {
        "examine, the whole": least(
            lambda piece: examine(check, "f", 2, piece), pieces.__getitem__
        ),
        "  walk": least(lambda piece: read(piece, 1), pieces.__getitem__),
        "  row gates": least(quick.doubtful, fresh),
        "    contract": least(quick._contract, fresh),
        "    PII, secrets": least(lambda batch: _matching(batch, []), fresh),
        "  figures": least(lambda batch: batch.keep(fields, Kept(), summed=False), fresh),
        "file digest": least(lambda piece: hashlib.sha256(piece).digest(), pieces.__getitem__),
    }


def python_peer(path: Path) -> int:
    """Check the same, as most people do: json, jsonschema, a set of hashes, one process.

    No near duplicates, no personal data: each of these alone is slower than all that is here.
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
    """Find near duplicates alone with datasketch: 60 permutations, pairs of words, one process."""
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
    """Write the rows, then measure each way in a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", type=int, default=[1_000_000])
    parser.add_argument("--peers", action="store_true", help="also a tenth of the rows by others")
    parser.add_argument("--keep", type=Path, help="a folder for the rows; they are left there")
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
    """Return the file of so many rows, made where it is not there."""
    path = folder / f"rows-{rows}.jsonl"
    if not path.exists():
        write_rows(path, rows)
    return path


def told(way: str, found: dict[str, Any]) -> dict[str, Any]:
    """Print what one way took, and return it."""
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
    """Measure one way in a fresh process, its children included."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", way, str(path)], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(way: str, path: Path) -> None:
    """Do it one way and print what it took. Memory: the peaks of all processes, added up, pages
    that they share counted in each."""
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


class Watch(Thread):
    """Looks every tenth of a second how much memory the processes beneath this one have taken."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peaks: dict[int, int] = {}
        self._over = Event()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Look until it is over."""
        while not self._over.wait(0.1):
            for process in beneath(os.getpid()):
                with contextlib.suppress(OSError, IndexError):
                    self.peaks[process] = peak(str(process))

    @staticmethod
    def living() -> float:
        """Return the CPU seconds of children that are still there, and of those these waited for:
        the process that others were forked from is one."""
        ticks = 0
        for process in beneath(os.getpid()):
            with contextlib.suppress(OSError):
                said = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, said[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")


def beneath(process: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *beneath(child)]
    return found


def peak(process: str) -> int:
    """Return the most kilobytes that a process has held."""
    return int(Path(f"/proc/{process}/status").read_text().split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    main()
