"""The one required check: its conclusion, and what it shows beside the diff."""

from __future__ import annotations

from collections.abc import Sequence

from bot import command_messages, comment, messages
from bot.actions import Annotation, Conclusion, PostCheck
from bot.markdown import LIMIT, cut_middle, plain, visible
from bot.model_state import ModelState
from bot.verdict_tree import tree
from policy.governed import MODELS
from policy.verdict import Finding, Outcome

WHOLE = "pull request"
"""The finding about the pull request as a whole: its size, its policy, its conflicts."""
BEFORE_MERGE = "before the merge"
"""The finding about what is neither a gate nor a signature: the record, holds, the calendar."""
SIGN_OFF = "sign-off"
CONCLUSIONS: dict[str, Conclusion | None] = {
    "passed": "success",
    "failed": "failure",
    "measuring": None,
    "release": None,
    "sign": "action_required",
    "held": "action_required",
}
"""None is `in progress`: something is awaited, nothing is wrong. Never `neutral` or `skipped`:
GitHub lets those through."""
MAX_ANNOTATIONS = 50
"""GitHub takes at most this many in one request; the comment counts the rest."""


def post(
    head: str,
    title: str,
    key: str,
    verdict: Finding,
    states: Sequence[ModelState],
    sign_off: Finding | None,
    tag: str = "",
) -> PostCheck:
    """Return the check for a head with governed changes; `tag` names the record of who signed."""
    reasons = comment.blocking_lines(verdict, sign_off, states)
    warnings = [f"**⚠ {plain(text, 1000)}.**\n" for state in states for text in state.warnings]
    warnings += [
        f"**⚠ {command_messages.forced(o)}**\n" for state in states for o in state.overrides
    ]
    summary = [*warnings, *(reasons or [messages.ALL_HOLDS])]
    if tag:
        summary.append(f"\n{messages.recorded_as(tag)}")
    summary.append(f"\n### {messages.EVERY_FINDING}\n\n{tree(verdict.parts)}")
    details = "\n\n".join(comment.section(state) for state in states)
    return PostCheck(
        head=head,
        conclusion=CONCLUSIONS[key],
        title=title,
        summary=cut_middle("\n".join(summary), messages.CUT, LIMIT),
        text=cut_middle(details, messages.CUT, LIMIT),
        annotations=_annotations(states),
    )


def key_of(states: Sequence[ModelState], verdict: Finding) -> str:
    """Return what the verdict comes to: a key of CONCLUSIONS and of the titles."""
    if verdict.outcome.lets_through:
        return "passed"
    models = {state.model for state in states}
    others = [part for part in verdict.parts if part.name not in models]
    broken = [
        leaf for part in others for leaf in part.blocking() if leaf.outcome is not Outcome.MISSING
    ]
    stuck = [s for s in states if not s.pending and not s.finding.outcome.lets_through]
    if stuck or broken:
        return "failed"
    if any(state.pending for state in states):
        return "measuring"
    if not all(state.carried for state in states):
        return "release"
    unsigned = [part for part in others if part.name == SIGN_OFF and part.blocking()]
    return "sign" if unsigned else "held"


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
