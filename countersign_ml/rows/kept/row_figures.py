"""What is kept of each good row: keys by which the gates over all rows compare rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from countersign_ml.rows.kept.ngrams import NgramIndex, Shared
from countersign_ml.rows.kept.sketch import BANDS, U32, U64, WordSums, keys_of, sketch
from countersign_ml.rows.read.row import Row


@dataclass(frozen=True)
class Figures:
    """Columns of equal length: 92 bytes a row, 100 with a group.

    `questions` and `answers` are the keys of all user turns and of the last turn, `loose` of the
    question without punctuation, `ids` of the row's id, `prefixes` of the question's first bytes,
    `groups` of the row's group, 0 for none. `words` is the number of words of the question; the
    bands of short questions are meaningless.
    """

    lines: U32
    questions: U64
    loose: U64
    answers: U64
    ids: U64
    prefixes: U32
    groups: U64
    words: U32
    bands: U32

    def __len__(self) -> int:
        return len(self.lines)

    @classmethod
    def joined(cls, parts: Sequence[Figures]) -> Figures:
        """Return the rows of all parts in the order of their lines."""
        joined = parts[0]
        if len(parts) > 1:
            names = [each.name for each in fields(cls)]
            joined = cls(
                *(np.concatenate([getattr(part, name) for part in parts]) for name in names)
            )
        if (joined.lines[1:] > joined.lines[:-1]).all():
            return joined
        return joined.chosen(np.argsort(joined.lines))

    def chosen(self, rows: NDArray[Any]) -> Figures:
        """Return some rows, by index or by one flag per row."""
        return Figures(*(getattr(self, each.name)[rows] for each in fields(self)))


@dataclass
class Kept:
    """Good rows of a chunk: columns to compute figures from, and figures already computed."""

    summed: bool = False
    """Whether sums of words are needed, to search for n-grams."""
    lines: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    made: list[Figures] = field(default_factory=list)
    sums: list[tuple[WordSums, U32]] = field(default_factory=list)
    """The word sums of rows with computed figures, and their lines."""

    def add(self, row: Row, group: int) -> None:
        """Add a row that the strict reader read."""
        self.lines.append(row.line)
        self.texts.append(row.user_text)
        self.answers.append(row.answer)
        self.ids.append(row.id)
        self.groups.append(group)

    def figures(self, index: NgramIndex | None) -> tuple[Figures, Shared | None]:
        """Return the figures of all rows, and the n-grams of the index that they contain."""
        lines = np.array(self.lines, dtype=np.uint32)
        questions = sketch(self.texts)
        found = Figures(
            lines=lines,
            questions=questions.keys,
            loose=questions.loose,
            answers=keys_of(self.answers),
            ids=np.array([id_key(name.encode()) for name in self.ids], dtype=np.uint64),
            prefixes=prefixes_of(questions.prefixes),
            groups=np.array(self.groups, dtype=np.uint64),
            words=np.minimum(questions.words, 0xFFFFFFFF).astype(np.uint32),
            bands=questions.bands if self.texts else np.zeros((0, BANDS), dtype=np.uint32),
        )
        shared = None
        if index is not None:
            sums, at = list(self.sums), 0
            for each in questions.sums:
                sums.append((each, lines[at : at + len(each.last)]))
                at += len(each.last)
            shared = index.shared(sums)
        return Figures.joined([*self.made, found]), shared


def asked(roles: Sequence[str], said: Sequence[str]) -> str:
    """Return all user turns; two rows with the same text are the same question."""
    if len(said) == 3 and roles[1] == "user" and roles[0] == "system" and roles[2] != "user":
        return said[1]
    return "\n".join(text for role, text in zip(roles, said, strict=True) if role == "user")


def group_of(metadata: Mapping[str, Any], fields: Sequence[str]) -> int:
    """Return the key of a row's group; 0 if it has none."""
    for name in fields:
        if name in metadata:
            return group_key(name, metadata[name])
    return 0


def group_key(name: str, value: Any) -> int:
    """Return the key of the group that a field names."""
    return xxh3_64_intdigest(f"{name}={value!r}".encode("utf-8", "replace"))


id_key = xxh3_64_intdigest
"""The key of an id's UTF-8."""


def prefixes_of(hashes: U64) -> U32:
    """Return the half of the prefix hashes that is kept."""
    return (hashes >> np.uint64(32)).astype(np.uint32)
