"""Rows for a person to read: training rows, and held-out rows that were won or lost."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set

from countersign_ml.markdown import code, table
from policy.facts.evidence import Evidence, RenderedToken, Sample, Subject
from policy.facts.spot_check import MAX_ID

SUBJECTS: dict[Subject, str] = {"base": "Base", "incumbent": "Live", "candidate": "Candidate"}
SHOWN_SAMPLES = 10
SHOWN_EACH = 5
"""How many won rows are shown, and how many lost rows."""
SHOWN_STRETCHES = 12


def sample_table(evidence: Evidence, hidden: Set[str] = frozenset()) -> str:
    """Return held-out rows with each subject's answer, without the `hidden` ids."""
    shown = _open(evidence, hidden)
    return _with_note(_table(evidence, shown[:SHOWN_SAMPLES]), evidence, shown)


def won_and_lost(evidence: Evidence, hidden: Set[str] = frozenset()) -> str:
    """Return sampled rows that only the candidate, or only the live version, answered as expected.

    Answers are compared as JSON if both are JSON, otherwise as text without surrounding spaces.
    Empty without a live version, and if no sampled row differs. `hidden` ids are left out.
    """
    if evidence.measurement("incumbent") is None:
        return ""
    shown = _open(evidence, hidden)
    lost = [s for s in shown if _right(s, "incumbent") and not _right(s, "candidate")]
    won = [s for s in shown if _right(s, "candidate") and not _right(s, "incumbent")]
    parts = []
    for name, samples in (("Lost", lost), ("Won", won)):
        if samples:
            head = f"{name}: {len(samples)} of {len(shown)} sampled rows"
            parts.append(f"{head}\n\n{_table(evidence, samples[:SHOWN_EACH])}")
    return _with_note("\n\n".join(parts), evidence, shown)


def _open(evidence: Evidence, hidden: Set[str]) -> tuple[Sample, ...]:
    """Return the rows that may be shown; an id too long for the spot-check may be in the sample."""
    return tuple(
        sample
        for sample in evidence.samples
        if not hidden or (sample.id not in hidden and len(sample.id) <= MAX_ID)
    )


def _with_note(text: str, evidence: Evidence, shown: Sequence[Sample]) -> str:
    """Return the text, followed by how many rows are hidden until the spot-check is signed."""
    left = len(evidence.samples) - len(shown)
    rows = "1 row is" if left == 1 else f"{left} rows are"
    note = f"{rows} hidden until the spot-check is signed." if left else ""
    return "\n\n".join(part for part in (text, note) if part)


def rendered_rows(evidence: Evidence) -> str:
    """Return the first training rows as the model saw them: which stretches are trained on."""
    training = evidence.training
    if training is None or not training.rendered_rows:
        return ""
    parts = []
    for number, row in enumerate(training.rendered_rows[:3], 1):
        lines = [("✓" if part.trained else "", code(_shown(part), 400)) for part in row]
        cut = [*lines[:SHOWN_STRETCHES]]
        if len(lines) > len(cut):
            cut.append(("", f"and {len(lines) - len(cut)} more stretches"))
        parts.append(f"Row {number}:\n\n{table(('Trained', 'Text'), cut)}")
    return "\n\n".join(parts)


def _shown(part: RenderedToken) -> str:
    return part.text.replace("\n", "⏎ ")


def _table(evidence: Evidence, samples: Sequence[Sample]) -> str:
    subjects = [subject for subject in SUBJECTS if evidence.measurement(subject)]
    rows = [
        (
            code(sample.input, 200),
            code(sample.expected, 120),
            *(_answer(sample.answers.get(subject)) for subject in subjects),
        )
        for sample in samples
    ]
    names = (SUBJECTS[subject] for subject in subjects)
    return table(("Input", "Expected", *names), rows) if rows else ""


def _answer(text: str | None) -> str:
    return "–" if text is None else code(text, 120)


def _right(sample: Sample, subject: Subject) -> bool:
    answer = sample.answers.get(subject)
    if answer is None:
        return False
    try:
        return bool(json.loads(answer) == json.loads(sample.expected))
    except (ValueError, RecursionError):
        return answer.strip() == sample.expected.strip()
