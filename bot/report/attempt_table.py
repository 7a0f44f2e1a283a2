"""All attempts of one proposal next to each other, for the comment and the model card."""

from __future__ import annotations

from collections.abc import Sequence

from bot.facts.bot_sentences import ATTEMPTS_RULE
from bot.facts.model_state import AttemptState, ModelState
from bot.report import figures
from bot.report.report_sentences import how_to_override
from bot.report.verdict_tree import WORDS
from countersign_ml.markdown import code, plain, table
from policy.facts.evidence import Evidence
from policy.policy_sentences import SECONDS

HEADS = ("Attempt", "Asked by", "When", "Why", "Outcome", "Figures", "Evidence")
SHOWN = 4
"""How many figures are shown per attempt; the evidence has all of them."""


def of_comment(state: ModelState) -> str:
    """Return the attempts with their outcomes, and how those that did not pass can be forced."""
    if not state.judged.attempts.states:
        return ""
    lead = f"**Measured in {len(state.judged.attempts.states)} attempts.** {ATTEMPTS_RULE}"
    lines = [lead, _table(state.judged.attempts.states, judged=True)]
    for attempt in state.judged.attempts.states[1:]:
        if attempt.waivable and attempt.evidence is not None:
            how = how_to_override(attempt.waivable, attempt.evidence.digest())
            lines.append(f"Attempt {attempt.number} does not pass. {how}")
    return "\n\n".join(lines)


def of_card(attempts: Sequence[AttemptState]) -> list[str]:
    """Return the card's section: who asked, why, and the figures; a card has no verdict."""
    if not attempts:
        return []
    return ["## Attempts", f"{ATTEMPTS_RULE}\n\n{_table(attempts, judged=False)}"]


def _table(attempts: Sequence[AttemptState], *, judged: bool) -> str:
    rows = [_cells(attempt) for attempt in attempts]
    left_out = () if judged else ("Outcome",)
    at = [place for place, head in enumerate(HEADS) if head not in left_out]
    return table([HEADS[n] for n in at], [[cells[n] for n in at] for cells in rows])


def _cells(attempt: AttemptState) -> tuple[str, ...]:
    asked, evidence = attempt.record, attempt.evidence
    outcome = WORDS[attempt.finding.outcome] if attempt.finding is not None else figures.NOTHING
    return (
        str(attempt.number),
        plain(asked.user) if asked else figures.NOTHING,
        plain(asked.asked) if asked else figures.NOTHING,
        plain(asked.reason, 500) if asked else "the proposal itself",
        outcome,
        key_figures(evidence) if evidence is not None else figures.NOTHING,
        code(evidence.digest()[:19]) if evidence is not None else figures.NOTHING,
    )


def key_figures(evidence: Evidence) -> str:
    """Return the first compared figures; without times, which vary from run to run."""
    rows = [row for row in figures.rows(evidence) if row.metric not in SECONDS]
    compared = [row for row in rows if row.change != figures.NOTHING] or rows
    shown = [
        f"{plain(row.metric)} {row.candidate}"
        + (f" ({row.change})" if row.change != figures.NOTHING else "")
        for row in compared[:SHOWN]
    ]
    return ", ".join(shown) or figures.NOTHING
