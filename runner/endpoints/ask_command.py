"""`countersign ask`: ask a model behind an endpoint the held-out rows, and score it."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from policy.errors import UserError
from policy.policy_sentences import figure
from runner.data_gates import gate_rows
from runner.endpoints.endpoint_evaluation import EndpointFacts, Questions, evaluate_endpoint
from runner.endpoints.endpoint_options import add_endpoint_options, endpoint_of
from runner.job import Options, open_job
from runner.tell import summary

PASSED, BLOCKED = 0, 1
SHOWN_PROBLEMS = 10


def ask(argv: list[str]) -> int:
    """Ask an endpoint MODEL's held-out rows and score the answers; the result is not evidence."""
    words = _parser().parse_args(argv)
    job = open_job(words.governed, Options(repo=words.repo, cache=words.cache, quiet=words.quiet))
    if words.constrained and job.folder.output_schema is None:
        raise UserError.one(
            "--constrained", "the contract has no output_schema", "leave it out, or add a schema"
        )
    rows = gate_rows(job.folder, job.policy.gates.data, "test", job.reporter.progress)
    questions = Questions(job.folder, tuple(rows), words.constrained)
    out = words.out or job.workspace / "ask" / "outputs-endpoint.jsonl"
    with job.reporter.stage("ask"):
        facts = evaluate_endpoint(
            questions,
            endpoint_of(words),
            out,
            job.cache,
            parallel=words.parallel,
            fresh=words.fresh,
            progress=lambda done, all_: job.reporter.progress(
                f"asking, row {done} of {all_}", done / all_
            ),
        )
    if words.json:
        summary.print_json({**facts.model_dump(mode="json"), "file": str(out)})
    else:
        _print(facts, out)
    return PASSED if facts.outcomes.get("answered") else BLOCKED


def _print(facts: EndpointFacts, out: Path) -> None:
    console = Console(highlight=False)
    console.print(facts.endpoint, markup=False)
    table = Table("metric", "endpoint", box=None, pad_edge=False)
    for metric in facts.metrics:
        table.add_row(metric.name, figure(metric))
    console.print(table)
    if facts.constrained:
        console.print("the answers were constrained to the contract's schema")
    counted = ", ".join(f"{count} {name}" for name, count in facts.outcomes.items())
    console.print(f"{sum(facts.outcomes.values())} rows: {counted}", markup=False)
    if facts.left_out:
        console.print(f"{facts.left_out} rows were left out; countersign validate lists them")
    for each in facts.problems[:SHOWN_PROBLEMS]:
        line = f"  {each.where} ({each.id}): {each.problem}"
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"answers: {out}", markup=False, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="countersign ask", description=ask.__doc__)
    parser.add_argument("governed", metavar="MODEL", help="the folder below models/")
    add_endpoint_options(parser)
    parser.add_argument(
        "--constrained", action="store_true", help="constrain the answers to the contract's schema"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the answers are written")
    parser.add_argument("--repo", type=Path, metavar="FOLDER", help="the governed repository")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="default: $COUNTERSIGN_CACHE")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--fresh", action="store_true", help="do not use kept results")
    parser.add_argument("--quiet", action="store_true", help="print no progress")
    return parser
