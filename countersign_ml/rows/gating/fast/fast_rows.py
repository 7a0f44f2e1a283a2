"""Plain rows as stretches of the bytes they were read from: what `QuickCheck` asks, and figures."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from xxhash import xxh3_64_intdigest

from countersign_ml.rows.gating.batch import LINE_ID
from countersign_ml.rows.gating.fast import fast_sketch
from countersign_ml.rows.gating.fast.walk import OTHER, Walked, gathered, walk
from countersign_ml.rows.gating.quick_check import Roles
from countersign_ml.rows.kept.row_figures import Figures, Kept, group_key, id_key, prefixes_of
from countersign_ml.rows.kept.sketch import I64, U64, keys_of
from countersign_ml.rows.read.formats import FormatName, Role
from countersign_ml.rows.read.row import MAX_LINE_BYTES

WANTED = (
    "messages", "id", "tools", "approved", "source", "licence", "license", "consent",
    "schema_version",
)  # fmt: skip
"""The keys whose values the gates for single rows ask for; the walker knows the first three."""
_ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")
_decode = msgspec.json.Decoder().decode


def reader(group_fields: Sequence[str]) -> Callable[[bytes, int], FastRows | None]:
    """Return what reads whole lines, the number of the first one given, and returns their plain
    rows, or None where they are not UTF-8."""
    names = tuple(dict.fromkeys((*WANTED, *group_fields)))
    raw = [name.encode("utf-8", "surrogatepass") for name in names]
    joined = np.frombuffer(b"".join(raw), dtype=np.uint8)
    ends = np.cumsum([len(name) for name in raw])

    def read(data: bytes, first_line: int) -> FastRows | None:
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                return None
        return FastRows(data, first_line, names, walk(data, joined, ends, MAX_LINE_BYTES))

    return read


@dataclass(frozen=True)
class FastRows:
    """The plain rows of some lines; a row is named by its place among them."""

    data: bytes
    first_line: int
    names: tuple[str, ...]
    walked: Walked

    def __len__(self) -> int:
        return len(self.walked.lines)

    @cached_property
    def lines(self) -> list[int]:
        """Return the line of each row."""
        return list((self.walked.lines + self.first_line).tolist())

    @property
    def lines_read(self) -> int:
        """Return the number of all lines."""
        return len(self.walked.kinds)

    @property
    def formats(self) -> dict[FormatName, int]:
        """Return the format of the rows, with the line where it comes first."""
        return {"messages": self.first_line + int(self.walked.lines[0])} if len(self) else {}

    def others_count(self) -> int:
        """Return the number of lines that are neither blank nor plain rows."""
        return int(np.count_nonzero(self.walked.kinds == OTHER))

    def others(self) -> list[tuple[int, bytes]]:
        """Return the lines, with their numbers, that are neither blank nor plain rows."""
        return [
            (self.first_line + line, self.line(line))
            for line in np.flatnonzero(self.walked.kinds == OTHER).tolist()
        ]

    def line(self, at: int) -> bytes:
        """Return a line, counted from 0."""
        return self.data[self.walked.begins[at] : self.walked.begins[at + 1] - 1]

    def of_roles(self, good: Callable[[Roles], bool]) -> list[int]:
        """Return the rows whose roles are not good."""
        codes = self.walked.roles
        odd = [code for code in np.unique(codes).tolist() if not good(_roles(code))]
        return list(np.flatnonzero(np.isin(codes, odd)).tolist()) if odd else []

    def odd(self, names: Sequence[str], default: Any, good: Callable[[Any], bool]) -> list[int]:
        """Return the rows whose value under the first key they have is not good."""
        slots = [self.names.index(name) for name in names]
        found: list[int] = []
        known: dict[bytes, bool] = {}
        for first, after, raws in self._runs(slots):
            raw = next(filter(None, raws), b"")
            if raw not in known:
                known[raw] = good(_decode(raw) if raw else default)
            if not known[raw]:
                found += range(first, after)
        return found

    def blank(self) -> list[int]:
        """Return the rows that have a turn of nothing but white space."""
        return [
            row
            for row in np.flatnonzero(self.walked.unseen).tolist()
            if not all(turn["content"].strip() for turn in _decode(self._raw(row, 0)))
        ]

    def answers(self, rows: Sequence[int]) -> list[str]:
        """Return the text of the last turn of some rows."""
        return self._texts(self.walked.answers[np.array(rows, dtype=np.int64)])

    def json_answers(self) -> tuple[Sequence[int], bytes]:
        """Return the rows whose last turn is one value of strict JSON, and these values, one a
        line."""
        rows = np.flatnonzero(self.walked.strict)
        return rows.tolist(), gathered(self.walked.texts, self.walked.answers[rows])

    def last_asked(self, rows: Sequence[int]) -> list[str]:
        """Return the last thing the user says in some rows, whose roles are in order."""
        return self._texts(self.walked.asked_last[np.array(rows, dtype=np.int64)])

    def systems(self) -> list[str]:
        """Return the texts of leading system turns, each once."""
        return list(self._led)

    def under(self, systems: set[str]) -> list[int]:
        """Return the rows that one of these system turns leads."""
        return sorted(
            row
            for system in systems
            for first, after in self._led.get(system, ())
            for row in range(first, after)
        )

    @cached_property
    def _led(self) -> dict[str, list[tuple[int, int]]]:
        """The leading system turns, each with the runs of rows under it."""
        found: dict[str, list[tuple[int, int]]] = {}
        if not len(self):
            return found
        starts = self._starts([0])
        spans = self.walked.systems[starts].tolist()
        for first, after, (start, end) in zip(
            starts.tolist(), [*starts[1:].tolist(), len(self)], spans, strict=True
        ):
            if end:
                system = _decode(self.data[start - 1 : end + 1])
                found.setdefault(system, []).append((first, after))
        return found

    @cached_property
    def _told(self) -> bytes:
        return self.walked.texts.tobytes()

    def told(self) -> bytes:
        """Return all texts but leading system turns, a line end after each."""
        return self._told

    @cached_property
    def _ends(self) -> list[int]:
        return list(self.walked.ends.tolist())

    def row_at(self, place: int) -> tuple[int, int]:
        """Return the row whose text stands at a place in `told`, and where the next one begins."""
        row = bisect_right(self._ends, place)
        return row, self._ends[row] if row < len(self._ends) else len(self._told)

    def texts_of(self, row: int) -> tuple[int, int]:
        """Return where a row's texts begin and end in `told`."""
        return self._ends[row - 1] if row else 0, self._ends[row]

    def _asked(self, row: int) -> str:
        ends = self.walked.question_ends
        return self.walked.questions[ends[row - 1] if row else 0 : ends[row]].tobytes().decode()

    def _answer(self, row: int) -> str:
        start, end = self.walked.answers[row]
        return self._told[start:end].decode()

    def _answer_keys(self) -> U64:
        starts, ends = self.walked.answers[:, 0], self.walked.answers[:, 1]
        high = self.walked.high[:, 1]
        texts, until = fast_sketch.collapsed(
            self.walked.texts, starts, np.where(high, starts, ends)
        )
        edges = pairwise([0, *until.tolist()])
        keys = np.array([xxh3_64_intdigest(texts[start:end]) for start, end in edges], np.uint64)
        if high.any():
            keys[high] = keys_of([self._answer(row) for row in np.flatnonzero(high).tolist()])
        return keys

    def _ids(self) -> list[bytes]:
        starts, ends = self.walked.values[:, 1, 0], self.walked.values[:, 1, 1]
        quoted = (ends > 0) & (np.frombuffer(self.data, dtype=np.uint8)[starts] == ord('"'))
        spans = zip((starts + quoted).tolist(), (ends - quoted).tolist(), strict=True)
        data = self.data
        ids = [data[start:end] for start, end in spans]
        if b"" not in ids:
            return ids
        return [
            name or f"{LINE_ID}{line}".encode() for name, line in zip(ids, self.lines, strict=True)
        ]

    def _groups(self, fields: Sequence[str]) -> list[int]:
        """Return the key of what names each row's group; 0 where nothing does."""
        slots = [self.names.index(name) for name in fields]
        if not slots:
            return [0] * len(self)
        found: list[int] = []
        known: dict[tuple[str, bytes], int] = {}
        for first, after, raws in self._runs(slots):
            group = 0
            for name, raw in zip(fields, raws, strict=True):
                if raw:
                    group = known.get((name, raw), 0)
                    if not group:
                        group = known[name, raw] = group_key(name, _decode(raw))
                    break
            found += [group] * (after - first)
        return found

    def keep(self, fields: Sequence[str], kept: Kept) -> None:
        """Add all rows: the figures, or what these are made of where a word is too long."""
        walked, lines = self.walked, (self.walked.lines + self.first_line).astype(np.uint32)
        high = walked.high[:, 0]
        read = fast_sketch.read(walked.questions, walked.question_ends, high)
        if kept.summed:
            kept.sums.append((read.sums(), lines))
        beyond = np.flatnonzero(high)
        if len(beyond):
            others = fast_sketch.read_normalised([self._asked(row) for row in beyond.tolist()])
            read.put(beyond, others)
            if kept.summed:
                kept.sums.append((others.sums(), lines[beyond]))
        ids, groups = self._ids(), self._groups(fields)
        figures = Figures(
            lines=lines,
            questions=read.keys,
            loose=read.loose,
            answers=self._answer_keys(),
            ids=np.array(list(map(id_key, ids)), dtype=np.uint64),
            prefixes=prefixes_of(read.prefixes),
            groups=np.array(groups, dtype=np.uint64),
            words=np.maximum(read.words, 0).astype(np.uint32),
            bands=read.bands,
        )
        ours = read.words != fast_sketch.NOT_OURS
        left = np.flatnonzero(~ours).tolist()
        kept.made.append(figures.chosen(ours) if left else figures)
        for row in left:
            kept.lines.append(self.lines[row])
            kept.texts.append(self._asked(row))
            kept.answers.append(self._answer(row))
            kept.ids.append(ids[row].decode())
            kept.groups.append(groups[row])

    def _raw(self, row: int, slot: int) -> bytes:
        """Return a value as it is written; empty where there is none."""
        start, end = self.walked.values[row, slot].tolist()
        return self.data[start:end]

    def _starts(self, slots: Sequence[int]) -> I64:
        """Return the rows that hold other values under some keys than the row before."""
        return np.flatnonzero(self.walked.fresh[:, slots].any(axis=1))

    def _runs(self, slots: Sequence[int]) -> Iterator[tuple[int, int, list[bytes]]]:
        """Yield (first row, row after the last, values) of rows that hold the same under some keys;
        a value is as it is written, or empty where there is none."""
        starts = self._starts(slots)
        spans = self.walked.values[starts][:, slots]
        data = self.data
        columns = [
            [
                data[start:end]
                for start, end in zip(column[:, 0].tolist(), column[:, 1].tolist(), strict=True)
            ]
            for column in spans.swapaxes(0, 1)
        ]
        firsts = starts.tolist()
        yield from zip(
            firsts, [*firsts[1:], len(self)], map(list, zip(*columns, strict=True)), strict=True
        )

    def _texts(self, spans: I64) -> list[str]:
        told = self._told
        both = zip(spans[:, 0].tolist(), spans[:, 1].tolist(), strict=True)
        return [told[start:end].decode() for start, end in both]


def _roles(code: int) -> Roles:
    digits = f"{code:o}"[1:]
    return tuple(_ROLES[int(digit) - 1] for digit in digits)
