"""What a run took beside what was expected: time, memory, tokens, money."""

from __future__ import annotations

from bot.report import report_messages as say
from policy.facts.evidence import Evidence


def line(evidence: Evidence) -> str:
    """Return one line; empty where nothing was trained, as on a way back."""
    training, expected = evidence.training, evidence.expected
    if training is None:
        return ""
    parts = [say.took(training, reused=evidence.reused is not None)]
    if expected is not None:
        told = say.expected(expected)
        if expected.hours is None:
            told += f", {say.tokens_passed(training.total_tokens * training.epochs)}"
        parts[0] += f" ({told})"
    parts.append(say.whole_run(sum(stage.seconds for stage in evidence.stages), expected))
    return f"**Time and cost**: {'; '.join(parts)}."
