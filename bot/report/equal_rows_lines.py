"""Other models with the same held-out rows: a new name alone is no new task."""

from __future__ import annotations

from policy.facts.evidence import Evidence

SHOWN = 5


def sentences(evidence: Evidence) -> tuple[str, ...]:
    """Return a sentence for each of the models with the most equal rows, and for unread ones."""
    return tuple(
        f"The held-out rows of {each.model} could not be read: {each.why}"
        if each.why
        else f"{each.equal:,} of {each.of:,} held-out rows equal those of {each.model}"
        + (f", whose live version is {each.version}" if each.version else "")
        for each in evidence.equal_rows[:SHOWN]
    )
