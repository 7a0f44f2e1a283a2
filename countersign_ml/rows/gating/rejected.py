"""The rows that the trainer leaves out, written to a separate file together with the reasons.

These are the lines that are not rows, and the rows with a finding of a gate for single rows. Rows
with findings of other gates (duplicates, leaks) are trained on if the policy allows them, and are
not included. The files are read a second time, so memory holds no rows; the originals are never
changed.
"""

from __future__ import annotations

import json
import os
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from countersign_ml.rows import rows_sentences
from countersign_ml.rows.gating.examine import examine
from countersign_ml.rows.gating.row_check import Found, RowCheck, finding
from countersign_ml.rows.read.row import BOM, MAX_LINE_BYTES, Row, row_of
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy.errors import UserError


def refuse_existing(target: Path) -> None:
    """Raise UserError if the file exists: nothing is overwritten."""
    if target.exists() or target.is_symlink():
        raise _exists(target)


def write_rejected(sources: list[Source], digests: list[str], rules: RowRules, target: Path) -> int:
    """Write one JSON object for each rejected row, and return how many there are.

    `digests` are the digests of the files when they were gated. The output appears whole or not at
    all, readable by its owner only; UserError if it exists or a file changed.
    """
    refuse_existing(target)
    check, count = RowCheck(rules), 0
    part: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        part = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as sink:
            for source, digest in zip(sources, digests, strict=True):
                again = Source(source.path, source.where)
                for told in _rejected(again, check):
                    sink.write(json.dumps(told, ensure_ascii=False) + "\n")
                    count += 1
                if again.digest != digest:
                    raise rows_sentences.changed_while_read(source.where)
            sink.flush()
            os.fsync(sink.fileno())
        os.link(part, target)  # unlike a rename, this fails if the file exists by now
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError as error:
        raise UserError.one(
            str(target), f"cannot be written: {error.strerror}", "name a file in another folder"
        ) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    return count


def _exists(target: Path) -> UserError:
    return UserError.one(
        str(target), "already exists, and nothing is overwritten", "name a new file"
    )


def _rejected(source: Source, check: RowCheck) -> Iterator[dict[str, Any]]:
    for chunk in source.chunks():
        if chunk.data and examine(check, source.where, chunk.first_line, chunk.data).tallies:
            for number, line in enumerate(chunk.data.split(b"\n"), chunk.first_line):
                text = line.removeprefix(BOM) if number == 1 else line
                found = _found(check, text, source.where, number)
                if found:
                    yield _told(source.where, number, found, text)
        for number, why in chunk.defects:
            told = _told(source.where, number, [], None)
            yield told | {"gates": ["contract"], "messages": [f"contract: {why}"]}


def _found(check: RowCheck, line: bytes, where: str, number: int) -> list[Found]:
    """Return what the gates for single rows find in one line."""
    if not line.strip():
        return []
    if len(line) > MAX_LINE_BYTES:
        row = row_of(b"{", where, number)
        return [("contract", finding(row, "", rows_sentences.line_too_long(MAX_LINE_BYTES)))]
    row = row_of(line, where, number)
    if isinstance(row, Row):
        return list(check.findings(row))
    return [("contract", finding(row, row.field, row.message))]


def _told(where: str, number: int, found: list[Found], line: bytes | None) -> dict[str, Any]:
    """Return one object: the place, the gates, their messages, and the text of the row.

    A line that is not UTF-8 is in `row_base64`; the text of a skipped line is null.
    """
    told: dict[str, Any] = {
        "file": where,
        "line": number,
        "id": found[0][1].id if found else "",
        "gates": list(dict.fromkeys(gate for gate, _ in found)),
        "messages": [
            f"{gate}{f' {each.field}' if each.field else ''}: {each.message}"
            for gate, each in found
        ],
    }
    if line is None:
        return told | {"row": None}
    try:
        return told | {"row": line.removesuffix(b"\r").decode("utf-8")}
    except UnicodeDecodeError:
        return told | {"row": None, "row_base64": b64encode(line).decode()}
