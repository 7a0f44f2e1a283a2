"""`countersign judge --replay`: judge the last merged versions under a proposed policy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from countersign_ml.cli.replay_history import Clone, Merged
from policy import documents
from policy.errors import UserError, one_line
from policy.files.rules import Policy
from policy.gates.replay import Change, Replayed, replay
from policy.governed import POLICY_FILE

Results = Sequence[tuple[Merged, Replayed | None]]
SHALLOW = "note: this clone is shallow, so earlier versions are missing; run: git fetch --unshallow"
UNJUDGED = "Only evidence is judged again, not sign-off or the time of the merge."


def replay_policy(
    text: str, where: str, repository: Path, *, model: str | None, last: int, as_json: bool
) -> int:
    """Print the outcome of the last merged versions under the default branch's policy and this one.

    Return 0 if both allow the same versions; 1 if they differ, or if a version's evidence cannot be
    judged again.
    """
    clone = Clone(repository)
    new = documents.parse(Policy, text, where)
    old = documents.parse(Policy, *clone.policy(POLICY_FILE))
    merged = clone.merged(model, last)
    if not merged:
        named = f"of {model} " if model is not None else ""
        raise UserError.one(
            f"{clone.ref}", f"no version {named}has merged yet", "replay after the first merge"
        )
    found = iter(replay(old, new, [e.evidence for e in merged if e.evidence is not None]))
    results = [(entry, next(found) if entry.evidence is not None else None) for entry in merged]
    if as_json:
        print(json.dumps(_as_json(clone, results), indent=2))
    else:
        print("\n".join(_table(clone, where, results)))
    return 0 if all(result is not None and not result.turned for _, result in results) else 1


def _table(clone: Clone, where: str, results: Results) -> list[str]:
    there = f"{clone.ref} ({clone.commit[:12]})"
    rows = [("version", there, where, "what changed")]
    for entry, result in results:
        name = f"{entry.model} {entry.version}"
        if result is None:
            rows.append((name, "-", "-", f"cannot be judged again: {entry.problem}"))
            continue
        changed = [_changed(change) for change in result.changes] or ["nothing"]
        outcomes = (result.before.value, result.after.value)
        rows.append((name, *outcomes, changed[0]))
        rows.extend(("", "", "", more) for more in changed[1:])
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    turned = sum(result is not None and result.turned for _, result in results)
    lines += ["", f"{turned} of {len(results)} would have another result. {UNJUDGED}"]
    lines += [SHALLOW] if clone.is_shallow else []
    return [one_line(line) for line in lines]


def _changed(change: Change) -> str:
    before, after = (
        outcome.value if outcome is not None else "not checked"
        for outcome in (change.before, change.after)
    )
    return f"{change.name}: {before} -> {after} ({change.sentence})"


def _as_json(clone: Clone, results: Results) -> dict[str, Any]:
    rows = []
    for entry, result in results:
        row: dict[str, Any] = {
            "model": entry.model,
            "version": entry.version,
            "commit": entry.commit,
        }
        if result is None:
            rows.append({**row, "problem": entry.problem})
            continue
        row |= {
            "before": result.before.value,
            "after": result.after.value,
            "changed": [
                {
                    "name": change.name,
                    "before": change.before.value if change.before is not None else None,
                    "after": change.after.value if change.after is not None else None,
                    "sentence": change.sentence,
                }
                for change in result.changes
            ],
        }
        rows.append(row)
    return {"branch": clone.ref, "commit": clone.commit, "shallow": clone.is_shallow, "rows": rows}
