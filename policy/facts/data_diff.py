"""What changed between two states of a data set: counts, places and shifts, never a row's text.

Its size is bounded, so that it fits into the evidence and into a comment. Ids, labels and file
names come from the author of the rows: show them as text, never as markup.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from policy.documents import Document

SHOWN = 20
"""How many places and values are listed; the counts are always complete."""
MAX_SHIFTS = 32
MAX_TEXT = 120
MAX_FILES = 100

RowCount = Annotated[int, Field(ge=0, lt=2**53)]
Shown = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
FileName = Annotated[str, StringConstraints(max_length=500)]
Distance = Annotated[float, Field(ge=0, allow_inf_nan=False)]
ChangedPart = Literal["prompt", "answer", "metadata"]


class RowPlace(Document):
    """Where a row is, and its id if it has one."""

    file: FileName
    line: RowCount
    id: Shown = ""


class RowList(Document):
    """How many rows, and where the first of them are."""

    count: RowCount = 0
    first: Annotated[tuple[RowPlace, ...], Field(max_length=SHOWN)] = ()

    @model_validator(mode="after")
    def _lists_no_more_than_it_counts(self) -> RowList:
        if len(self.first) != min(self.count, SHOWN):
            raise ValueError(f"counts {self.count} rows but lists {len(self.first)}")
        return self


class ChangedRow(Document):
    """One row before and after: with the same id or, if it only moved, the same content."""

    before: RowPlace
    after: RowPlace
    parts: tuple[ChangedPart, ...] = ()

    def mirrored(self) -> ChangedRow:
        """Return the same change in the other direction."""
        return ChangedRow(before=self.after, after=self.before, parts=self.parts)


class ChangedList(Document):
    """How many rows changed, in which parts, and where the first of them are."""

    count: RowCount = 0
    prompt: RowCount = 0
    answer: RowCount = 0
    metadata: RowCount = 0
    first: Annotated[tuple[ChangedRow, ...], Field(max_length=SHOWN)] = ()

    def mirrored(self) -> ChangedList:
        """Return the same changes in the other direction."""
        return self.model_copy(update={"first": tuple(row.mirrored() for row in self.first)})


class FileRows(Document):
    """How many rows one file has."""

    file: FileName
    rows: RowCount


class FileChange(Document):
    """How the rows of one file changed.

    `came` and `went` are rows that are in another file in the other state, changed or not.
    """

    file: FileName
    before: RowCount
    after: RowCount
    added: RowCount = 0
    removed: RowCount = 0
    changed: RowCount = 0
    came: RowCount = 0
    went: RowCount = 0

    @model_validator(mode="after")
    def _counts_add_up(self) -> FileChange:
        if self.before + self.added + self.came != self.after + self.removed + self.went:
            raise ValueError(f"the counts do not add up from {self.before} to {self.after} rows")
        return self

    def mirrored(self) -> FileChange:
        """Return the same change in the other direction."""
        return FileChange(
            file=self.file,
            before=self.after,
            after=self.before,
            added=self.removed,
            removed=self.added,
            changed=self.changed,
            came=self.went,
            went=self.came,
        )


class SideFacts(Document):
    """One state: its rows, and the lines that could not be compared."""

    rows: RowCount = 0
    files: Annotated[tuple[FileRows, ...], Field(max_length=MAX_FILES)] = ()
    unreadable: RowList = RowList()
    """Lines that are not rows. No other count includes them."""
    repeated_ids: RowList = RowList()
    """Rows whose id already appears earlier in the same file."""


class ValueShift(Document):
    """How many rows have one value of a field, before and after."""

    value: Shown
    before: RowCount
    after: RowCount


class FieldShift(Document):
    """How the values of one field are distributed, before and after.

    `jensen_shannon` is the divergence in bits, 0 (the same) to 1 (nothing in common). `psi` is the
    population stability index in nats, with half a row added to every value so that a value in only
    one state does not give infinity. Both are None if one state has no row with the field.
    """

    field: Shown
    rows_before: RowCount
    rows_after: RowCount
    values_before: RowCount
    values_after: RowCount
    jensen_shannon: Distance | None
    psi: Distance | None
    added: RowCount = 0
    """Values that only the later state has."""
    removed: RowCount = 0
    first_added: Annotated[tuple[Shown, ...], Field(max_length=SHOWN)] = ()
    first_removed: Annotated[tuple[Shown, ...], Field(max_length=SHOWN)] = ()
    largest: Annotated[tuple[ValueShift, ...], Field(max_length=SHOWN)] = ()
    """The values whose share changed most, the largest change first."""

    @property
    def same(self) -> bool:
        """True if every value has as many rows as before."""
        return not self.largest and self.rows_before == self.rows_after

    def mirrored(self) -> FieldShift:
        """Return the same shift in the other direction."""
        return FieldShift(
            field=self.field,
            rows_before=self.rows_after,
            rows_after=self.rows_before,
            values_before=self.values_after,
            values_after=self.values_before,
            jensen_shannon=self.jensen_shannon,
            psi=self.psi,
            added=self.removed,
            removed=self.added,
            first_added=self.first_removed,
            first_removed=self.first_added,
            largest=tuple(
                ValueShift(value=one.value, before=one.after, after=one.before)
                for one in self.largest
            ),
        )


class Quantiles(Document):
    """Lengths in characters."""

    median: RowCount = 0
    p95: RowCount = 0
    longest: RowCount = 0


class LengthShift(Document):
    """How long one part of the rows is, before and after.

    The distances use length classes that double: 0, 1, 2-3, 4-7 characters and so on.
    """

    part: Literal["prompt", "answer"]
    before: Quantiles
    after: Quantiles
    jensen_shannon: Distance | None
    psi: Distance | None

    def mirrored(self) -> LengthShift:
        """Return the same shift in the other direction."""
        return self.model_copy(update={"before": self.after, "after": self.before})


class DataDiff(Document):
    """Everything that changed between two states of a data set."""

    before: SideFacts
    after: SideFacts
    unchanged: RowCount
    """Rows with the same id, content and file, on any line."""
    added: RowList = RowList()
    removed: RowList = RowList()
    changed: ChangedList = ChangedList()
    moved: ChangedList = ChangedList()
    """Rows with the same content in another file, such as from one split to another."""
    new_duplicates: RowList = RowList()
    """Rows that repeat an earlier row, beyond the repeats of the earlier state."""
    gone_duplicates: RowList = RowList()
    fields: Annotated[tuple[FieldShift, ...], Field(max_length=MAX_SHIFTS)] = ()
    fields_left_out: Annotated[tuple[Shown, ...], Field(max_length=MAX_SHIFTS)] = ()
    """Fields with too many values to compare, such as dates and free text."""
    lengths: Annotated[tuple[LengthShift, ...], Field(max_length=2)] = ()
    by_file: Annotated[tuple[FileChange, ...], Field(max_length=MAX_FILES)] = ()
    """Empty if the two states are one file each, with any names."""

    @model_validator(mode="after")
    def _counts_add_up(self) -> DataDiff:
        kept = self.unchanged + self.changed.count + self.moved.count
        for name, side, rest in (
            ("before", self.before, self.removed),
            ("after", self.after, self.added),
        ):
            if kept + rest.count != side.rows:
                raise ValueError(f"the counts do not add up to the {side.rows} rows {name}")
        return self

    @property
    def empty(self) -> bool:
        """True if both states have the same rows in the same files."""
        return (
            not (self.added.count or self.removed.count or self.changed.count or self.moved.count)
            and self.before.unreadable.count == self.after.unreadable.count
        )

    def mirrored(self) -> DataDiff:
        """Return the difference in the other direction."""
        return DataDiff(
            before=self.after,
            after=self.before,
            unchanged=self.unchanged,
            added=self.removed,
            removed=self.added,
            changed=self.changed.mirrored(),
            moved=self.moved.mirrored(),
            new_duplicates=self.gone_duplicates,
            gone_duplicates=self.new_duplicates,
            fields=tuple(field.mirrored() for field in self.fields),
            fields_left_out=self.fields_left_out,
            lengths=tuple(length.mirrored() for length in self.lengths),
            by_file=tuple(file.mirrored() for file in self.by_file),
        )
