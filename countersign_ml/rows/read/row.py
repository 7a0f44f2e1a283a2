"""Rows, one at a time: memory does not grow with the file, and a broken line is a finding.

Each line of a JSONL file becomes a `Row`, or a `Defect` that says where and what is wrong. Nothing
is repaired silently: a byte order mark and Windows line endings are ignored because they change no
meaning; everything else that is not a row is reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from countersign_ml.rows.read.formats import FormatName, NotARow, Turn, turns_of
from countersign_ml.rows.read.strict_json import loads
from countersign_ml.rows.rows_sentences import line_too_long, unreadable
from policy.canonical import canonical_json

BOM = b"\xef\xbb\xbf"
MAX_LINE_BYTES = 16_000_000
"""A longer line means that the file lost its line breaks."""


@dataclass(frozen=True)
class Row:
    """One example: its turns, and all other fields as metadata."""

    id: str
    messages: tuple[Turn, ...]
    metadata: Mapping[str, Any]
    line: int
    file: str
    format: FormatName

    @property
    def prompt(self) -> tuple[Turn, ...]:
        """The turns before the last answer."""
        return self.messages[:-1]

    @property
    def answer(self) -> str:
        """The text of the last turn: what the model should say."""
        return self.messages[-1].content

    @property
    def user_text(self) -> str:
        """Everything the user says, by which two rows are the same question."""
        return "\n".join(turn.content for turn in self.messages if turn.role == "user")

    @property
    def last_user_text(self) -> str:
        """The last user turn before the answer; empty if there is none."""
        said = [turn.content for turn in self.prompt if turn.role == "user"]
        return said[-1] if said else ""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Defect:
    """A line that is not a row."""

    file: str
    line: int
    id: str
    field: str
    message: str


def read_rows(path: Path, where: str) -> Iterator[Row | Defect]:
    """Yield every line of a JSONL file, in order; blank lines are skipped.

    `where` is the file's name in findings. UserError if the file cannot be read at all.
    """
    try:
        with path.open("rb") as source:
            number = 0
            while line := source.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    yield Defect(where, number, "", "", line_too_long(MAX_LINE_BYTES))
                    while line and not line.endswith(b"\n"):
                        line = source.readline(MAX_LINE_BYTES)
                    continue
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield row_of(line, where, number)
    except OSError as error:
        raise unreadable(where, error) from error


def row_of(line: bytes, where: str, number: int) -> Row | Defect:
    """Return the row on one line, or what is wrong with it."""
    try:
        value = loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Defect(where, number, "", "", f"not UTF-8: {error.reason} at byte {error.start + 1}")
    except JSONDecodeError as error:  # a row is one line: its own line count would mislead
        said = f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
        return Defect(where, number, "", "", f"not valid JSON: {said}")
    except ValueError as error:
        return Defect(where, number, "", "", f"not valid JSON: {error}")
    return row_of_value(value, where, number)


def row_of_value(value: Any, where: str, number: int) -> Row | Defect:
    """Return the row that the value of one line's strict JSON is, or what is wrong with it."""
    if not isinstance(value, dict):
        return Defect(where, number, "", "", "not a JSON object")
    given = value.get("id", f"line-{number}")
    if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
        return Defect(where, number, "", "id", "must be text or a whole number")
    try:
        name, turns, keys = turns_of(value)
    except NotARow as error:
        return Defect(where, number, str(given), error.field, str(error))
    metadata = {key: item for key, item in value.items() if key not in keys and key != "id"}
    return Row(str(given), turns, metadata, number, where, name)


class RowsDigest:
    """The digest of the ids and turns of rows, without their metadata: SHA-256 over one line of
    canonical JSON for each row."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, row: Row) -> None:
        turns = [[turn.role, turn.content] for turn in row.messages]
        self._sha.update(canonical_json([row.id, turns]) + b"\n")

    @property
    def value(self) -> str:
        return f"sha256:{self._sha.hexdigest()}"


def rows_digest(rows: Iterable[Row]) -> str:
    """Return the digest of the ids and turns of rows, without their metadata."""
    digest = RowsDigest()
    for row in rows:
        digest.add(row)
    return digest.value
