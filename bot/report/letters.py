"""The texts of issues and pull requests that the bot opens: incidents, freezes, ways back."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.markdown import code, plain
from policy.gates.messages import short


def incident_title(model: str, version: str) -> str:
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
    """Return the incident of a way back; `tables` are versions and their figures as Markdown."""
    to = f"to `{new}`" if new else "to no version"
    figures = "\n\n".join(f"{code(version)}:\n\n{table}" for version, table in tables)
    return f"""`{model}` goes back from `{old}` (artifact `{short(artifact)}`) {to} with #{pull}.

`{old}` is quarantined once that is merged: the same artifact cannot be promoted again.

## Impact

_Who was affected, from when to when, and how it was noticed._

## Timeline

Times in UTC, from git and the evidence; people add what they know.

{timeline(rows)}

## Evidence of both versions

{figures or "The base branch holds no evidence of either."}

## Root cause

_Why the gates let it through: data, recipe, evaluation, or something outside._

## What changes

_The gate, the test or the data that would have caught it, and who adds it by when._
"""


def unsanctioned_title(pull: int, model: str) -> str:
    return f"Incident: #{pull} changed {model} without a green check"


def unsanctioned_body(pull: int, model: str, merged_by: str, sha: str) -> str:
    who = f"@{merged_by}" if merged_by else "Somebody"
    return f"""{who} merged #{pull} as {sha}, and its countersign check was not green.

What now runs as `{model}` may not be what was measured and signed. Revert the merge, or record here
why it stands.

## Root cause

_Why it was merged, and whether branch rules let administrators pass the check._
"""


def pushed_title(model: str, commit: str) -> str:
    return f"Incident: {commit[:12]} moved {model} without a pull request"


def pushed_body(model: str, commit: str) -> str:
    return f"""{commit} moved the pointer of `{model}` on the default branch. No pull request that
was merged with a green countersign check brought it, so nobody knows that what runs is what was
measured and signed.

A pull request that puts `{model}` back is open, or follows. Merge it, or record here why the change
stands.

## Root cause

_Who pushed it and why, and whether branch rules let it pass._
"""


def undo_title(model: str, commit: str) -> str:
    return f"Put {model} back to what it was before {commit[:12]}"


def undo_body(model: str, commit: str) -> str:
    return f"""{commit} moved the pointer of `{model}`, and no pull request that was green brought
it.

This puts the pointer, the inputs and the records of `{model}` back to what they were before that
commit. It is judged and signed like any rollback; close it if the incident finds that the change
stands.
"""


def freeze_body(marker: str, reason: str, by: str, pull: int) -> str:
    return f"""{marker}
{plain(by)} froze all promotions in #{pull}: {plain(reason)}

No new version merges while this issue is open; going back to an earlier version stays possible.
Whoever may freeze ends it by closing this issue, or with `/unfreeze` in any pull request. Closed by
anybody else, it is opened again.
"""


def timeline(rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"- {plain(time)}: {text}" for time, text in rows)


def released(version: str) -> str:
    return f"{code(version)} was released by the commit that holds its pointer"


def measured(version: str) -> str:
    return f"{code(version)} was measured"


def back_proposed(pull: int) -> str:
    return f"#{pull} proposes to go back"
