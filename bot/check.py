"""The one required check: its conclusion, and what it shows beside the diff."""

from __future__ import annotations

from collections.abc import Sequence

from bot import comment, messages
from bot.actions import Annotation, Conclusion, PostCheck
from bot.markdown import LIMIT, cut_middle, plain, visible
from bot.model_state import ModelState
from policy.governed import MODELS
from policy.verdict import Finding, Outcome

WHOLE = "pull request"
"""The finding about the pull request as a whole: its size, its policy, its conflicts."""
MAX_ANNOTATIONS = 50
"""GitHub takes at most this many in one request; the comment counts the rest."""


def post(
    head: str,
    title: str,
    conclusion: Conclusion | None,
    verdict: Finding,
    states: Sequence[ModelState],
    sign_off: Finding | None,
) -> PostCheck:
    """Return the check for a head with governed changes."""
    reasons = comment.blocking_lines(verdict, sign_off, states)
    warnings = [f"**⚠ {plain(text, 1000)}.**\n" for state in states for text in state.warnings]
    summary = "\n".join([*warnings, *(reasons or [messages.ALL_HOLDS])])
    details = "\n\n".join(comment.section(state) for state in states)
    return PostCheck(
        head=head,
        conclusion=conclusion,
        title=title,
        summary=cut_middle(summary, messages.CUT, LIMIT),
        text=cut_middle(details, messages.CUT, LIMIT),
        annotations=_annotations(states),
    )


def conclusion_of(
    states: Sequence[ModelState], sign_off: Finding, verdict: Finding
) -> tuple[str, Conclusion | None]:
    """Return title key and conclusion. None is `in progress`: something is awaited, nothing wrong.

    Never `neutral` or `skipped`: GitHub lets those through.
    """
    if verdict.outcome.lets_through:
        return "passed", "success"
    unsigned = [leaf for leaf in sign_off.blocking() if leaf.outcome is not Outcome.MISSING]
    stuck = [s for s in states if not s.pending and not s.finding.outcome.lets_through]
    barred = [p for p in verdict.parts if p.name == WHOLE and not p.outcome.lets_through]
    if stuck or unsigned or barred:
        return "failed", "failure"
    if any(state.pending for state in states):
        return "measuring", None
    if not all(state.carried for state in states):
        return "release", None
    return "sign", "action_required"


def _annotations(states: Sequence[ModelState]) -> tuple[Annotation, ...]:
    """Return the first defects of the data at the files and lines where they stand."""
    found: list[Annotation] = []
    for state in states:
        data = state.evidence.data if state.evidence else None
        for gate in data.gates if data else ():
            for row in gate.findings:
                field = f" ({row.field})" if row.field else ""
                found.append(
                    Annotation(
                        path=_path(state.model, row.file),
                        line=max(row.line, 1),
                        message=visible(f"{row.message}{field}", 1000) or gate.gate,
                        title=visible(f"{gate.gate} gate", 200),
                    )
                )
    return tuple(found[:MAX_ANNOTATIONS])


def _path(model: str, file: str) -> str:
    """Return a finding's file as a path in the repository."""
    file = visible(file, 400)
    inside = f"{MODELS}/{model}/"
    if file.startswith(inside):
        return file
    return inside + (file if "/" in file else f"data/{file}")
