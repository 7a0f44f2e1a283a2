"""Why a change of a model is refused before anything runs, by forward proposals and rollbacks."""

from __future__ import annotations

from collections.abc import Sequence

from bot.facts.model_facts import ModelFacts
from bot.facts.model_state import Judged
from bot.facts.snapshot import Snapshot
from policy.verdict import Finding, Outcome


def of(model: str, name: str, sentence: str) -> Judged:
    """Return the state of a change that no run can fix."""
    return Judged(model, "refused", (Finding(name, Outcome.FAILED, sentence),))


def irregular(paths: Sequence[str]) -> str:
    return f"{', '.join(paths[:5])}: links and submodules cannot be governed; commit plain files"


def unlike(snapshot: Snapshot) -> str:
    """Say that the merge would not do what the pull request shows."""
    branch, paths = snapshot.default_branch, ", ".join(snapshot.unlike[:5])
    return (
        f"the merge would change {paths} otherwise than this branch shows, because the branch and "
        f"{branch} have several merge bases or both changed them; merge {branch} into this branch"
    )


def live_pointer_broken(model: str, branch: str) -> str:
    return f"models/{model}/pointer.json on {branch} cannot be read; fix it there first"


def history_too_long(facts: ModelFacts) -> list[Finding]:
    """Return a finding if it is unknown what was live before."""
    if not facts.history_limit:
        return []
    sentence = (
        f"the default branch has more than {facts.history_limit} commits, merged ones included, so "
        "it is unknown which versions were live and which are quarantined; govern these models in "
        "a repository of their own"
    )
    return [Finding("history", Outcome.ERRORED, sentence)]


def quarantined(version: str) -> Finding:
    sentence = (
        f"{version} was rolled back and is quarantined; propose a change that fixes its cause, or "
        "have it forced if the policy allows that"
    )
    return Finding("quarantine", Outcome.FAILED, sentence)
