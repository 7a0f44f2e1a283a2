"""`countersign data validate`: the data gates over a model, or over any file of rows."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from dataset import messages
from dataset.gating import gate
from dataset.model_data import POLICY, find_repository, load_model_data, load_rules
from dataset.report import PASSED, Pace, print_report, report
from dataset.row_rules import RowRules
from dataset.source import Source
from policy.rules import DataRules


def main(argv: list[str]) -> int:
    """Run the data gates; 0 where they hold, 1 where one does not."""
    parser = argparse.ArgumentParser(
        prog="countersign data validate",
        description="Run every data gate over a model's splits, or over one file of rows "
        "(.jsonl, .jsonl.gz, .jsonl.zst, .parquet; a path or an fsspec URL).",
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help="the folder below models/")
    parser.add_argument("--file", metavar="FILE", help="a file of rows, under the default policy")
    parser.add_argument("--sha256", metavar="HEX", help="the digest that FILE must have")
    parser.add_argument("--repo", type=Path, metavar="FOLDER", help="the governed repository")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="default: policy/policy.yml")
    parser.add_argument("--workers", type=int, metavar="N", help="processes; default: what pays")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quiet", action="store_true", help="print no progress")
    words = parser.parse_args(argv)
    if (words.model is None) == (words.file is None):
        raise messages.one_of_both()
    if words.file is not None:
        rules = DataRules() if words.policy is None else load_rules(words.policy)
        rows = RowRules.of(rules)
        sources = [("rows", Source(words.file, words.file, words.sha256))]
    else:
        repo = find_repository(words.repo)
        rules = load_rules(words.policy or repo / POLICY)
        model = load_model_data(repo, words.model)
        rows, sources = model.row_rules(rules), model.sources
    pace, started = Pace(words.quiet or words.json), time.perf_counter()
    try:
        gated = gate(sources, rows, rules, pace, words.workers)
    finally:
        pace.close()
    made = report(gated, rules, whole=words.model is not None)
    if words.json:
        json.dump(made, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        print_report(made, time.perf_counter() - started)
    return 0 if made["outcome"] == PASSED else 1
