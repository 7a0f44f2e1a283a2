"""One chunk of lines: what the gates for single rows find in it, and the figures of its rows.

This is the hot path, and nothing in it is done a row at a time that can be done for all rows of the
chunk: decoding in `batch`, looking for what might be wrong in `quick_check`, and hashing in
`sketch`. Lines in which something might be wrong are read again by the strict reader, whose words
are what people read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xxhash import xxh3_64_intdigest

from dataset.batch import Batch
from dataset.formats import FormatName
from dataset.ngrams import NgramIndex, Shared
from dataset.row_check import RowCheck, finding
from dataset.rows import MAX_LINE_BYTES, Defect, Row, row_of
from dataset.sketch import BANDS, U32, U64, keys_of, sketch
from policy.evidence import RowFinding
from policy.rules import DataGate

SHOWN = 50
"""Findings that are kept for each gate; the count is always whole."""
BOM = b"\xef\xbb\xbf"
PIECE = 1 << 17
"""Bytes that are decoded at a time: their rows, as objects, stay within a core's own cache."""


@dataclass
class Tally:
    """How often a gate spoke, and the first of what it said."""

    count: int = 0
    findings: list[RowFinding] = field(default_factory=list)
    not_run: str = ""
    """Why the gate could not be run to its end; empty where it was."""

    def add(self, found: RowFinding) -> None:
        """Count one finding; keep it while there is room."""
        self.count += 1
        if len(self.findings) < SHOWN:
            self.findings.append(found)

    def join(self, other: Tally) -> None:
        """Count what another tally counted, after what is here."""
        self.count += other.count
        self.findings += other.findings[: SHOWN - len(self.findings)]


@dataclass(frozen=True)
class Figures:
    """What is kept of each good row, as columns of equal length: 92 bytes a row, 100 with a group.

    `questions` and `answers` are the keys of all that the user says and of the last turn, `loose`
    of the question without punctuation, `ids` of
    the row's id, `prefixes` of the question's first bytes, `groups` of what names its group, 0 for
    none. `words` is the question's length, for which bands are worth something.
    """

    lines: U32
    questions: U64
    loose: U64
    answers: U64
    ids: U64
    prefixes: U32
    groups: U64 | None
    words: U32
    bands: U32
    shared: Shared | None = None
    """The n-grams of test rows that these rows hold."""

    def __len__(self) -> int:
        return len(self.lines)


@dataclass
class Examined:
    """What came of one chunk."""

    rows: int
    """Lines that are not blank, broken ones included."""
    tallies: dict[DataGate, Tally]
    formats: tuple[FormatName, ...]
    figures: Figures


def examine(check: RowCheck, where: str, first_line: int, data: bytes) -> Examined:
    """Read a chunk's lines and return what was found and what is kept of them."""
    if first_line == 1:
        data = data.removeprefix(BOM)
    tallies: dict[DataGate, Tally] = {}
    formats: dict[FormatName, None] = {}
    kept = _Kept([], [], [], [], [])
    rows = start = 0
    while start < len(data):
        end = data.find(b"\n", start + PIECE) + 1 or len(data)
        piece = data[start:end]
        rows += _examined(check, where, first_line, piece, tallies, formats, kept)
        first_line, start = first_line + piece.count(b"\n"), end
    return Examined(rows, tallies, tuple(formats), _figures(kept, check.index))


