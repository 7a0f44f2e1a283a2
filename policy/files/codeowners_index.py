"""Find the line that decides a path without trying every line.

Most lines are plain: a literal path, a name, or `*.ext`. These are looked up in tables. Only lines
with other wildcards are tried one by one, and those that begin with a literal folder only for paths
below that folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar

_WILD = frozenset("*?\\")


class Matching(Protocol):
    """A line as the index needs it."""

    @property
    def pattern(self) -> str: ...

    def matches(self, path: str) -> bool: ...


M = TypeVar("M", bound=Matching)


class Index(Generic[M]):
    """The lines of one file, in order; `last` returns the last that matches."""

    def __init__(self, rules: Sequence[M]) -> None:
        self._rules = rules
        self._literal: dict[tuple[str, bool], int] = {}
        """(anchored path, folder only) to the last line with it."""
        self._name: dict[tuple[str, bool], int] = {}
        """(name at any depth, folder only) to the last line with it."""
        self._suffix: dict[str, int] = {}
        """`.ext` of a `*.ext` line to the last line with it."""
        self._below: dict[str, list[int]] = {}
        """First folder to the lines with wildcards that are anchored there."""
        self._anywhere: list[int] = []
        for number, rule in enumerate(rules):
            self._add(number, rule.pattern)

    def _add(self, number: int, pattern: str) -> None:
        folder = pattern.endswith("/")
        body = pattern.strip("/")
        anchored = pattern.startswith("/") or "/" in body
        if body and not _WILD & set(body) and "//" not in pattern:
            (self._literal if anchored else self._name)[(body, folder)] = number
        elif not anchored and not folder and body.startswith("*.") and not _WILD & set(body[1:]):
            self._suffix[body[1:]] = number
        elif anchored and body and not _WILD & set(first := body.split("/")[0]):
            self._below.setdefault(first, []).append(number)
        else:
            self._anywhere.append(number)

    def last(self, path: str) -> M | None:
        """Return the last line that matches `path`, or None."""
        best = max(self._looked_up(path), default=-1)
        first = path.split("/", 1)[0]
        for numbers in (self._below.get(first, ()), self._anywhere):
            for number in reversed(numbers):
                if number <= best:
                    break
                if self._rules[number].matches(path):
                    best = number
                    break
        return self._rules[best] if best >= 0 else None

    def _looked_up(self, path: str) -> Iterator[int]:
        segments = path.split("/")
        end = len(segments) - 1
        prefix = ""
        for depth, segment in enumerate(segments):
            prefix = f"{prefix}/{segment}" if depth else segment
            is_folder = depth < end
            for table, key in ((self._literal, prefix), (self._name, segment)):
                if (found := table.get((key, False))) is not None:
                    yield found
                if is_folder and (found := table.get((key, True))) is not None:
                    yield found
            if self._suffix:
                dot = segment.find(".")
                while dot >= 0:
                    if (found := self._suffix.get(segment[dot:])) is not None:
                        yield found
                    dot = segment.find(".", dot + 1)
