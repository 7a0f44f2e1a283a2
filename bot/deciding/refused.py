"""Why a change of a model is refused before anything runs, by forward proposals and rollbacks."""

from __future__ import annotations

from collections.abc import Sequence

from bot.facts.model_state import Judged
from policy.verdict import Finding, Outcome


def of(model: str, name: str, sentence: str) -> Judged:
    """Return the state of a change that no run can fix."""
    return Judged(model, "refused", (Finding(name, Outcome.FAILED, sentence),))


def irregular(paths: Sequence[str]) -> str:
    return f"{', '.join(paths[:5])}: links and submodules cannot be governed; commit plain files"


def live_pointer_broken(model: str, branch: str) -> str:
    return f"models/{model}/pointer.json on {branch} cannot be read; fix it there first"


def quarantined(version: str) -> Finding:
    sentence = (
        f"{version} was rolled back and is quarantined; propose a change that fixes its cause, or "
        "have it forced if the policy allows that"
    )
    return Finding("quarantine", Outcome.FAILED, sentence)
