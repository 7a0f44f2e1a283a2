"""`countersign data validate`: the data gates over a model, or over any file of rows."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

from countersign_ml.git import find_repository
from countersign_ml.rows.gating.all_gates import gate
from countersign_ml.rows.gating.gating_report import PASSED, PaceLine, print_report, report
from countersign_ml.rows.gating.ray_cluster import connected
from countersign_ml.rows.gating.rejected import refuse_existing, write_rejected
from countersign_ml.rows.governed.caches import cache_folder
from countersign_ml.rows.governed.governed_model import load_governed, load_policy
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.tools.truncation import add_truncation
from policy.errors import UserError
from policy.files.rules import DataRules
from policy.governed import POLICY_FILE

SPLITS = ("train", "validation", "test")


def main(argv: list[str]) -> int:
    """Run the data gates; exit code 0 if all pass, 1 if one fails."""
    words = _parser().parse_args(argv)
    if (words.model is None) == (words.file is None):
        raise UserError.one(
            "countersign data validate", "takes either a MODEL or --file", "name one of them"
        )
    if words.rejected is not None:
        refuse_existing(words.rejected)
    if words.file is not None:
        rules = DataRules() if words.policy is None else load_policy(words.policy).gates.data
        rows = RowRules.of(rules)
        sources = _files(words.file, words.sha256)
    else:
        repo = find_repository(words.repo)
        found, policy = load_governed(repo, words.model, words.policy or repo / POLICY_FILE)
        rules = policy.gates.data
        model = found.with_data(cache_folder(), rules.places)
        rows, sources = model.row_rules(rules), model.sources()
    whole, started = words.model is not None, time.perf_counter()
    with ExitStack() as stack:
        cluster = None if words.ray is None else stack.enter_context(connected(words.ray))
        pace = stack.enter_context(closing(PaceLine(words.quiet or words.json)))
        gated = gate(sources, rows, rules, pace, words.workers, cluster)
    made = report(gated, rules, whole=whole)
    if cluster is not None and not (words.quiet or words.json):
        print(f"machines that examined rows: {len(cluster.nodes)}", file=sys.stderr)
    if words.model is not None:
        add_truncation(made, model, policy, words.tokenizer)
    if words.rejected is not None:
        digests = [file["digest"] for file in made["files"]]
        files = [source for _, source in sources]
        count = write_rejected(files, digests, rows, words.rejected)
        made["rejected"] = {"file": str(words.rejected), "rows": count}
        print(_rejected_written(words.rejected, count), file=sys.stderr)
    if words.json:
        json.dump(made, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        print_report(made, time.perf_counter() - started)
    return 0 if made["outcome"] == PASSED else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="countersign data validate",
        description="Run every data gate over a model's splits, or over one file of rows "
        "(.jsonl, .jsonl.gz, .jsonl.zst, .parquet; a path or an fsspec URL).",
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help="the folder below models/")
    parser.add_argument(
        "--file",
        action="append",
        metavar="[SPLIT=]FILE",
        help="a file of rows, under the default policy; train=A and test=B are compared",
    )
    parser.add_argument("--sha256", metavar="HEX", help="the digest that FILE must have")
    parser.add_argument("--repo", type=Path, metavar="FOLDER", help="the governed repository")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="default: policy/policy.yml")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, metavar="N", help="processes; default: by file size")
    where.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="examine the rows on the machines of a running Ray cluster; the findings are the same",
    )
    parser.add_argument(
        "--rejected",
        type=Path,
        metavar="FILE",
        help="write the rows that are not trained on, with the reasons, to this new file",
    )
    parser.add_argument(
        "--tokenizer",
        type=Path,
        metavar="FILE",
        help="the base model's tokenizer.json, to count a MODEL's tokens; default: the one on this "
        "machine; without it tokens are not counted",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quiet", action="store_true", help="print no progress")
    return parser


def _files(given: list[str], sha256: str | None) -> list[tuple[str, Source]]:
    """Return (split, file) pairs, training rows first; a file without a split gets `rows`."""
    if sha256 is not None and len(given) > 1:
        raise UserError.one("--sha256", "applies to one file, but several are named", "name one")
    found = []
    for name in given:
        split, equals, path = name.partition("=")
        if not equals or split not in SPLITS:
            split, path = "rows", name
        found.append((split, Source(path, path, sha256)))
    names = [split for split, _ in found]
    if len(set(names)) < len(names):
        raise UserError.one(
            "--file", "one split has two files", "name each of train, validation and test once"
        )
    return sorted(found, key=lambda each: each[0] != "train")


def _rejected_written(target: Path, rows: int) -> str:
    return (
        f"{rows:,} rejected rows written to {target}. They are unchanged, with any personal data "
        "and secrets: keep the file where the rows may be kept, and delete it afterwards"
    )
