"""What one row must be, looked at by itself: the contract, the approval and where it comes from.

The data gates count what this finds; the trainer leaves out what this finds. Both ask the same
function, so that no row is trained on that a gate named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dataset import messages
from dataset.rows import Defect, Row, read_rows
from dataset.tool_calls import row_problems
from policy.evidence import RowFinding
from policy.rules import DataGate
from runner.repository import ModelFolder

Found = tuple[DataGate, RowFinding]


@dataclass(frozen=True)
class RowCheck:
    """The rules for one row of a model, licences in lower case; no licences: any will do."""

    folder: ModelFolder
    licences: frozenset[str]

    @classmethod
    def of(cls, folder: ModelFolder, licences: tuple[str, ...]) -> RowCheck:
        return cls(folder, frozenset(name.casefold() for name in licences))

    def findings(self, row: Row) -> Iterator[Found]:
        """Yield everything that is wrong with a row by itself."""
        yield from (("contract", found) for found in self._contract(row))
        if row.metadata.get("approved") is not True:
            yield "approved", finding(row, "approved", messages.NOT_APPROVED)
        yield from (("provenance", found) for found in self._provenance(row))

    def accepted(self, path: Path, where: str) -> Iterator[Row]:
        """Yield the rows of a file that no gate for single rows names."""
        for row in read_rows(path, where):
            if isinstance(row, Row) and next(self.findings(row), None) is None:
                yield row

    def _contract(self, row: Row) -> Iterator[RowFinding]:
        for field, message in turn_problems(row):
            yield finding(row, field, message)
        if row.messages[-1].role != "assistant":
            return
        for field, message in row_problems(row):
            yield finding(row, field, message)
        folder = self.folder
        if folder.input_schema is not None:
            for field, message in folder.input_schema.problems(row.last_user_text):
                yield finding(row, _below("input", field), message)
        if folder.output_schema is not None:
            for field, message in folder.output_schema.problems(row.answer):
                yield finding(row, _below("output", field), message)

    def _provenance(self, row: Row) -> Iterator[RowFinding]:
        source = row.metadata.get("source", self.folder.card.countersign.source)
        if not isinstance(source, str) or not source.strip():
            yield finding(row, "source", messages.NO_SOURCE)
        key = "licence" if "licence" in row.metadata else "license"
        licence = row.metadata.get(key, self.folder.card.license)
        if not isinstance(licence, str) or not licence.strip():
            yield finding(row, key, messages.NO_LICENCE)
        elif self.licences and licence.casefold() not in self.licences:
            yield finding(row, key, messages.licence_not_allowed(licence))


def turn_problems(row: Row) -> Iterator[tuple[str, str]]:
    """Yield (field, message) for turns that are empty or out of order.

    At most one system turn, first; then user and assistant in turn, a tool's result only after an
    assistant; the assistant last.
    """
    before = ""
    for number, turn in enumerate(row.messages):
        place = f"messages.{number}"
        if not turn.content.strip():
            yield place, f"the {turn.role} turn is empty"
        if turn.role == "system" and number > 0:
            yield place, "a system turn stands after the first"
            continue
        if turn.role in ("assistant", "tool") and before in ("", "system"):
            yield place, f"the {turn.role} speaks before any user"
        elif turn.role == "tool" and before == "user":
            yield place, "a tool's result follows a user turn"
        elif turn.role == before and turn.role in ("user", "assistant"):
            yield place, f"two {turn.role} turns in a row"
        before = turn.role
    if before != "assistant":
        yield f"messages.{len(row.messages) - 1}", "the last turn is not the assistant's"


def finding(row: Row | Defect, field: str, message: str) -> RowFinding:
    """Return a finding about a row, where it stands."""
    return RowFinding(file=row.file, line=row.line, id=row.id, field=field, message=message)


def _below(name: str, field: str) -> str:
    return f"{name}.{field}" if field else name
