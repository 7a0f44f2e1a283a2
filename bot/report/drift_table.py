"""How far the candidate's answers are from the live version's and from the training rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.report.verdict_tree import WORDS
from countersign_ml.markdown import plain, table
from policy.facts.drift_statistics import Measure, by_luck, distance
from policy.facts.evidence import Drift, Evidence
from policy.files.rules import DriftGate
from policy.verdict import Finding

MEASURES: dict[Measure, str] = {"psi": "PSI", "jensen_shannon": "Jensen-Shannon, bits"}
AGAINST = {"incumbent": "live version", "training": "training rows"}


def drift_table(evidence: Evidence, gates: Sequence[DriftGate], finding: Finding | None) -> str:
    """Return a line for each gate, then each drift without a gate, by PSI; empty without drift."""
    rows = list(_rows(evidence, gates, _outcomes(finding)))
    head = ("Of", "Against", "Measure", "Value", "By chance", "Band", "Outcome")
    return table(head, rows) if rows else ""


def _rows(
    evidence: Evidence, gates: Sequence[DriftGate], said: dict[str, Finding]
) -> Iterator[tuple[str, ...]]:
    for gate in gates:
        drift = evidence.drift_of(gate.of, gate.against)
        found = said.get(f"{gate.of} against {gate.against}")
        if drift is not None:
            yield _row(drift, gate.measure, _band(gate), found)
    named = {(gate.of, gate.against) for gate in gates}
    for drift in evidence.drift:
        if (drift.of, drift.against) not in named:
            yield _row(drift, "psi", "–", None)


def _row(drift: Drift, measure: Measure, band: str, found: Finding | None) -> tuple[str, ...]:
    word = "no gate" if found is None else WORDS[found.outcome]
    return (
        plain(drift.of),
        AGAINST[drift.against],
        MEASURES[measure],
        f"{distance(drift, measure):.3f}",
        f"up to {by_luck(drift, measure):.3f}",
        band,
        word if found is None or found.outcome.lets_through else f"**{word}**",
    )


def _band(gate: DriftGate) -> str:
    parts = [f"warns from {gate.warn:g}"] if gate.warn is not None else []
    parts += [f"fails from {gate.fail:g}"] if gate.fail is not None else []
    return ", ".join(parts)


def _outcomes(finding: Finding | None) -> dict[str, Finding]:
    """Return the finding of each drift gate, by its name."""
    if finding is None:
        return {}
    if finding.name == "drift":
        return {part.name: part for part in finding.parts}
    return next((found for part in finding.parts if (found := _outcomes(part))), {})
