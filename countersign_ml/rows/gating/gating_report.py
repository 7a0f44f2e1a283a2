"""What `countersign data validate` prints: a table for people, one JSON object for programs."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from countersign_ml.pace import Pace
from countersign_ml.rows.gating.all_gates import GATES, Gated
from policy.errors import one_line
from policy.facts.evidence import GateFacts
from policy.files.rules import OF_TEST_ROWS, DataRules

SHOWN_FINDINGS = 10
EVERY_SECONDS = 0.2
PASSED, FAILED, ERRORED = "passed", "failed", "errored"
NOT_COUNTED = "not counted"
"""The outcome of a gate that decides nothing here: the run counts before training."""


def report(gated: Gated, rules: DataRules, *, whole: bool) -> dict[str, Any]:
    """Return the object that `--json` prints; with `whole` minimum rows are checked too."""
    facts = gated.facts
    gates: list[dict[str, Any]] = [
        {
            "gate": each.gate,
            "outcome": _outcome(each, allowed(each, gated, rules)),
            "count": each.count,
            "allowed": allowed(each, gated, rules),
            "findings": [found.model_dump() for found in each.findings],
        }
        | ({"not_run": each.not_run} if each.not_run else {})
        for each in facts.gates
    ]
    if whole:
        for split, least in (("train", rules.min_train_rows), ("test", rules.min_test_rows)):
            rows = facts.rows(split)
            outcome = PASSED if rows >= least else FAILED
            gates.append(
                {
                    "gate": f"{split} rows",
                    "outcome": outcome,
                    "count": rows,
                    "allowed": least,
                    "findings": [],
                }
            )
    passed = all(each["outcome"] == PASSED for each in gates)
    return {
        "outcome": PASSED if passed else FAILED,
        "rows": gated.rows,
        "files": [
            {
                "file": split.path,
                "split": split.split,
                "rows": split.rows,
                "digest": split.digest,
                "formats": list(gated.formats[split.path]),
            }
            for split in facts.splits
        ],
        "gates": gates,
    }


def _outcome(facts: GateFacts, limit: int) -> str:
    if facts.not_run:
        return ERRORED
    return PASSED if facts.count <= limit else FAILED


def allowed(facts: GateFacts, gated: Gated, rules: DataRules) -> int:
    """Return how many findings of a gate are allowed."""
    name = next(gate.name for gate in GATES if gate.name == facts.gate)
    looked_at = gated.facts.rows("test") if name in OF_TEST_ROWS else gated.rows
    return rules.allowed(name, looked_at)


def print_report(made: dict[str, Any], seconds: float) -> None:
    """Print the gates as a table, then the first findings and the remedy of each that failed."""
    console = Console(highlight=False)
    rate = made["rows"] / max(seconds, 1e-9)
    for file in made["files"]:
        kinds = ", ".join(file["formats"]) or "unknown"
        console.print(
            f"{file['file']}: {file['rows']:,} rows, format {kinds}", markup=False, soft_wrap=True
        )
    console.print(f"{made['rows']:,} rows in {seconds:.1f} s, {rate:,.0f} rows/s")
    table = Table("gate", "outcome", "found", "allowed", box=None, pad_edge=False)
    for gate in made["gates"]:
        colour = {PASSED: "green", NOT_COUNTED: "yellow"}.get(gate["outcome"], "red")
        figures = (f"{gate['count']:,}", f"{gate['allowed']:,}")
        table.add_row(gate["gate"], f"[{colour}]{gate['outcome']}[/{colour}]", *figures)
    console.print(table)
    for sentence in made.get("tokens", {}).get("sentences", ()):
        console.print(sentence, markup=False, soft_wrap=True)
    remedies = {gate.name: gate for gate in GATES}
    for gate in made["gates"]:
        for found in gate["findings"][:SHOWN_FINDINGS]:
            field = f" {found['field']}" if found["field"] else ""
            name = f" ({found['id']})" if found["id"] else ""
            line = f"{gate['gate']}: {found['file']}:{found['line']}{field}{name}: "
            console.print(one_line(f"  {line}{found['message']}"), markup=False, soft_wrap=True)
        if "not_run" in gate:
            console.print(f"  {gate['gate']}: {gate['not_run']}", markup=False, soft_wrap=True)
        left = gate["count"] - min(len(gate["findings"]), SHOWN_FINDINGS)
        if gate["findings"] and left > 0:
            more = f"  {gate['gate']}: {left:,} more; --json lists up to fifty"
            console.print(more, markup=False)
        if gate["outcome"] == FAILED and "remedy" in gate:
            console.print(f"  {gate['remedy']}", markup=False, soft_wrap=True)
        about = remedies.get(gate["gate"])
        if about is not None and gate["outcome"] == FAILED:
            line = f"  {about.name}: {about.reason}; {about.remedy}"
            console.print(line, markup=False, soft_wrap=True)


class PaceLine:
    """The pace of the pass over the rows, on one line; silent if stderr is not a terminal."""

    def __init__(self, quiet: bool) -> None:
        self._pace, self._told = Pace("checking rows"), time.monotonic()
        self._shown = not quiet and sys.stderr.isatty()

    def __call__(self, rows: int, done: int, total: int) -> None:
        """Show the progress of the pass."""
        now = time.monotonic()
        if not self._shown or now - self._told < EVERY_SECONDS:
            return
        self._told = now
        text, _ = self._pace.at(rows, done / total if total else 0.0)
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    def close(self) -> None:
        """Remove the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
