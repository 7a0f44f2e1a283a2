"""What each stage of the gates in parts costs: CPU and disk bytes per row, memory per task.

    python benchmarks/data_gates_scale.py [ROWS] [--shards 4]

Every task runs in a fresh process, one after the other, so that each has its own figures.
docs/data-at-scale.md computes the cost of a billion rows from them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.made_rows import SCHEMA, write_rows
from countersign_ml.rows.gating.all_gates import gate
from countersign_ml.rows.read.json_schemas import load_schema
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.scale.cut import cut, tasks
from countersign_ml.rows.scale.keep import keep
from countersign_ml.rows.scale.look import look
from countersign_ml.rows.scale.merge_parts import merge
from countersign_ml.rows.scale.plan import Plan
from policy.files.rules import DataRules

Cost = tuple[float, int]
"""CPU seconds and peak bytes of one task."""


def whole(plan: Plan, number: int) -> None:
    """All gates in one process, for comparison."""
    gate(list(plan.sources), plan.row_rules, plan.rules, workers=1)


def merged(plan: Plan, number: int) -> None:
    merge(plan)


def task(work: Callable[[Plan, int], None], plan: Plan, number: int) -> Cost:
    """Run one task in this fresh process."""
    before = time.process_time()
    work(plan, number)
    status = Path("/proc/self/status").read_text()  # `ru_maxrss` would include the parent's peak
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return time.process_time() - before, peak


def main() -> None:
    """Write the rows, run the stages, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="?", type=int, default=200_000)
    parser.add_argument("--shards", type=int, default=4)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "rows.jsonl"
        write_rows(path, words.rows)
        rules = DataRules(licences=("CC0-1.0",))
        schema = load_schema(json.dumps(SCHEMA), "output.schema.json")
        plan = Plan.of(
            folder / "exchange",
            [("train", Source(str(path), path.name))],
            RowRules.of(rules, output_schema=schema, schema_version=1),
            rules,
            shards=words.shards,
        )
        print(f"{words.rows:,} rows, {path.stat().st_size / words.rows:.0f} bytes each, ", end="")
        print(f"{words.shards} shards and partitions\n")
        print("| stage | tasks | CPU for a million rows | peak memory of a task |")
        print("|---|---|---|---|")
        spawn = multiprocessing.get_context("spawn")
        for name, work, count in (
            ("all gates in one process", whole, 1),
            ("cut", cut, tasks(plan)),
            ("look", look, plan.shards),
            ("keep", keep, plan.partitions),
            ("merge", merged, 1),
        ):
            costs = []
            for number in range(count):
                with spawn.Pool(1) as pool:
                    costs.append(pool.apply(task, (work, plan, number)))
            cpu = sum(cost[0] for cost in costs) / words.rows * 1e6
            peak = max(cost[1] for cost in costs)
            print(f"| {name} | {count} | {cpu:.1f} s | {peak / 1e6:,.0f} MB |", flush=True)
        print("\n| in the folder | bytes a row |\n|---|---|")
        for part in sorted(plan.folder.iterdir()):
            if part.is_dir():
                size = sum(each.stat().st_size for each in part.rglob("*") if each.is_file())
                print(f"| {part.name} | {size / words.rows:.1f} |")


if __name__ == "__main__":
    main()
