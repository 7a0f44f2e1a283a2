"""How the proposal's rows differ from those of the base branch, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator

from countersign_ml.markdown import code, plain, table
from countersign_ml.rows.diff import diff_markdown
from policy.facts.data_diff import DataDiff
from policy.facts.evidence import Evidence
from policy.facts.run_context import DataChange

NAMED_VALUES, NAMED_FIELDS = 3, 3


def sentence(evidence: Evidence) -> str:
    """Return the change in one line; empty if the run recorded none."""
    change = evidence.data_change
    if change is None:
        return ""
    if change.base == "unknown":
        return f"**Data**: it is not known what changed: {plain(change.why, 500)}."
    if change.diff is None:
        splits = evidence.data.splits if evidence.data else ()
        total = sum(split.rows for split in splits)
        counts = ", ".join(f"{plain(split.split)} {split.rows:,}" for split in splits)
        rows = "1 row" if total == 1 else f"{total:,} rows"
        return f"**Data**: first version on this branch, {rows} ({counts})."
    against = f" against {code(change.commit[:7])}" if change.commit else ""
    more = "".join(f" {each}." for each in _more(change.diff))
    return f"**Data**{against}: {diff_markdown.sentence(change.diff)}{more}"


def _more(diff: DataDiff) -> Iterator[str]:
    """Yield duplicates, and the fields with new or removed values, the most first."""
    new, gone = diff.new_duplicates.count, diff.gone_duplicates.count
    if new or gone:
        parts = [f"{new:,} new exact {'duplicate' if new == 1 else 'duplicates'}"] if new else []
        parts += [f"{gone:,} gone"] if gone else []
        yield f"Duplicates: {', '.join(parts)}"
    moved = [field for field in diff.fields if field.added or field.removed]
    moved.sort(key=lambda field: (-field.added - field.removed, field.field))
    for field in moved[:NAMED_FIELDS]:
        counts = [f"{field.added:,} new"] if field.added else []
        counts += [f"{field.removed:,} gone"] if field.removed else []
        first = (*field.first_added, *field.first_removed)[:NAMED_VALUES]
        named = f" ({', '.join(code(value, 40) for value in first)})" if first else ""
        yield f"{code(field.field, 60)}: {' and '.join(counts)}{named}"


def tables(evidence: Evidence) -> str:
    """Return the change of each split, then places and shifts; empty if the change is not known."""
    change = evidence.data_change
    if change is None or change.diff is None:
        return ""
    parts = [_by_split(change, change.diff), *diff_markdown.tables(change.diff)]
    return "\n\n".join(part for part in parts if part)


def _by_split(change: DataChange, diff: DataDiff) -> str:
    split_of = {each.file: each.split for each in change.splits}
    rows = [
        (
            plain(split_of.get(each.file, "no split")),
            code(each.file, 120),
            f"{each.before:,}",
            f"{each.after:,}",
            *(f"{count:,}" for count in (each.added, each.removed, each.changed)),
            f"{each.came:,}",
            f"{each.went:,}",
        )
        for each in diff.by_file
    ]
    head = ("Split", "File", "Before", "After", "Added", "Removed", "Changed", "Came", "Went")
    return table(head, rows) if rows else ""
