"""Rows a second of all data gates, beside a plain pass over the same file in the same run.

    python benchmarks/data_gates.py [ROWS] [--peers] [--keep FOLDER]

Writes ROWS (1,000,000) varied rows of 0.8 KB, then measures in turn: a plain pass (msgspec decode
and SHA-256, one process: what no gate can be faster than), all gates in one process, and all gates
in as many as there are cores. Other work on the machine slows all of them alike, so the ratios say
more than the figures; CPU seconds are given beside wall seconds for the same reason.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))
PLANTED_EVERY = 1000
"""One row in so many is a near copy of an earlier one."""


def write_rows(path: Path, rows: int) -> None:
    """Write rows of about 0.8 KB: tickets of 40 to 75 words of 20,000, Zipf-like, with answers."""
    rng = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(20_000)]
    weights = [1 / (rank + 20) for rank in range(len(words))]
    pool = rng.choices(words, weights, k=1 << 20)
    products, question = words[100:160], ""
    with path.open("w") as out:
        for number in range(rows):
            if number % PLANTED_EVERY == PLANTED_EVERY - 1:
                question = question.replace(" ", " really ", 1)
            else:
                parts = []
                for _ in range(rng.randint(8, 15)):
                    start = rng.randrange(len(pool) - 5)
                    parts += pool[start : start + 5]
                question = f"{' '.join(parts)} {number % 1000}."
            answer = {
                "category": rng.choice(("access", "billing", "fault", "returns")),
                "priority": rng.choice(("low", "normal", "high")),
                "product": rng.choice(products),
                "order_id": f"P{rng.randint(10, 99)}M{rng.randint(10, 99)}",
                "summary": " ".join(parts[:4]),
            }
            turns = [
                ("system", "Triage the ticket. Reply in JSON: category, priority, product."),
                ("user", question),
                ("assistant", json.dumps(answer)),
            ]
            value = {
                "id": f"t-{number:08d}",
                "messages": [{"role": role, "content": content} for role, content in turns],
                "approved": True,
                "source": "synthetic",
                "licence": "CC0-1.0",
                "group": f"c{number // 5}",
            }
            out.write(json.dumps(value) + "\n")


class Message(msgspec.Struct):
    """One turn, typed."""

    role: str
    content: str


class TypedRow(msgspec.Struct):
    """One row, typed."""

    id: str
    messages: list[Message]
    approved: bool


def plain(path: Path) -> int:
    """Decode every line into typed objects and hash the file: the least that can be done."""
    decode, sha, rows = msgspec.json.Decoder(TypedRow).decode, hashlib.sha256(), 0
    with path.open("rb") as source:
        for line in source:
            sha.update(line)
            decode(line)
            rows += 1
    return rows


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
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--peers", action="store_true", help="also a tenth of the rows by others")
    parser.add_argument("--keep", type=Path, help="a folder for the rows; they are left there")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.measure:
        measure(words.measure[0], Path(words.measure[1]))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = words.keep or Path(temporary)
        path = folder / f"rows-{words.rows}.jsonl"
        if not path.exists():
            write_rows(path, words.rows)
        size = path.stat().st_size
        print(f"{words.rows:,} rows, {size / words.rows:.0f} bytes each, {os.cpu_count()} cores")
        ways = ["plain", "gates-1", f"gates-{os.cpu_count()}"]
        results = {way: run(way, path) for way in ways}
        if words.peers:
            small = folder / f"rows-{words.rows // 10}.jsonl"
            if not small.exists():
                write_rows(small, words.rows // 10)
            for way in ("python", "datasketch"):
                results[way] = run(way, small)
        least = results["plain"]["wall"] / results["plain"]["rows"]
        for way, found in results.items():
            each = found["wall"] / found["rows"]
            print(
                f"{way:12} {1 / each:10,.0f} rows/s  {each / least:6.2f} x plain  "
                f"{found['wall']:8.1f} s wall  {found['cpu']:8.1f} s CPU  "
                f"{found['memory'] / 1e6:7,.0f} MB"
            )
            for part, seconds in found.get("seconds", {}).items():
                if seconds >= 0.005:
                    print(f"{'':14}{part:18} {seconds:8.2f} s")
            if found.get("counts"):
                print(f"{'':14}found: { ({k: v for k, v in found['counts'].items() if v}) }")


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
    """Do it one way and print what it took. Memory: this process's peak and all its children's."""
    found: dict[str, Any] = {}
    started = time.perf_counter()
    if way.startswith("gates-"):
        rows, found["seconds"], found["counts"] = gates(path, int(way.removeprefix("gates-")))
    else:
        ways = {"plain": plain, "python": python_peer, "datasketch": datasketch_peer}
        rows = ways[way](path)
    found |= {"rows": rows, "wall": time.perf_counter() - started}
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    found["cpu"] = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    workers = int(way.removeprefix("gates-")) if way.startswith("gates-") else 0
    found["memory"] = 1024 * (own.ru_maxrss + (workers if workers > 1 else 0) * children.ru_maxrss)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
