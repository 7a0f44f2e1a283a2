"""Every data gate: what it found, in how many rows, with which outcome, and at which rows."""

from __future__ import annotations

from collections.abc import Iterator

from bot.facts.actions import Annotation
from bot.facts.model_state import ModelState
from bot.report.verdict_tree import WORDS
from countersign_ml.markdown import code, plain, table, visible
from policy.facts.evidence import DataFacts, Evidence, GateFacts
from policy.governed import MODELS
from policy.verdict import Finding

SHOWN_FINDINGS, SHOWN_IN_ALL = 20, 40
"""Findings that are shown with their rows: of one gate, and of all gates together."""
MAX_ANNOTATIONS = 50
"""GitHub takes at most this many in one request; the comment counts all of them."""


def gate_table(evidence: Evidence, finding: Finding | None, *, found: bool = False) -> str:
    """Return a line for each data gate; with `found`, only for gates that found something.

    Empty if the data is not judged, as in a rollback.
    """
    data, said = evidence.data, outcomes(finding)
    if data is None or not said:
        return ""
    counted = [(each.gate, each.count) for each in data.gates]
    missing = [(name, None) for name in said if name not in dict(counted) and name in _gates(said)]
    rows = [
        (
            plain(gate),
            "–" if count is None else f"{count:,}",
            f"{_looked_at(data, gate):,}",
            _word(said.get(gate)),
        )
        for gate, count in (*counted, *missing)
        if not found or count
    ]
    return table(("Data gate", "Findings", "Of rows", "Outcome"), rows) if rows else ""


def _gates(said: dict[str, Finding]) -> set[str]:
    """Return the names of the gates: the findings about data without the counts of rows."""
    return {name for name in said if not name.endswith(" rows")}


def _looked_at(data: DataFacts, gate: str) -> int:
    """Return how many rows a gate checks: leakage gates check held-out rows only."""
    held_out_only = gate.endswith("leakage")
    return sum(part.rows for part in data.splits if not held_out_only or part.split != "train")


def _word(finding: Finding | None) -> str:
    if finding is None:
        return "no gate"
    word = WORDS[finding.outcome]
    return word if finding.outcome.lets_through else f"**{word}**"


def outcomes(finding: Finding | None) -> dict[str, Finding]:
    """Return the finding of each data gate by name; empty if the data was not judged."""
    if finding is None:
        return {}
    if finding.name == "data":
        return {part.name: part for part in finding.parts}
    return next((found for part in finding.parts if (found := outcomes(part))), {})


def found_rows(evidence: Evidence, finding: Finding | None) -> str:
    """Return the gates that found something, then the rows of those that block."""
    blocking = _places(evidence, finding, let_through=False)
    parts = [gate_table(evidence, finding, found=True), blocking]
    return "\n\n".join(part for part in parts if part)


def every_gate(evidence: Evidence, finding: Finding | None) -> str:
    """Return a line for each gate, then the rows found by gates that do not block."""
    parts = [gate_table(evidence, finding), _places(evidence, finding, let_through=True)]
    return "\n\n".join(part for part in parts if part)


def _places(evidence: Evidence, finding: Finding | None, *, let_through: bool) -> str:
    data, said = evidence.data, outcomes(finding)
    lines: list[str] = []
    left = SHOWN_IN_ALL
    for gate in data.gates if data is not None else ():
        if gate.count and _lets_through(said.get(gate.gate)) is let_through:
            shown = min(SHOWN_FINDINGS, left, len(gate.findings))
            left -= shown
            lines += _located(gate, shown)
    return "\n\n".join(["Findings in the data:", "\n".join(lines)]) if lines else ""


def _located(gate: GateFacts, shown: int) -> Iterator[str]:
    yield f"- {plain(gate.gate)}: {gate.count}"
    for row in gate.findings[:shown]:
        where = code(f"{row.file}:{row.line}" + (f" {row.field}" if row.field else ""))
        yield f"  - {where}: {plain(row.message)}"
    if gate.count > shown:
        yield f"  - and {gate.count - shown} more"


def at_rows(state: ModelState) -> Iterator[Annotation]:
    """Yield the findings at their lines, those that block first; only in files of the head.

    The proposal digest covers the inputs at the head, so the bot trusts their names, and not the
    names that only the runner reports.
    """
    evidence = state.evidence
    if evidence is None or evidence.data is None:
        return
    said = outcomes(state.finding)
    there = {f"{MODELS}/{state.model}/{entry.path}" for entry in evidence.proposal.inputs}
    for gate in sorted(evidence.data.gates, key=lambda gate: _lets_through(said.get(gate.gate))):
        for row in gate.findings:
            path = _path(state.model, row.file)
            if path not in there:
                continue
            field = f" ({row.field})" if row.field else ""
            yield Annotation(
                path=path,
                line=max(row.line, 1),
                message=visible(f"{row.message}{field}", 1000) or gate.gate,
                title=visible(f"{gate.gate} gate", 200),
                level="warning" if _lets_through(said.get(gate.gate)) else "failure",
            )


def _lets_through(finding: Finding | None) -> bool:
    return finding is not None and finding.outcome.lets_through


def _path(model: str, file: str) -> str:
    """Return a finding's file as a path in the repository."""
    file = visible(file, 400)
    inside = f"{MODELS}/{model}/"
    if file.startswith(inside):
        return file
    return inside + (file if "/" in file else f"data/{file}")