def _examined(
    check: RowCheck,
    where: str,
    first_line: int,
    data: bytes,
    tallies: dict[DataGate, Tally],
    formats: dict[FormatName, None],
    kept: _Kept,
) -> int:
    """Add what some whole lines hold to what is known; return how many rows they are."""
    batch = Batch.of(data, first_line, MAX_LINE_BYTES)
    fields = check.rules.group_fields
    here = _Kept(
        batch.lines,
        [asked(roles, said) for roles, said in zip(batch.roles, batch.said, strict=True)],
        [said[-1] for said in batch.said],
        batch.ids,
        [_group(value, fields) for value in batch.values],
    )
    doubtful = check.quick.doubtful(batch)
    rows = len(batch.lines) + len(batch.others)
    if doubtful or batch.others:
        gates = {batch.lines[at]: asking for at, asking in doubtful.items()}
        lines = data.split(b"\n")
        for number in sorted([*gates, *batch.others]):
            row = _strictly(lines[number - first_line], where, number)
            if isinstance(row, Defect):
                tally = tallies.setdefault("contract", Tally())
                tally.add(finding(row, row.field, row.message))
                continue
            for gate, found in check.findings(row, gates.get(number)):
                tallies.setdefault(gate, Tally()).add(found)
            if number not in gates:
                batch.formats[row.format] = min(number, batch.formats.get(row.format, number))
                here.add(row, _group(row.metadata, fields))
        here = here.in_order()
    formats.update(dict.fromkeys(sorted(batch.formats, key=lambda name: batch.formats[name])))
    kept.join(here)
    return rows


def _group(metadata: Mapping[str, Any], fields: Sequence[str]) -> int:
    """Return the key of what names a row's group; 0 where nothing does."""
    for key in fields:
        if key in metadata:
            return xxh3_64_intdigest(f"{key}={metadata[key]!r}".encode("utf-8", "replace"))
    return 0


def _strictly(line: bytes, where: str, number: int) -> Row | Defect:
    if len(line) > MAX_LINE_BYTES:
        from dataset import messages

        return Defect(where, number, "", "", messages.line_too_long(MAX_LINE_BYTES))
    return row_of(line, where, number)


def asked(roles: Sequence[str], said: Sequence[str]) -> str:
    """Return all that the user says, by which two rows are the same question."""
    if len(said) == 3 and roles[1] == "user" and roles[0] == "system" and roles[2] != "user":
        return said[1]
    return "\n".join(text for role, text in zip(roles, said, strict=True) if role == "user")


@dataclass
class _Kept:
    """What the figures of good rows are made of, in columns."""

    lines: list[int]
    texts: list[str]
    answers: list[str]
    ids: list[str]
    groups: list[int]

    def add(self, row: Row, group: int) -> None:
        """Add a row that the strict reader read."""
        self.lines.append(row.line)
        self.texts.append(row.user_text)
        self.answers.append(row.answer)
        self.ids.append(row.id)
        self.groups.append(group)

    def join(self, other: _Kept) -> None:
        """Add rows that come after these."""
        self.lines += other.lines
        self.texts += other.texts
        self.answers += other.answers
        self.ids += other.ids
        self.groups += other.groups

    def in_order(self) -> _Kept:
        """Return the rows in the order of their lines."""
        order = sorted(range(len(self.lines)), key=self.lines.__getitem__)
        return _Kept(
            [self.lines[at] for at in order],
            [self.texts[at] for at in order],
            [self.answers[at] for at in order],
            [self.ids[at] for at in order],
            [self.groups[at] for at in order],
        )


def _figures(kept: _Kept, index: NgramIndex | None) -> Figures:
    questions = sketch(kept.texts)
    return Figures(
        lines=np.array(kept.lines, dtype=np.uint32),
        questions=questions.keys,
        loose=questions.loose,
        answers=keys_of(kept.answers),
        ids=np.array([xxh3_64_intdigest(name.encode()) for name in kept.ids], dtype=np.uint64),
        prefixes=(questions.prefixes >> np.uint64(32)).astype(np.uint32),
        groups=np.array(kept.groups, dtype=np.uint64) if any(kept.groups) else None,
        words=np.minimum(questions.words, 0xFFFFFFFF).astype(np.uint32),
        bands=questions.bands if kept.texts else np.zeros((0, BANDS), dtype=np.uint32),
        shared=None if index is None else index.shared(questions.sums),
    )
