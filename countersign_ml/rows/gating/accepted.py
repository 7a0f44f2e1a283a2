"""The accepted rows of a gated file, in a stream; the gates listed the lines to leave out.

No gate runs again, and memory holds one piece of the file. The file must still have the bytes that
were gated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from countersign_ml.rows import rows_sentences
from countersign_ml.rows.gating.examine import PIECE
from countersign_ml.rows.kept.columns import I64
from countersign_ml.rows.kept.vouched import vouched_lines
from countersign_ml.rows.read.chunk import Chunk
from countersign_ml.rows.read.row import BOM, Row, row_of, row_of_value
from countersign_ml.rows.read.source import Source


@dataclass(frozen=True)
class AcceptedRows:
    """The rows of one file without a finding of a gate for single rows, in the file's order."""

    path: str
    where: str
    digest: str
    """The digest that the file had when it was gated."""
    rows: int
    """Lines that are not blank, rejected ones included."""
    rejected: I64 = field(repr=False)
    """Lines with a finding, ascending."""

    def __len__(self) -> int:
        return self.rows - len(self.rejected)

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows; UserError at the end if they are not the rows that were gated."""
        source, count = Source(self.path, self.where), 0
        for chunk in source.chunks():
            for row in self._rows(chunk):
                count += 1
                yield row
        if source.digest != self.digest:
            raise rows_sentences.changed_while_read(self.where)
        assert count == len(self), "the gates and this reader disagree about which lines are rows"

    def _rows(self, chunk: Chunk) -> Iterator[Row]:
        data, line = chunk.data, chunk.first_line
        if line == 1:
            data = data.removeprefix(BOM)
        start = 0
        while start < len(data):
            end = data.find(b"\n", start + PIECE) + 1 or len(data)
            piece = data[start:end]
            lines = piece.count(b"\n")
            first, last = np.searchsorted(self.rejected, (line, line + lines + 1))
            yield from _piece(piece, self.where, line, set(self.rejected[first:last].tolist()))
            line, start = line + lines, end


def _piece(data: bytes, where: str, first_line: int, rejected: set[int]) -> Iterator[Row]:
    """Yield the rows of some whole lines; what the strict reader must read, it reads."""
    values = vouched_lines(data)
    if values is None:
        for number, line in enumerate(data.split(b"\n"), first_line):
            if number not in rejected and line.strip():
                yield _row(row_of(line, where, number), where)
        return
    for number, value in enumerate(values, first_line):
        if number not in rejected:
            yield _row(row_of_value(value, where, number), where)


def _row(found: object, where: str) -> Row:
    if not isinstance(found, Row):  # only possible if the file is not the one that was gated
        raise rows_sentences.changed_while_read(where)
    return found
