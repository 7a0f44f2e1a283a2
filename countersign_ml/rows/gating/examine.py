"""One chunk of lines: what the gates for single rows find in it, and the figures of its rows.

This is the hot path. Whatever can be done for all rows of the chunk at once is not done row by row:
decoding in `batch`, a first check in `quick_check`, and hashing in `sketch`. Lines that may have a
problem are read again by the strict reader, which writes the messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from countersign_ml.rows import rows_sentences
from countersign_ml.rows.gating.batch import Batch
from countersign_ml.rows.gating.row_check import RowCheck, finding
from countersign_ml.rows.kept.ngrams import Shared
from countersign_ml.rows.kept.row_figures import Figures, Kept, group_of
from countersign_ml.rows.read.formats import FormatName
from countersign_ml.rows.read.row import BOM, MAX_LINE_BYTES, Defect, Row, row_of, row_of_value
from countersign_ml.rows.read.tally import Tally
from policy.files.rules import DataGate

PIECE = 1 << 17
"""Bytes that are decoded at a time: the resulting objects fit into a core's cache."""


@dataclass
class Examined:
    """The result of one chunk."""

    rows: int
    """Lines that are not blank, broken ones included."""
    tallies: dict[DataGate, Tally]
    rejected: list[int]
    """Lines with a finding, ascending."""
    formats: tuple[FormatName, ...]
    figures: Figures
    shared: Shared | None
    """The n-grams that these rows share with test rows."""


def examine(check: RowCheck, where: str, first_line: int, data: bytes) -> Examined:
    """Read a chunk's lines; return the findings and the figures that are kept."""
    if first_line == 1:
        data = data.removeprefix(BOM)
    tallies: dict[DataGate, Tally] = {}
    rejected: list[int] = []
    formats: dict[FormatName, None] = {}
    kept = Kept(summed=check.index is not None)
    rows = start = 0
    while start < len(data):
        end = data.find(b"\n", start + PIECE) + 1 or len(data)
        piece = data[start:end]
        seen, lines = _examined(check, where, first_line, piece, tallies, rejected, formats, kept)
        rows, first_line, start = rows + seen, first_line + lines, end
    figures, shared = kept.figures(check.index)
    return Examined(rows, tallies, rejected, tuple(formats), figures, shared)


def _examined(
    check: RowCheck,
    where: str,
    first_line: int,
    data: bytes,
    tallies: dict[DataGate, Tally],
    rejected: list[int],
    formats: dict[FormatName, None],
    kept: Kept,
) -> tuple[int, int]:
    """Add findings and figures of some whole lines; return the number of rows and of lines."""
    fields = check.rules.group_fields
    gates: dict[int, set[DataGate]] = {}
    seen: dict[FormatName, int] = {}
    batch = Batch.of(data, first_line, MAX_LINE_BYTES)
    values: dict[int, Any] = {}
    for at, asking in check.quick.doubtful(batch).items():
        gates[batch.lines[at]] = asking
        values[batch.lines[at]] = batch.values[at]  # proven to be strict JSON
    seen |= batch.formats
    batch.keep(fields, kept)
    if gates or batch.others:
        lines = data.split(b"\n")
        for number in sorted([*gates, *batch.others]):
            row = (
                row_of_value(values[number], where, number)
                if number in values
                else _strictly(lines[number - first_line], where, number)
            )
            if isinstance(row, Defect):
                tally = tallies.setdefault("contract", Tally())
                tally.add(finding(row, row.field, row.message))
                rejected.append(number)
                continue
            found = list(check.findings(row, gates.get(number)))
            for gate, each in found:
                tallies.setdefault(gate, Tally()).add(each)
            if found:
                rejected.append(number)
            if number not in gates:
                seen[row.format] = min(number, seen.get(row.format, number))
                kept.add(row, group_of(row.metadata, fields))
    formats.update(dict.fromkeys(sorted(seen, key=lambda name: seen[name])))
    return len(batch) + len(batch.others), data.count(b"\n")


def _strictly(line: bytes, where: str, number: int) -> Row | Defect:
    if len(line) > MAX_LINE_BYTES:
        return Defect(where, number, "", "", rows_sentences.line_too_long(MAX_LINE_BYTES))
    return row_of(line, where, number)
