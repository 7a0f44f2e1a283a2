"""One state of a dataset as columns of digests: about a hundred bytes a row.

Rows are matched by id; rows without an id by content. A digest that decides that nothing changed
has 128 bits, so that nobody can make a changed row look unchanged.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from hashlib import blake2b

import msgspec
import numpy as np
import numpy.typing as npt

from countersign_ml.rows.read.row import Defect, Row
from countersign_ml.rows.statistics.stats_fields import FieldCounts, given_id
from policy.facts.data_diff import (
    MAX_FILES,
    MAX_TEXT,
    SHOWN,
    FileRows,
    RowList,
    RowPlace,
    SideFacts,
)

WHOLE, PART = 16, 8
"""Bytes of a digest that shows equal rows, and of one that shows which part changed."""
Codes = npt.NDArray[np.int64]
_TURNS = msgspec.json.Encoder().encode
_METADATA = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=str).encode
"""The standard library's encoder, because metadata may have numbers of any size."""


class Side:
    """The rows of one state, read once."""

    def __init__(
        self, rows: Iterable[Row | Defect], always: Iterable[str] = (), *, one_file: bool = False
    ) -> None:
        """Read the rows; with `one_file` the file of a row is ignored."""
        self.one_file = one_file
        self.fields = FieldCounts(always)
        self.whole, self.content = bytearray(), bytearray()
        self.key, self.prompt, self.answer, self.metadata = (array("Q") for _ in range(4))
        self.prompt_length, self.answer_length = array("Q"), array("Q")
        self.file_number, self.line = array("Q"), array("Q")
        self.ids, self.id_ends = bytearray(), array("Q")
        self.files: dict[str, int] = {}
        self.names: list[str] = []
        self.rows_of: list[int] = []
        self.unreadable = 0
        self.first_unreadable: list[RowPlace] = []
        for row in rows:
            if isinstance(row, Defect):
                self._unread(row)
                continue
            try:
                metadata = _METADATA(row.metadata)
            except RecursionError:  # nested just deep enough to be read but not written
                self._unread(row)
            else:
                self._row(row, metadata.encode())

    def __len__(self) -> int:
        return len(self.line)

    def _unread(self, row: Row | Defect) -> None:
        self.unreadable += 1
        if len(self.first_unreadable) < SHOWN:
            place = RowPlace(file=row.file, line=row.line, id=row.id[:MAX_TEXT])
            self.first_unreadable.append(place)

    def _row(self, row: Row, said_of_it: bytes) -> None:
        turns = [(turn.role, turn.content) for turn in row.messages]
        asked, said = _digest(_TURNS(turns[:-1])), _digest(_TURNS(turns[-1]))
        metadata = _digest(said_of_it)
        content = _digest(asked + said)
        name = given_id(row)
        key = _digest(b"id\0" + name.encode()) if name else content
        file = "" if self.one_file else row.file
        self.whole += _digest(key + content + metadata + file.encode())
        self.content += content
        for column, digest in (
            (self.key, key),
            (self.prompt, asked),
            (self.answer, said),
            (self.metadata, metadata),
        ):
            column.append(int.from_bytes(digest[:PART], "big"))
        self.prompt_length.append(sum(len(turn.content) for turn in row.prompt))
        self.answer_length.append(len(row.answer))
        number = self.files.setdefault(row.file, len(self.files))
        if number == len(self.rows_of):
            self.names.append(row.file)
            self.rows_of.append(0)
        self.rows_of[number] += 1
        self.file_number.append(number)
        self.line.append(row.line)
        self.ids += name[:MAX_TEXT].encode()
        self.id_ends.append(len(self.ids))
        self.fields.add(row)

    def place(self, index: int) -> RowPlace:
        """Return the place of a row."""
        start = self.id_ends[index - 1] if index else 0
        name = self.ids[start : self.id_ends[index]].decode()
        return RowPlace(file=self.file(index), line=self.line[index], id=name)

    def file(self, index: int) -> str:
        """Return the name of the file of a row."""
        return self.names[self.file_number[index]]

    def compared_file(self, index: int) -> int | str:
        """Return the key by which two rows are in the same file."""
        return "" if self.one_file else self.file(index)

    def listed(self, indices: Iterable[int]) -> RowList:
        """Return the number of rows, and the file and line of the first ones."""
        known = sorted(indices, key=lambda index: (self.file(index), self.line[index]))
        return RowList(count=len(known), first=tuple(map(self.place, known[:SHOWN])))

    def facts(self) -> SideFacts:
        """Return the facts of this state alone."""
        counts = sorted(zip(self.files, self.rows_of, strict=True))[:MAX_FILES]
        return SideFacts(
            rows=len(self),
            files=tuple(FileRows(file=file, rows=rows) for file, rows in counts),
            unreadable=RowList(count=self.unreadable, first=tuple(self.first_unreadable)),
            repeated_ids=self.listed(self._repeated_ids()),
        )

    def _repeated_ids(self) -> list[int]:
        if not len(self):
            return []
        keys = np.unique(np.frombuffer(self.key, dtype=np.uint64), return_inverse=True)[1]
        files = np.frombuffer(self.file_number, dtype=np.uint64).astype(np.int64)
        ends = np.frombuffer(self.id_ends, dtype=np.uint64)
        named = np.diff(ends, prepend=np.uint64(0)) > 0
        again = occurrence(keys * len(self.files) + files) > 0
        return [int(index) for index in np.flatnonzero(again & named)]


def shared_codes(one: bytearray, other: bytearray) -> tuple[Codes, Codes]:
    """Return a number for each 16-byte digest of both columns; equal digests share it."""
    both = np.frombuffer(bytes(one + other), dtype=f"V{WHOLE}").view(f"S{WHOLE}")
    if not len(both):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    codes = np.unique(both, return_inverse=True)[1].astype(np.int64)
    border = len(one) // WHOLE
    return codes[:border], codes[border:]


def occurrence(codes: Codes) -> Codes:
    """Return for each element how many equal ones come before it."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    numbers = np.arange(len(codes))
    starts = np.ones(len(codes), dtype=bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    first = np.maximum.accumulate(np.where(starts, numbers, 0))
    ranks = np.empty(len(codes), dtype=np.int64)
    ranks[order] = numbers - first
    return ranks


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=WHOLE).digest()
