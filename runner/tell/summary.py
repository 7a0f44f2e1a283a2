"""The output of a finished command: tables for people, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from countersign_ml.rows.governed.governed_model import GovernedModel
from policy import verdict_text
from policy.errors import one_line
from policy.facts.evidence import Evidence, Metric
from policy.policy_sentences import figure
from policy.verdict import Finding, Outcome
from runner.data_gates import GatedData

SHOWN_FINDINGS = 10
SUBJECTS = ("base", "incumbent", "merged", "candidate")


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on stdout, and nothing else."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def validation(folder: GovernedModel, gated: GatedData, verdict: Finding) -> dict[str, Any]:
    """Return what `validate --json` prints for one model."""
    outcomes = {leaf.name: leaf for leaf in verdict.parts}
    counted = {facts.gate: facts for facts in gated.facts.gates}
    gates: list[dict[str, Any]] = [
        {
            "gate": gate,
            "outcome": (outcomes[gate].outcome if gate in outcomes else Outcome.PASSED).value,
            "count": counted[gate].count,
            "findings": [found.model_dump() for found in counted[gate].findings],
        }
        for gate in counted
    ]
    for leaf in verdict.parts:
        if leaf.name not in counted:
            gates.append(
                {"gate": leaf.name, "outcome": leaf.outcome.value, "count": 0, "findings": []}
            )
    return {
        "model": folder.name,
        "proposal": folder.proposal.digest,
        "outcome": verdict.outcome.value,
        "rows": {part.split: part.rows for part in gated.facts.splits},
        "formats": {file: list(kinds) for file, kinds in gated.formats.items()},
        "gates": gates,
    }


def print_validation(folder: GovernedModel, gated: GatedData, verdict: Finding) -> None:
    """Print the gates of one model as a table, then the first findings of each."""
    console = Console(highlight=False)
    rows = ", ".join(f"{part.rows} {part.split}" for part in gated.facts.splits)
    kinds = sorted({kind for file in gated.formats.values() for kind in file})
    console.print(f"{folder.name}: {rows} rows, format {', '.join(kinds) or 'unknown'}")
    table = Table("gate", "outcome", "what was found", box=None, pad_edge=False)
    for part in verdict.parts:
        table.add_row(part.name, _coloured(part.outcome), part.sentence)
    console.print(table)
    for facts in gated.facts.gates:
        for found in facts.findings[:SHOWN_FINDINGS]:
            field = f" {found.field}" if found.field else ""
            name = f" ({found.id})" if found.id else ""
            line = f"{facts.gate}: {found.file}:{found.line}{field}{name}: {found.message}"
            console.print(f"  {one_line(line)}", markup=False, soft_wrap=True)
        left = facts.count - min(len(facts.findings), SHOWN_FINDINGS)
        if left:
            console.print(f"  {facts.gate}: {left} more; --json lists up to fifty", markup=False)


def measured(evidence: Evidence, verdict: Finding | None, place: str) -> dict[str, Any]:
    """Return what `run --json` prints."""
    return {
        "model": evidence.model,
        "proposal": evidence.proposal.digest,
        "commit": evidence.commit,
        "evidence": place,
        "digest": evidence.digest(),
        "reused": evidence.reused,
        "outcome": verdict.outcome.value if verdict else None,
        "stages": [stage.model_dump() for stage in evidence.stages],
        "metrics": {
            each.subject: {metric.name: metric.value for metric in each.metrics}
            for each in evidence.measurements
        },
        "artifacts": {each.name: each.uri for each in evidence.artifacts},
        "verdict": verdict.as_json() if verdict else None,
    }


def print_measured(evidence: Evidence, verdict: Finding | None, place: str) -> None:
    """Print the metrics of every subject side by side, and the verdict."""
    console = Console(highlight=False)
    subjects = [name for name in SUBJECTS if any(m.subject == name for m in evidence.measurements)]
    if subjects:
        found = {each.subject: each for each in evidence.measurements}
        table = Table("metric", *subjects, box=None, pad_edge=False)
        for metric in evidence.measurements[-1].metrics:
            values = [found[name].metric(metric.name) for name in subjects]  # type: ignore[index]
            table.add_row(metric.name, *(_figure(value) for value in values))
        console.print(table)
    for stage in evidence.stages:
        text = f"{stage.stage} {stage.outcome} in {stage.seconds:.1f} s"
        console.print(text, markup=False)
    if verdict is not None:
        console.print("\n".join(verdict_text.lines(verdict)), markup=False, soft_wrap=True)
    console.print(f"evidence: {place}", markup=False, soft_wrap=True)


def _figure(metric: Metric | None) -> str:
    return "-" if metric is None else figure(metric)


def _coloured(outcome: Outcome) -> str:
    colour = "green" if outcome.lets_through else "red"
    return f"[{colour}]{outcome.value}[/{colour}]"
