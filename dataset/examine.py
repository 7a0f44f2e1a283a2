"""One chunk of lines: what the gates for single rows find in it, and the figures of its rows.

This is the hot path. A line that is plainly a good row costs a decode, a few comparisons and its
share of the batch in `sketch`; every other line is read again by the strict reader, whose words are
what people read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xxhash import xxh3_64_intdigest

from dataset.formats import FormatName
from dataset.ngrams import NgramIndex, Shared
from dataset.row_check import RowCheck, finding
from dataset.rows import MAX_LINE_BYTES, Defect, Row, row_of
from dataset.shapes import plain_turns
from dataset.sketch import BANDS, U32, U64, sketch
from dataset.vouched import vouched
from policy.evidence import RowFinding
from policy.rules import DataGate

SHOWN = 50
"""Findings that are kept for each gate; the count is always whole."""
LINE_ID = "line-"
BOM = b"\xef\xbb\xbf"


@dataclass
class Tally:
    """How often a gate spoke, and the first of what it said."""

    count: int = 0
    findings: list[RowFinding] = field(default_factory=list)

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
    tallies: dict[DataGate, Tally] = {}
    formats: dict[FormatName, None] = {}
    lines: list[int] = []
    texts: list[str] = []
    answers: list[str] = []
    ids: list[str] = []
    groups: list[int] = []
    metadata: Mapping[str, Any]
    rows, suspect, grouped = 0, check.suspects(data), False
    fields = check.rules.group_fields
    if first_line == 1:
        data = data.removeprefix(BOM)
    for number, line in enumerate(data.split(b"\n"), first_line):
        value: Any = vouched(line) if 0 < len(line) <= MAX_LINE_BYTES else None
        plain = plain_turns(value) if type(value) is dict else None
        identity = value.get("id", "") if plain is not None else True
        if plain is None or not (type(identity) is str or type(identity) is int):
            if not line.strip():
                continue
            rows += 1
            row = _strictly(line, where, number)
            if isinstance(row, Defect):
                tally = tallies.setdefault("contract", Tally())
                tally.add(finding(row, row.field, row.message))
                continue
            formats[row.format] = None
            _judged(check, row, tallies)
            lines.append(number)
            texts.append(row.user_text)
            answers.append(row.answer)
            ids.append(row.id)
            metadata = row.metadata
        else:
            rows += 1
            name, (roles, said) = plain
            formats[name] = None
            if identity == "":
                if "id" in value:
                    tally = tallies.setdefault("contract", Tally())
                    broken = _strictly(line, where, number)
                    tally.add(finding(broken, "id", getattr(broken, "message", "")))
                    continue
                identity = f"{LINE_ID}{number}"
            if not check.clean(value, roles, said, suspect):
                strict = _strictly(line, where, number)
                if isinstance(strict, Row):
                    _judged(check, strict, tallies)
            lines.append(number)
            texts.append(asked(roles, said))
            answers.append(said[-1])
            ids.append(identity if type(identity) is str else str(identity))
            metadata = value
        group = 0
        for key in fields:
            if key in metadata:
                group = xxh3_64_intdigest(f"{key}={metadata[key]!r}".encode("utf-8", "replace"))
                grouped = True
                break
        groups.append(group)
    return Examined(
        rows,
        tallies,
        tuple(formats),
        _figures(lines, texts, answers, ids, groups if grouped else None, check.index),
    )


def _strictly(line: bytes, where: str, number: int) -> Row | Defect:
    if len(line) > MAX_LINE_BYTES:
        from dataset import messages

        return Defect(where, number, "", "", messages.line_too_long(MAX_LINE_BYTES))
    return row_of(line, where, number)


def _judged(check: RowCheck, row: Row, tallies: dict[DataGate, Tally]) -> None:
    for gate, found in check.findings(row):
        tallies.setdefault(gate, Tally()).add(found)


def asked(roles: Sequence[str], said: Sequence[str]) -> str:
    """Return all that the user says, by which two rows are the same question."""
    if len(said) == 3 and roles[1] == "user" and roles[0] == "system" and roles[2] != "user":
        return said[1]
    return "\n".join(text for role, text in zip(roles, said, strict=True) if role == "user")


def _figures(
    lines: list[int],
    texts: list[str],
    answers: list[str],
    ids: list[str],
    groups: list[int] | None,
    index: NgramIndex | None,
) -> Figures:
    questions = sketch(texts)
    return Figures(
        lines=np.array(lines, dtype=np.uint32),
        questions=questions.keys,
        loose=questions.loose,
        answers=sketch(answers, banded=False).keys,
        ids=np.array([xxh3_64_intdigest(name.encode()) for name in ids], dtype=np.uint64),
        prefixes=(questions.prefixes >> np.uint64(32)).astype(np.uint32),
        groups=None if groups is None else np.array(groups, dtype=np.uint64),
        words=np.minimum(questions.words, 0xFFFFFFFF).astype(np.uint32),
        bands=questions.bands if len(texts) else np.zeros((0, BANDS), dtype=np.uint32),
        shared=None if index is None else index.shared(questions.sums),
    )
