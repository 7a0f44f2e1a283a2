"""The plain rows of a chunk as columns, read by a few passes over all of them.

A row is plain where its line is strict JSON, its shape one of the common ones and its id in order.
Every other line is given back, for the strict reader to look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from dataset.formats import FormatName, Role
from dataset.shapes import MESSAGE_ROLES, plain_turns
from dataset.vouched import vouched, vouched_lines

LINE_ID = "line-"
Roles = tuple[Role, ...]


@dataclass
class Batch:
    """Rows in columns of equal length, and the numbers of the lines that are left over."""

    lines: list[int] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    formats: dict[FormatName, int] = field(default_factory=dict)
    """The formats of the rows, each with the line where it comes first."""
    roles: list[Roles] = field(default_factory=list)
    said: list[list[str]] = field(default_factory=list)
    """The texts of each row's turns."""
    ids: list[str] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    """Lines that are not blank and were not read."""

    @classmethod
    def of(cls, data: bytes, first_line: int, longest: int) -> Batch:
        """Read whole lines; one of more than `longest` bytes is left over."""
        values = vouched_lines(data) if len(data) <= longest or not _longer(data, longest) else None
        if values is not None:
            lines = list(range(first_line, first_line + len(values)))
            batch = cls._columns(lines, values)
            if batch is not None:
                return batch
            return cls._rows(zip(lines, values, strict=True))
        return cls._rows(
            (number, vouched(line) if len(line) <= longest else None)
            for number, line in enumerate(data.split(b"\n"), first_line)
            if line and not line.isspace()
        )

    @classmethod
    def _columns(cls, lines: list[int], values: list[Any]) -> Batch | None:
        """Return a batch where every row has `messages` of two plain keys, else None."""
        try:
            turns = [value["messages"] for value in values]
            roles = [tuple([turn["role"] for turn in row]) for row in turns]
            said = [[turn["content"] for turn in row] for row in turns]
            ids = [
                value["id"] if "id" in value else f"{LINE_ID}{line}"  # noqa: SIM401 - made where needed
                for line, value in zip(lines, values, strict=True)
            ]
            plain = (
                set(map(type, values)) == {dict}
                and set(map(type, turns)) == {list}
                and set(map(len, chain.from_iterable(turns))) == {2}
                and all(row and MESSAGE_ROLES.issuperset(row) for row in set(roles))
                and set(map(type, chain.from_iterable(said))) == {str}
                and {str, int}.issuperset(map(type, ids))
                and "" not in ids
                and True not in ["tools" in value for value in values]
            )
        except (TypeError, KeyError, AttributeError):
            return None
        if not plain:
            return None
        return cls(lines, values, {"messages": lines[0]}, roles, said, list(map(str, ids)))

    @classmethod
    def _rows(cls, values: Iterator[tuple[int, Any]]) -> Batch:
        batch = cls()
        for number, value in values:
            plain = plain_turns(value) if type(value) is dict else None
            given = value.get("id", f"{LINE_ID}{number}") if plain is not None else ""
            if plain is None or not (type(given) is str or type(given) is int) or given == "":
                batch.others.append(number)
                continue
            name, (roles, said) = plain
            batch.formats.setdefault(name, number)
            batch.lines.append(number)
            batch.values.append(value)
            batch.roles.append(roles)
            batch.said.append(said)
            batch.ids.append(str(given))
        return batch


def _longer(data: bytes, longest: int) -> bool:
    return any(len(line) > longest for line in data.split(b"\n"))
