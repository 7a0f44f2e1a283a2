"""How the proposal's rows differ from those of the base branch, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator

from bot.report import report_messages as say
from countersign_ml.markdown import code, plain, table
from countersign_ml.rows.diff import diff_markdown
from policy.facts.data_diff import DataDiff
from policy.facts.evidence import Evidence
from policy.facts.run_context import DataChange

NAMED_VALUES, NAMED_FIELDS = 3, 3


def sentence(evidence: Evidence) -> str:
    """Return the change in one line; empty where the run recorded nothing of it."""
    change = evidence.data_change
    if change is None:
        return ""
    if change.base == "unknown":
        return say.unknown_base(change.why)
    if change.diff is None:
        data = evidence.data
        return say.first_version([(s.split, s.rows) for s in data.splits] if data else [])
    return say.changed_rows(
        diff_markdown.sentence(change.diff), list(_more(change.diff)), change.commit
    )


def _more(diff: DataDiff) -> Iterator[str]:
    """Yield duplicates, and the fields whose values are new or gone, the most first."""
    if diff.new_duplicates.count or diff.gone_duplicates.count:
        yield say.new_duplicates(diff.new_duplicates.count, diff.gone_duplicates.count)
    moved = [field for field in diff.fields if field.added or field.removed]
    moved.sort(key=lambda field: (-field.added - field.removed, field.field))
    for field in moved[:NAMED_FIELDS]:
        first = (*field.first_added, *field.first_removed)[:NAMED_VALUES]
        yield say.field_values(field.field, field.added, field.removed, first)


def tables(evidence: Evidence) -> str:
    """Return the change of each split, then places and shifts; empty where nothing is known."""
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
