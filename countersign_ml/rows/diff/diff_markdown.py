"""A data diff as Markdown, for a terminal or a pull request.

Ids, labels and file names are in code spans: what rows contain stays text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from countersign_ml.markdown import code, table
from countersign_ml.rows.statistics.stats_distance import in_words
from policy.facts.data_diff import (
    ChangedList,
    DataDiff,
    FieldShift,
    LengthShift,
    RowList,
    RowPlace,
    SideFacts,
)

FEW = 5
"""Places that are shown of each list."""
FIELDS = 12
LONGEST = 120
"""Characters of a title, a file name or the name of a field."""


def render(diff: DataDiff, title: str) -> str:
    """Return the whole difference; `title` is shown as text."""
    return "\n\n".join([f"### Data: {code(title, LONGEST)}", sentence(diff), *tables(diff)]) + "\n"


def tables(diff: DataDiff) -> list[str]:
    """Return what follows the sentence: counts with places, problems, shifts."""
    parts = []
    if not diff.empty:
        parts.append(table(("rows", "count", "where"), list(_counts(diff))))
    parts += _troubles(diff)
    shifts = [shift for shift in diff.fields if shift.jensen_shannon != 0.0]
    if shifts:
        parts.append("**Labels and groups**")
        head = ("field", "values", "new", "gone", "largest shifts", "JS bits", "PSI", "shift")
        parts.append(table(head, [_field(shift) for shift in shifts[:FIELDS]]))
        if len(shifts) > FIELDS:
            parts.append(f"And {len(shifts) - FIELDS} more fields.")
    lengths = [length for length in diff.lengths if length.psi or length.before != length.after]
    if lengths:
        parts.append("**Lengths in characters**")
        columns = ("part", "median", "95 %", "longest", "JS bits", "PSI", "shift")
        parts.append(table(columns, [_length(length) for length in lengths]))
    if diff.fields_left_out and not diff.empty:
        named = ", ".join(code(name, LONGEST) for name in diff.fields_left_out[:FEW])
        parts.append(f"Not compared, because most of their values differ: {named}.")
    return parts


def sentence(diff: DataDiff) -> str:
    """Return the number of rows before and after, and how they changed."""
    before, after = diff.before.rows, diff.after.rows
    if diff.empty:
        return f"Nothing changed: {_rows(after)}."
    return (
        f"{before:,} to {_rows(after)} ({after - before:+,}): {diff.added.count:,} added, "
        f"{diff.removed.count:,} removed, {diff.changed.count:,} changed, "
        f"{diff.moved.count:,} moved to another file, {diff.unchanged:,} unchanged."
    )


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _counts(diff: DataDiff) -> Iterator[Sequence[str]]:
    for name, listed in (("added", diff.added), ("removed", diff.removed)):
        if listed.count:
            yield name, f"{listed.count:,}", _places(listed)
    for name, pairs in (("changed", diff.changed), ("moved", diff.moved)):
        if pairs.count:
            yield name, f"{pairs.count:,}", _pairs(pairs)
    for name, listed in (
        ("new exact duplicates", diff.new_duplicates),
        ("duplicates gone", diff.gone_duplicates),
    ):
        if listed.count:
            yield name, f"{listed.count:,}", _places(listed)


def _troubles(diff: DataDiff) -> Iterator[str]:
    for name, side in (("before", diff.before), ("after", diff.after)):
        yield from _trouble(name, side)


def _trouble(name: str, side: SideFacts) -> Iterator[str]:
    if side.unreadable.count:
        yield (
            f"**Lines {name} that are not rows: {side.unreadable.count:,}**, in no other count: "
            f"{_places(side.unreadable)}."
        )
    if side.repeated_ids.count:
        yield (
            f"**Rows {name} that repeat an id of the same file: {side.repeated_ids.count:,}**, "
            f"paired in order: {_places(side.repeated_ids)}."
        )


def _places(listed: RowList) -> str:
    shown = ", ".join(_place(place) for place in listed.first[:FEW])
    return shown + _more(listed.count)


def _pairs(pairs: ChangedList) -> str:
    shown = []
    for row in pairs.first[:FEW]:
        what = " and ".join(row.parts)
        if row.before.file != row.after.file and not what:
            what = f"from {code(row.before.file, LONGEST)}"
        shown.append(f"{_place(row.after)} ({what})" if what else _place(row.after))
    told = ", ".join(
        f"{count:,} in the {part}" if part != "metadata" else f"{count:,} in metadata"
        for part, count in (
            ("prompt", pairs.prompt),
            ("answer", pairs.answer),
            ("metadata", pairs.metadata),
        )
        if count
    )
    return (f"{told}: " if told else "") + ", ".join(shown) + _more(pairs.count)


def _place(place: RowPlace) -> str:
    where = code(f"{place.file}:{place.line}", LONGEST)
    return f"{code(place.id, 60)} at {where}" if place.id else where


def _more(count: int) -> str:
    return f" and {count - FEW:,} more" if count > FEW else ""


def _field(shift: FieldShift) -> Sequence[str]:
    largest = ", ".join(
        f"{code(one.value, 40)} {one.before:,} to {one.after:,}" for one in shift.largest[:3]
    )
    return (
        code(shift.field, 60),
        f"{shift.values_before:,} to {shift.values_after:,}",
        _values(shift.added, shift.first_added),
        _values(shift.removed, shift.first_removed),
        largest,
        _number(shift.jensen_shannon),
        _number(shift.psi),
        in_words(shift.psi),
    )


def _values(count: int, first: Sequence[str]) -> str:
    if not count:
        return "0"
    shown = ", ".join(code(value, 40) for value in first[:3])
    return f"{count:,}: {shown}" + (", …" if count > 3 else "")


def _length(shift: LengthShift) -> Sequence[str]:
    before, after = shift.before, shift.after
    return (
        shift.part,
        f"{before.median:,} to {after.median:,}",
        f"{before.p95:,} to {after.p95:,}",
        f"{before.longest:,} to {after.longest:,}",
        _number(shift.jensen_shannon),
        _number(shift.psi),
        in_words(shift.psi),
    )


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
