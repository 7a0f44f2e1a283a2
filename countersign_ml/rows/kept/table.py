"""What is known about one file after it was read: its figures, and how to find a row again."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from countersign_ml.rows.kept.columns import I64, Column, distinct
from countersign_ml.rows.kept.ngrams import Shared, SharedNgrams
from countersign_ml.rows.kept.row_figures import Figures, asked
from countersign_ml.rows.kept.vouched import vouched
from countersign_ml.rows.read.formats import FormatName
from countersign_ml.rows.read.row import BOM, Row, row_of, row_of_value
from countersign_ml.rows.read.row_shapes import plain_turns
from countersign_ml.rows.read.source import Source


@dataclass
class Table:
    """One file of a split. Row numbers count from 0 in the columns; lines are those of the file."""

    split: str
    source: Source
    rows: int = 0
    formats: dict[FormatName, None] = field(default_factory=dict)
    rejected: list[I64] = field(default_factory=list)
    """Lines with a finding of a gate for single rows, ascending; one block for each chunk."""
    lines: Column = field(default_factory=Column)
    questions: Column = field(default_factory=Column)
    loose: Column = field(default_factory=Column)
    answers: Column = field(default_factory=Column)
    ids: Column = field(default_factory=Column)
    prefixes: Column = field(default_factory=Column)
    groups: Column = field(default_factory=Column)
    words: Column = field(default_factory=Column)
    bands: Column = field(default_factory=Column)
    grouped: bool = False
    """Whether any row names a group; if none does, `groups` is empty."""
    shared: SharedNgrams | None = None
    """The n-grams that these rows share with test rows, if these are training rows."""
    _offsets: list[tuple[int, int, int]] = field(default_factory=list)
    """The place of lines in the file: (first line, offset, bytes) of every chunk."""

    @property
    def where(self) -> str:
        return self.source.where

    @property
    def length(self) -> int:
        """Return the number of rows with figures: the good ones."""
        return self.lines.length

    def add(
        self, figures: Figures, shared: Shared | None, first_line: int, offset: int, size: int
    ) -> None:
        """Add the figures of the next chunk."""
        before = self.lines.length
        self._offsets.append((first_line, offset, size))
        for column, block in (
            (self.lines, figures.lines),
            (self.questions, figures.questions),
            (self.loose, figures.loose),
            (self.answers, figures.answers),
            (self.ids, figures.ids),
            (self.prefixes, figures.prefixes),
            (self.words, figures.words),
            (self.bands, figures.bands),
        ):
            column.append(block)
        if shared is not None and self.shared is not None:
            self.shared.add(shared)
        if not self.grouped and figures.groups.any():
            self.grouped = True
            for start in range(0, before, 1 << 20):
                self.groups.append(np.zeros(min(1 << 20, before - start), dtype=np.uint64))
        if self.grouped:
            self.groups.append(figures.groups)

    def rejected_lines(self) -> I64:
        """Return the lines with a finding of a gate for single rows, ascending."""
        return np.concatenate([np.zeros(0, dtype=np.int64), *self.rejected])

    def lines_of(self, rows: I64) -> list[int]:
        """Return the line of each row, in any order."""
        ordered = distinct(rows)
        lines = self.lines.taken(ordered)
        return [int(lines[at]) for at in np.searchsorted(ordered, rows)]

    def questions_at(self, lines: Sequence[int]) -> Iterator[tuple[int, str]]:
        """Read some lines again and yield (line, user text), ascending."""
        for line, text in self._texts(lines):
            value = vouched(text)
            plain = plain_turns(value) if type(value) is dict else None
            if plain is not None:
                _, (roles, said) = plain
                yield line, asked(roles, said)
            else:
                row = (
                    row_of(text, self.where, line)
                    if value is None
                    else row_of_value(value, self.where, line)
                )
                if isinstance(row, Row):
                    yield line, row.user_text

    def fetch(self, lines: Sequence[int]) -> Iterator[Row]:
        """Read some lines again, only from their chunks, and yield the rows, ascending."""
        for line, text in self._texts(lines):
            row = row_of(text, self.where, line)
            if isinstance(row, Row):
                yield row

    def _texts(self, lines: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        wanted = sorted(set(lines))
        if not wanted:
            return
        for first_line, data in self._pieces(wanted):
            ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n"))
            low = bisect_left(wanted, first_line)
            for line in wanted[low : bisect_right(wanted, first_line + len(ends), low)]:
                at = line - first_line
                begin = ends[at - 1] + 1 if at else 0
                text = data[begin : ends[at] if at < len(ends) else len(data)]
                yield line, text.removeprefix(BOM) if line == 1 else text

    def _pieces(self, wanted: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        if self.source.seekable:
            starts = [first for first, _, _ in self._offsets]
            at = sorted({bisect_right(starts, line) - 1 for line in wanted})
            with self.source.open() as stored:
                for index in at:
                    first_line, offset, size = self._offsets[index]
                    stored.seek(offset)
                    yield first_line, stored.read(size).removesuffix(b"\n")
            return
        for chunk in Source(self.source.path, self.where).chunks():
            if chunk.first_line > wanted[-1]:
                return
            yield chunk.first_line, chunk.data.removesuffix(b"\n")
