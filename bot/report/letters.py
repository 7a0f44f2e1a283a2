"""The texts of issues and pull requests that the bot opens: incidents, freezes, reverts."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.markdown import code, plain
from policy.policy_sentences import short


def incident_title(model: str, version: str) -> str:
    """Return the title of the incident of a rollback."""
    return f"Incident: {model} {version} is rolled back"


def incident_body(
    model: str,
    old: str,
    new: str | None,
    artifact: str,
    pull: int,
    rows: Sequence[tuple[str, str]],
    tables: Sequence[tuple[str, str]],
) -> str:
    """Return the incident of a rollback.

    `rows` are times and events; `tables` are versions and their figures as Markdown.
    """
    to = code(new) if new else "no version"
    figures = [f"{code(version)}:\n\n{table}" for version, table in tables]
    return _paragraphs(
        f"#{pull} rolls {code(model)} back from {code(old)} (artifact {code(short(artifact))}) "
        f"to {to}.",
        f"After the merge {code(old)} is quarantined: the same artifact cannot be promoted again.",
        "## Impact",
        "_Who was affected, from when to when, and how it was noticed._",
        "## Timeline",
        "Times are in UTC, from git and the evidence. Add what you know.",
        "\n".join(f"- {plain(time)}: {event}" for time, event in rows),
        "## Evidence of both versions",
        *(figures or ["The base branch has no evidence of either version."]),
        "## Root cause",
        "_Why the gates passed it: data, recipe, evaluation, or something outside._",
        "## What changes",
        "_The gate, test or data that would have caught it, who adds it, and by when._",
    )


def unsanctioned_title(pull: int, model: str) -> str:
    """Return the title of the incident of a merge that the policy did not allow."""
    return f"Incident: #{pull} changed {model or 'the rules'} against the policy"


def unsanctioned_body(
    pull: int, model: str, merged_by: str, sha: str, reasons: Sequence[str]
) -> str:
    """Return the incident of a merge that the policy did not allow; it mentions who merged."""
    changed = (
        f"What runs as {code(model)} now may differ from what was measured and signed."
        if model
        else "The rules that judge every proposal, or files that they govern, may differ from what "
        "was signed."
    )
    who = f"@{merged_by}" if merged_by else "Somebody"
    return _paragraphs(
        f"{who} merged #{pull} as {sha}. By the facts of that moment it was not to be merged:",
        "\n".join(f"- {plain(reason, 500)}" for reason in reasons),
        f"{changed} Merge the pull request that puts it back, or explain here why it stays.",
        "## Root cause",
        "_Why it was merged, and whether branch rules let administrators bypass the check._",
    )


def pushed_title(model: str, commit: str) -> str:
    """Return the title of the incident of a direct push."""
    return f"Incident: {commit[:12]} moved {model} without a pull request"


def pushed_body(model: str, commit: str) -> str:
    """Return the incident of a direct push."""
    return _paragraphs(
        f"{commit} moved the pointer of {code(model)} on the default branch. It did not come from "
        "a merged pull request with a green countersign check, so nobody knows whether what runs "
        "is what was measured and signed.",
        f"The bot opens a pull request that puts {code(model)} back. Merge it, or explain here why "
        "the change stays.",
        "## Root cause",
        "_Who pushed it, why, and whether branch rules allow it._",
    )


def undo_title(model: str, commit: str) -> str:
    """Return the title of the pull request that takes a change back."""
    return f"Put {model or 'the rules'} back to what it was before {commit[:12]}"


def undo_body(model: str, commit: str) -> str:
    """Return the body of the pull request that takes a change back."""
    if not model:
        return _paragraphs(
            f"{commit} changed the rules, and the policy did not allow that.",
            "This pull request restores what that commit changed in them. It is signed like any "
            "change of the rules. Close it if the incident decides that the change stays.",
        )
    return _paragraphs(
        f"{commit} moved the pointer of {code(model)}, and the policy did not allow that.",
        "This pull request restores the pointer, the inputs and the records of "
        f"{code(model)} from before that commit. It is judged and signed like any rollback. Close "
        "it if the incident decides that the change stays.",
    )


def freeze_body(marker: str, reason: str, by: str, pull: int) -> str:
    """Return the issue that freezes all promotions."""
    return _paragraphs(
        f"{marker}\n{plain(by)} froze all promotions in #{pull}: {plain(reason)}",
        "No new version merges while this issue is open. Rollbacks are still possible. Anyone who "
        "may freeze can end the freeze: close this issue, or comment `/unfreeze` in any pull "
        "request. If anyone else closes it, the bot opens it again.",
    )


def _paragraphs(*parts: str) -> str:
    """Return the parts with blank lines between: GitHub shows a single line end as one."""
    return "\n\n".join(parts) + "\n"
