"""All data gates over public text in seven shapes of rows, next to a plain pass and a peer.

    python benchmarks/gate_shapes.py --data FOLDER [--german FILE] [--rows 200000] [SHAPE ...]

The plain pass is `json.loads` and a SHA-256 of every line, in as many processes as the gates. The
peer, if it is installed, is `datasets` in one process: it loads the file and finds exact copies of
rows, and does nothing else. All run one after the other in one process tree each. CPU seconds of
all processes are compared, because they hardly depend on other work on the machine; wall times do.
What the files are: see `public_rows.py`. German is left out without a file of German text.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks.data_gates import library_part, plain
from benchmarks.public_rows import SHAPES, write_public
from benchmarks.watch import Watch, peak
from countersign_ml.rows.gating.all_gates import gate
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy.files.rules import DataRules


def gates(file: Path, workers: int) -> int:
    """Run all gates; return the rows."""
    sources = [("train", Source(str(file), file.name))]
    return gate(sources, RowRules.of(RULES), RULES, None, workers).rows


def peer(file: Path, workers: int) -> int:
    """Find exact copies with `datasets`, and nothing else."""
    import datasets

    datasets.disable_progress_bars()
    seen: set[int] = set()

    def again(row: dict[str, Any]) -> bool:
        size = len(seen)
        text = {key: value for key, value in row.items() if key != "id"}
        seen.add(hash(json.dumps(text, sort_keys=True)))
        return len(seen) > size

    with tempfile.TemporaryDirectory() as cache:
        rows = datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=cache)
        rows.filter(again, load_from_cache_file=False)
        return len(rows)


def library(file: Path, workers: int) -> int:
    """Read every line with the standard library and hash it; return the rows."""
    return plain(file, workers, library_part)


KINDS = {"library": library, "gates": gates, "peer": peer}


def run(kind: str, file: Path, workers: int) -> None:
    """Do one kind of work; print its rows, CPU seconds, wall seconds and peak memory as JSON."""
    with Watch() as watch:
        started, before = time.perf_counter(), time.process_time()
        rows = KINDS[kind](file, workers)
        wall = time.perf_counter() - started
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = time.process_time() - before + children.ru_utime + children.ru_stime + watch.living()
    memory = (peak("self") + sum(watch.peaks.values())) / 1000
    print(json.dumps({"rows": rows, "cpu": cpu, "wall": wall, "memory": memory}))


def measured(kind: str, file: Path, workers: int) -> dict[str, float] | None:
    """Run one kind in a process of its own; None if it cannot run."""
    words = [sys.executable, __file__, "--run", kind, str(file), str(workers)]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


RULES = DataRules()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"of {', '.join(SHAPES)}")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--german", type=Path, metavar="FILE")
    parser.add_argument("--rows", type=int, default=200_000)
    words = parser.parse_args()
    workers = len(os.sched_getaffinity(0))
    print(f"{words.rows:,} rows of each shape, {workers} processes; CPU in us a row\n")
    print(
        "| shape | bytes a row | plain pass, CPU | peer, CPU | all gates, CPU | times plain "
        "| wall, times plain | gates, rows/s | gates, MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for shape in words.shapes or [s for s in SHAPES if s != "german" or words.german]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{shape}.jsonl"
            write_public(shape, words.rows, file, words.data, words.german)
            size = file.stat().st_size / words.rows
            fast, gated, slow = (measured(kind, file, workers) for kind in KINDS)
        assert fast is not None
        assert gated is not None
        assert fast["rows"] == gated["rows"] == words.rows
        each = 1e6 / words.rows
        peers = f"{slow['cpu'] * each:.0f}" if slow is not None else "-"
        print(
            f"| {shape} | {size:,.0f} | {fast['cpu'] * each:.0f} | {peers} "
            f"| {gated['cpu'] * each:.0f} | {gated['cpu'] / fast['cpu']:.1f} "
            f"| {gated['wall'] / fast['wall']:.1f} | {words.rows / gated['wall']:,.0f} "
            f"| {gated['memory']:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
