"""All data gates over public text in seven shapes of rows, each compared with a plain pass.

    python benchmarks/gate_shapes.py --data FOLDER [--german FILE] [--rows 200000] [SHAPE ...]

The plain pass is `json.loads` and a SHA-256 of every line, in as many processes. Both run one after
the other, so other work on the machine slows both; the ratio says more than the rates. What the
files are: see `public_rows.py`. German is left out without a file of German text.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks.data_gates import library_part, plain
from benchmarks.public_rows import SHAPES, write_public
from countersign_ml.rows.gating.all_gates import gate
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy.files.rules import DataRules


def measured(file: Path, workers: int) -> tuple[float, float]:
    """Return the rows a second of the plain pass and of all gates."""
    started = time.perf_counter()
    rows = plain(file, workers, library_part)
    between = time.perf_counter()
    found = gate(
        [("train", Source(str(file), file.name))], RowRules.of(RULES), RULES, None, workers
    )
    ended = time.perf_counter()
    assert found.rows == rows
    return rows / (between - started), rows / (ended - between)


RULES = DataRules()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"of {', '.join(SHAPES)}")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--german", type=Path, metavar="FILE")
    parser.add_argument("--rows", type=int, default=200_000)
    words = parser.parse_args()
    workers = len(os.sched_getaffinity(0))
    print(f"{words.rows:,} rows of each shape, {workers} processes\n")
    print("| shape | bytes a row | plain pass, rows/s | all gates, rows/s | times the plain pass |")
    print("|---|---|---|---|---|")
    for shape in words.shapes or [s for s in SHAPES if s != "german" or words.german]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{shape}.jsonl"
            write_public(shape, words.rows, file, words.data, words.german)
            size = file.stat().st_size / words.rows
            fast, gated = measured(file, workers)
        print(
            f"| {shape} | {size:,.0f} | {fast:,.0f} | {gated:,.0f} | {fast / gated:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
