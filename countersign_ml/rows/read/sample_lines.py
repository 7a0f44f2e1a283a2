"""Every line of a source together with its row: for commands that copy lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from countersign_ml.rows import rows_sentences
from countersign_ml.rows.read.row import MAX_LINE_BYTES, Defect, Row, row_of
from countersign_ml.rows.read.source import Source
from policy.errors import Problem, UserError

SHOWN = 50
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Line:
    """One line that is not blank, as it is in the file, without its line break."""

    number: int
    raw: bytes
    row: Row | Defect


def local_source(path: str) -> Source:
    """Return a source for the path or URL given; UserError if there is no such file."""
    source = Source(path, path)
    if not source.is_url and not Path(path).is_file():
        raise UserError.one(
            path, "no such file", "name a file of rows: .jsonl, .jsonl.gz, .jsonl.zst or .parquet"
        )
    return source


def read_lines(source: Source) -> Iterator[Line]:
    """Yield every line but the blank ones, in order; the source's digest is checked at the end."""
    for chunk in source.chunks():
        number = chunk.first_line
        for raw in chunk.data.split(b"\n"):
            line = raw.removeprefix(_MARK) if number == 1 else raw
            if len(line) > MAX_LINE_BYTES:
                said = rows_sentences.line_too_long(MAX_LINE_BYTES)
                yield Line(number, b"", Defect(source.where, number, "", "", said))
            elif line.strip():
                yield Line(number, line, row_of(line, source.where, number))
            number += 1
        for place, why in chunk.defects:
            yield Line(place, b"", Defect(source.where, place, "", "", why))


def read_source(source: Source) -> Iterator[Row | Defect]:
    """Yield every row of a source, and every line that is not a row."""
    return (line.row for line in read_lines(source))


def sound(lines: Iterable[Line], what: str) -> Iterator[tuple[Line, Row]]:
    """Yield the rows; at the end raise UserError for the lines that are not rows, listing fifty."""
    problems: list[Problem] = []
    count = 0
    for line in lines:
        if isinstance(line.row, Row):
            if not count:
                yield line, line.row
            continue
        count += 1
        if len(problems) < SHOWN:
            field = f" {line.row.field}" if line.row.field else ""
            problems.append(Problem(f"{line.row.file}:{line.number}{field}", line.row.message))
    if count:
        if count > SHOWN:
            problems.append(Problem("", f"and {count - SHOWN} more lines that are not rows"))
        problems.append(Problem("", what, "fix these lines first"))
        raise UserError(problems)
