"""The gates on a Ray cluster of two nodes on this machine, next to one process: findings and costs.

    python benchmarks/data_gates_ray.py [ROWS | [SPLIT=]FILE ...]

Every run is in a fresh process. What the process of the command itself uses is the part that more
machines do not share; docs/data-at-scale.md says what follows from it.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.made_rows import write_rows
from countersign_ml.rows.gating.all_gates import ROW_PASS, gate
from countersign_ml.rows.gating.ray_cluster import connected
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy.files.rules import DataRules

Files = list[tuple[str, Source]]


class Cost(NamedTuple):
    """One run: its facts, and what the process that started it used."""

    facts: Any
    rows: int
    findings: int
    nodes: dict[str, int]
    seconds: float
    cpu: float
    main: float
    """CPU seconds of the main thread: what comes one after the other on any cluster."""
    whole_data: float
    """Seconds of the gates about all rows."""
    peak: int


def run(files: Files, address: str) -> Cost:
    """Gate the files in this fresh process: alone, or on the cluster at an address."""
    rules = DataRules()
    with connected(address) if address else nullcontext() as cluster:
        before = time.perf_counter(), time.process_time(), time.thread_time()
        workers = None if cluster else 1
        gated = gate(files, RowRules.of(rules), rules, None, workers, cluster)
        now = time.perf_counter(), time.process_time(), time.thread_time()
        nodes = dict(cluster.nodes) if cluster else {}
    seconds, cpu, main = (late - early for early, late in zip(before, now, strict=True))
    status = Path("/proc/self/status").read_text()  # `ru_maxrss` would include the parent's peak
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    found = sum(each.count for each in gated.facts.gates)
    after = sum(took for name, took in gated.seconds.items() if name != ROW_PASS)
    return Cost(gated.facts, gated.rows, found, nodes, seconds, cpu, main, after, peak)


def main() -> int:
    """Run both ways, print a table; exit code 1 if the findings differ."""
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory() as temporary:
        names = sys.argv[1:] or ["200000"]
        if names[0].isdigit():
            path = Path(temporary) / "rows.jsonl"
            write_rows(path, int(names[0]))
            names = [f"train={path}"]
        pairs = [name.rpartition("=") for name in names]
        files = [(split or "rows", Source(path, Path(path).name)) for split, _, path in pairs]
        node = {"num_cpus": 1, "object_store_memory": 80 << 20}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        cluster.add_node(**node)
        cluster.wait_for_nodes()
        spawn = multiprocessing.get_context("spawn")
        costs = []
        for address in ("", cluster.address):
            with spawn.Pool(1) as pool:
                costs.append(pool.apply(run, (files, address)))
        cluster.shutdown()
    alone, shared = costs
    print(f"{alone.rows:,} rows, {alone.findings:,} findings, chunks on each node: ", end="")
    print(", ".join(map(str, sorted(shared.nodes.values()))))
    print("\n| | one process | two nodes |\n|---|---|---|")
    print(f"| seconds | {alone.seconds:.1f} | {shared.seconds:.1f} |")
    print(f"| CPU of the command's process, seconds | {alone.cpu:.1f} | {shared.cpu:.1f} |")
    print(f"| of it, the main thread | {alone.main:.1f} | {shared.main:.1f} |")
    print(f"| gates about all rows, seconds | {alone.whole_data:.2f} | {shared.whole_data:.2f} |")
    print(f"| its peak memory, MB | {alone.peak / 1e6:,.0f} | {shared.peak / 1e6:,.0f} |")
    same = alone.facts == shared.facts
    print(f"\nThe findings are {'identical' if same else 'DIFFERENT'}.")
    return 0 if same and len(shared.nodes) > 1 else 1


if __name__ == "__main__":
    sys.exit(main())
