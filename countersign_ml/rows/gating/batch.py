"""The plain rows of a chunk as columns, read by a few passes over all of them.

A row is plain if its line is strict JSON, its shape one of the common ones and its id valid. Every
other line is left to the strict reader.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, chain
from typing import Any

from countersign_ml.rows.detect.third_party import utf8
from countersign_ml.rows.gating.tool_rows import tool_turns
from countersign_ml.rows.kept.row_figures import Kept, asked, group_of
from countersign_ml.rows.kept.vouched import vouched, vouched_lines
from countersign_ml.rows.read.formats import FormatName, Roles
from countersign_ml.rows.read.row_shapes import MESSAGE_ROLES, Plain, plain_turns

LINE_ID = "line-"


@dataclass
class Batch:
    """Rows in columns of equal length, and the numbers of the remaining lines."""

    lines: list[int] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    formats: dict[FormatName, int] = field(default_factory=dict)
    """The formats of the rows, each with its first line."""
    roles: list[Roles] = field(default_factory=list)
    said: list[list[str]] = field(default_factory=list)
    """The texts of each row's turns."""
    ids: list[str] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    """Lines that are not blank and not read here."""
    doubted: list[int] = field(default_factory=list)
    """Rows whose answer may not fit the tools that they declare."""

    @classmethod
    def of(cls, data: bytes, first_line: int, longest: int) -> Batch:
        """Read whole lines; a line of more than `longest` bytes is added to `others`."""
        values = vouched_lines(data) if len(data) <= longest or not _longer(data, longest) else None
        if values is not None:
            lines = list(range(first_line, first_line + len(values)))
            batch = cls._columns(lines, values)
            if batch is not None:
                return batch
            return cls._rows(zip(lines, values, strict=True))
        return cls.of_lines(enumerate(data.split(b"\n"), first_line), longest)

    @classmethod
    def of_lines(cls, lines: Iterable[tuple[int, bytes]], longest: int) -> Batch:
        """Read numbered lines one by one; a line of more than `longest` bytes is added to
        `others`."""
        return cls._rows(
            (number, vouched(line) if len(line) <= longest else None)
            for number, line in lines
            if line and not line.isspace()
        )

    @classmethod
    def _columns(cls, lines: list[int], values: list[Any]) -> Batch | None:
        """Return a batch if every row has `messages` with two plain keys each, else None."""
        try:
            turns = [value["messages"] for value in values]
            roles = [tuple([turn["role"] for turn in row]) for row in turns]
            said = [[turn["content"] for turn in row] for row in turns]
            ids = [
                value["id"] if "id" in value else f"{LINE_ID}{line}"  # noqa: SIM401 - built only if needed
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
            plain, certain = _plain(value)
            given = value.get("id", f"{LINE_ID}{number}") if plain is not None else ""
            if plain is None or not (type(given) is str or type(given) is int) or given == "":
                batch.others.append(number)
                continue
            name, (roles, said) = plain
            if not certain:
                batch.doubted.append(len(batch.lines))
            batch.formats.setdefault(name, number)
            batch.lines.append(number)
            batch.values.append(value)
            batch.roles.append(roles)
            batch.said.append(said)
            batch.ids.append(str(given))
        return batch

    def __len__(self) -> int:
        return len(self.lines)

    def keep(self, fields: Sequence[str], kept: Kept) -> None:
        """Add what the figures of the rows are computed from."""
        kept.lines += self.lines
        kept.texts += [asked(*each) for each in zip(self.roles, self.said, strict=True)]
        kept.answers += [said[-1] for said in self.said]
        kept.ids += self.ids
        kept.groups += [group_of(value, fields) for value in self.values]

    def of_roles(self, good: Callable[[Roles], bool]) -> list[int]:
        """Return the rows whose roles are not good."""
        odd = {roles for roles in set(self.roles) if not good(roles)}
        return [at for at, roles in enumerate(self.roles) if roles in odd] if odd else []

    def odd(self, names: Sequence[str], default: Any, good: Callable[[Any], bool]) -> list[int]:
        """Return the rows whose value under the first key they have is not good."""
        first, *others = names
        values = [value.get(first, default) for value in self.values]
        for name in others:
            values = [
                value.get(name, default) if first not in value else given
                for value, given in zip(self.values, values, strict=True)
            ]
        if len(set(map(type, values))) == 1:  # 1 equals True but is not the same
            try:
                odd = {value for value in set(values) if not good(value)}
            except TypeError:
                pass
            else:
                return [at for at, value in enumerate(values) if value in odd] if odd else []
        return [at for at, value in enumerate(values) if not good(value)]

    def blank(self) -> list[int]:
        """Return the rows with a turn of only white space."""
        return [at for at, said in enumerate(self.said) if not all(map(str.strip, said))]

    def answers(self, rows: Sequence[int]) -> list[str]:
        """Return the text of the last turn of some rows."""
        return [self.said[at][-1] for at in rows]

    def last_asked(self, rows: Sequence[int]) -> list[str]:
        """Return the last user turn of some rows, whose roles are in order."""
        return [_last_asked(self.roles[at], self.said[at]) for at in rows]

    def systems(self) -> dict[str, list[int]]:
        """Return the texts of leading system turns, each with the rows that it leads."""
        return self._systems

    @cached_property
    def _systems(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for at, (roles, said) in enumerate(zip(self.roles, self.said, strict=True)):
            if roles[0] == "system":
                found.setdefault(said[0], []).append(at)
        return found

    def under(self, systems: set[str]) -> list[int]:
        """Return the rows that begin with one of these system turns."""
        return sorted(at for system in systems for at in self._systems.get(system, ()))

    @cached_property
    def _told(self) -> bytes:
        return utf8("\n".join(chain.from_iterable(self._others())))

    def told(self) -> bytes:
        """Return all texts except leading system turns, joined by line breaks."""
        return self._told

    def row_at(self, place: int) -> tuple[int, int]:
        """Return the row whose text is at a place in `told`, and where the next one begins."""
        row = bisect_right(self._ends, place)
        return row, self._ends[row] if row < len(self._ends) else len(self._told)

    def texts_of(self, row: int) -> tuple[int, int]:
        """Return where a row's texts begin and end in `told`."""
        return self._ends[row - 1] if row else 0, self._ends[row]

    @cached_property
    def _ends(self) -> list[int]:
        return list(
            accumulate(sum(len(utf8(text)) + 1 for text in texts) for texts in self._others())
        )

    def _others(self) -> Iterator[list[str]]:
        for roles, said in zip(self.roles, self.said, strict=True):
            yield said[1:] if roles[0] == "system" else said


def _plain(value: Any) -> tuple[tuple[FormatName, Plain] | None, bool]:
    """Return a row's format, roles and texts if its shape is common, and whether its answer is
    certain to fit the tools that it declares."""
    if type(value) is not dict:
        return None, True
    if "tools" not in value:
        return plain_turns(value), True
    found = tool_turns(value) if "messages" in value else None
    return (None, True) if found is None else (("messages", found[0]), found[1])


def _last_asked(roles: Roles, said: list[str]) -> str:
    last = len(roles) - 2
    while roles[last] != "user":
        last -= 1
    return said[last]


def _longer(data: bytes, longest: int) -> bool:
    return any(len(line) > longest for line in data.split(b"\n"))
