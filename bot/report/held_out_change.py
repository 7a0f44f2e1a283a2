"""Other held-out rows than the version before: what changed, and the figures on the old ones."""

from __future__ import annotations

from bot.report import figures
from countersign_ml.markdown import code, plain, table
from policy.facts.evidence import Evidence
from policy.policy_sentences import counted


def sentence(evidence: Evidence) -> str:
    """Return how the held-out rows changed since the live version's record; empty if not."""
    measured, live = evidence.measurement("candidate"), evidence.incumbent
    if measured is None or live is None:
        return ""
    before = next((one for one in evidence.earlier if one.version == live.version), None)
    if before is None or before.rows == measured.rows:
        return ""
    return f"The held-out rows are not those that {live.version} was measured on{_counts(evidence)}"


def _counts(evidence: Evidence) -> str:
    """Return what changed in the test split's file; empty if the run had no base branch."""
    change = evidence.data_change
    if change is None or change.diff is None:
        return ""
    files = {each.file for each in change.splits if each.split == "test"}
    parts = []
    for each in change.diff.by_file:
        if each.file not in files:
            continue
        counts = {
            "added": each.added + each.came,
            "removed": each.removed + each.went,
            "changed": each.changed,
        }
        named = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
        parts.append(f"{named or '0 changed'} of {counted(each.before, 'row')}")
    return f" ({'; '.join(parts)})" if parts else ""


def on_former_rows(evidence: Evidence) -> str:
    """Return the figures on the held-out rows from before the change; empty if not measured."""
    former = evidence.former
    if former is None or not former.measurements:
        return ""
    head = ("Metric", "Live", "Candidate", "Change", "95 % interval")
    cells = [
        (code(row.metric), row.incumbent, row.candidate, row.change, row.interval)
        for row in figures.rows(former)
    ]
    version = plain(evidence.incumbent.version) if evidence.incumbent is not None else "the base"
    return f"On the held-out rows of {version}, from before this change:\n\n{table(head, cells)}"
