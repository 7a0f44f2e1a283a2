"""The one required check: its conclusion, its text, and its annotations in the diff."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice

from bot.facts.actions import Conclusion, PostCheck
from bot.facts.model_state import ModelState
from bot.report import comment, data_gate_table
from bot.report import report_sentences as say
from bot.report.verdict_tree import tree
from countersign_ml.markdown import LIMIT, code, cut_middle, plain
from policy.verdict import Finding, Outcome

WHOLE = "pull request"
"""The finding about the pull request as a whole: its size, its policy, its conflicts."""
BEFORE_MERGE = "before the merge"
"""The finding about everything else: the sign-off record, holds, the calendar."""
SIGN_OFF = "sign-off"
CONCLUSIONS: dict[str, Conclusion | None] = {
    "passed": "success",
    "failed": "failure",
    "inconclusive": "failure",
    "measuring": None,
    "release": None,
    "spot-check": "action_required",
    "sign": "action_required",
    "held": "action_required",
}
"""None is `in progress`: the check waits, nothing is wrong. Never `neutral` or `skipped`: GitHub
counts those as passed."""


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
    warnings = [
        f"**⚠ {plain(text, 1000)}.**\n" for state in states for text in state.judged.warnings
    ]
    warnings += [f"**⚠ {say.forced(o)}**\n" for state in states for o in state.judged.overrides]
    summary = [
        *warnings,
        *(reasons or ["Every gate that was checked so far passed."]),
        *comment.warned_lines(verdict),
    ]
    if tag:
        summary.append(f"\nWho signed is recorded in the tag {code(tag)}.")
    summary.append(f"\n### {say.EVERY_FINDING}\n\n{tree(verdict.parts)}")
    annotated = chain.from_iterable(map(data_gate_table.at_rows, states))
    details = "\n\n".join(comment.section(state) for state in states)
    return PostCheck(
        head=head,
        conclusion=CONCLUSIONS[key],
        title=title,
        summary=cut_middle("\n".join(summary), say.CUT, LIMIT),
        text=cut_middle(details, say.CUT, LIMIT),
        annotations=tuple(islice(annotated, data_gate_table.MAX_ANNOTATIONS)),
    )


def key_of(states: Sequence[ModelState], verdict: Finding) -> str:
    """Return the state of the verdict: a key of CONCLUSIONS and of the titles."""
    if verdict.outcome.lets_through:
        return "passed"
    models = {state.model for state in states}
    others = [part for part in verdict.parts if part.name not in models]
    broken = [
        leaf for part in others for leaf in part.blocking() if leaf.outcome is not Outcome.MISSING
    ]
    stuck = [s for s in states if not s.run.pending and not s.finding.outcome.lets_through]
    if stuck or broken:
        blocking = [*broken, *chain.from_iterable(state.finding.blocking() for state in stuck)]
        unsettled = all(leaf.outcome is Outcome.INCONCLUSIVE for leaf in blocking)
        return "inconclusive" if unsettled else "failed"
    if any(state.run.pending for state in states):
        return "measuring"
    if not all(state.carried for state in states):
        return "spot-check" if any(state.awaits_readers for state in states) else "release"
    unsigned = [part for part in others if part.name == SIGN_OFF and part.blocking()]
    return "sign" if unsigned else "held"
