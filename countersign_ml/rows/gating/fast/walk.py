"""One loop over the bytes of JSON Lines: which lines are plain rows, and where their parts stand.

It accepts a part of strict JSON only (see `json_bytes`), with turns of a role and a content and
nothing else, and leaves every other line to those who read all of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from countersign_ml.rows.gating.fast.jit import B1, I64, U8, eight, kernel, put_eight
from countersign_ml.rows.gating.fast.json_bytes import (
    CLOSE,
    COMMA,
    DEEPEST,
    DIGIT,
    KIND,
    MOST_KEYS,
    NEWLINE,
    OPEN,
    POINT,
    QUOTE,
    number_end,
    read_key,
    same_bytes,
    skip_white,
    string_end,
    value_end,
)
from countersign_ml.rows.gating.fast.turns import MOST_TURNS, SYSTEM, USER, copy_asked, read_turns

BLANK, PLAIN, OTHER = 0, 1, 2
_MESSAGES, _ID, _TOOLS = 0, 1, 2


class Walked(NamedTuple):
    """What the lines of some bytes hold; one entry for each plain row but in `kinds`."""

    kinds: U8
    """Of every line: BLANK, PLAIN or OTHER."""
    lines: I64
    """The line of each row, counted from 0."""
    begins: I64
    """Where each line begins; one more entry than lines."""
    values: I64
    """Shape (rows, names, 2): where the value of each wanted key begins and ends in the bytes."""
    roles: I64
    """The roles, three bits each, the first one highest below a 1."""
    systems: I64
    """Shape (rows, 2): where the content of a leading system turn stands in the bytes, as written;
    (0, 0) where there is none."""
    texts: U8
    """The contents of all other turns, a line end after each; escapes are undone."""
    ends: I64
    """Where each row's part of `texts` ends."""
    answers: I64
    """Shape (rows, 2): where the last content stands in `texts`."""
    asked_last: I64
    """Shape (rows, 2): where the last content of a user before the last turn stands in `texts`;
    (0, 0) where there is none."""
    questions: U8
    """All that the user says in each row, with line ends between."""
    question_ends: I64
    high: B1
    """Shape (rows, 2): whether the question and the answer hold anything but ASCII."""
    fresh: B1
    """Shape (rows, names): whether the value is another one than that of the row before; for
    `messages`, whether the leading system turn is."""
    strict: B1
    """Whether the answer is strict JSON, as far as it is looked at here."""
    unseen: B1
    """Whether some turn may be nothing but white space."""


def walk(data: bytes, names: U8, name_ends: I64, longest: int) -> Walked:
    """Read whole lines of UTF-8.

    `names` are the wanted keys, one after the other, and `name_ends` where each ends: `messages`,
    `id` and `tools` first. A row that holds `tools`, or an id that is no text or whole number, is
    not for us, nor is a line of more than `longest` bytes.
    """
    here = np.frombuffer(data, dtype=np.uint8)
    begins = np.concatenate(([0], np.flatnonzero(here == NEWLINE) + 1))
    if begins[-1] != len(here):
        begins = np.append(begins, len(here) + 1)
    count = len(begins) - 1
    kinds = np.zeros(count, dtype=np.uint8)
    lines, roles, ends, question_ends = (np.zeros(count, dtype=np.int64) for _ in range(4))
    systems, answers, asked_last = (np.zeros((count, 2), dtype=np.int64) for _ in range(3))
    values = np.zeros((count, len(name_ends), 2), dtype=np.int64)
    texts, questions = (np.empty(len(here) + 16, dtype=np.uint8) for _ in range(2))
    strict, unseen = (np.zeros(count, dtype=np.bool_) for _ in range(2))
    high = np.zeros((count, 2), dtype=np.bool_)
    fresh = np.ones((count, len(name_ends)), dtype=np.bool_)
    rows = _walk(
        here,
        begins,
        names,
        name_ends,
        kinds,
        lines,
        values,
        roles,
        systems,
        texts,
        ends,
        answers,
        asked_last,
        questions,
        question_ends,
        high,
        fresh,
        strict,
        unseen,
        longest,
    )
    return Walked(
        kinds,
        lines[:rows],
        begins,
        values[:rows],
        roles[:rows],
        systems[:rows],
        texts[: ends[rows - 1] if rows else 0],
        ends[:rows],
        answers[:rows],
        asked_last[:rows],
        questions[: question_ends[rows - 1] if rows else 0],
        question_ends[:rows],
        high[:rows],
        fresh[:rows],
        strict[:rows],
        unseen[:rows],
    )


def gathered(texts: U8, spans: I64) -> bytes:
    """Return some stretches of `Walked.texts`, a line end after each."""
    out = np.empty(int((spans[:, 1] - spans[:, 0]).sum()) + len(spans) + 16, dtype=np.uint8)
    return out[: _gather(texts, spans, out)].tobytes()


@kernel
def _gather(texts: U8, spans: I64, out: U8) -> int:
    used = 0
    for row in range(len(spans)):
        start, end = spans[row]
        for step in range(0, end - start, 8):
            put_eight(out, used + step, eight(texts, start + step))
        used += end - start
        out[used] = NEWLINE
        used += 1
    return used


@kernel
def _id(data: U8, at: int, end: int) -> int:
    """Return the place after a text that is not empty or a whole number; -1 for any other value."""
    if at >= end:
        return -1
    if data[at] == QUOTE:
        after = string_end(data, at, end, False)
        return after if after > at + 2 else -1
    if not KIND[data[at]] & DIGIT:
        return -1
    after = number_end(data, at, end)
    for digit in range(at, after):
        if data[digit] == POINT:
            return -1
    return after


@kernel
def _members(
    data: U8,
    at: int,
    end: int,
    names: U8,
    name_ends: I64,
    values: I64,
    texts: U8,
    used: int,
    turns: I64,
    state: I64,
    keys: I64,
    open_: I64,
) -> int:
    """Read a row's members from the first key on; return the place after them or -1.

    `values`, shape (names, 2), is where the wanted ones stand, (0, 0) where there is none.
    """
    values[:] = 0
    count = 0
    while True:
        at = read_key(data, at, end, keys, 0, count)
        if at < 0:
            return -1
        wanted, begin = -1, 0
        for name in range(len(name_ends)):
            if same_bytes(data, keys[count, 0], keys[count, 1], names, begin, name_ends[name]):
                wanted = name
            begin = name_ends[name]
        count += 1
        value = at
        if wanted == _MESSAGES:
            at = read_turns(data, at, end, texts, used, turns, state)
        elif wanted == _ID:
            at = _id(data, at, end)
        elif wanted == _TOOLS:
            return -1
        else:
            at = value_end(data, at, end, keys, count, open_)
        if at < 0:
            return -1
        if wanted >= 0:
            values[wanted, 0], values[wanted, 1] = value, at
        at = skip_white(data, at, end)
        if at >= end:
            return -1
        if data[at] == CLOSE:
            return at + 1
        if data[at] != COMMA:
            return -1
        at = skip_white(data, at + 1, end)


@kernel
def _compare(data: U8, values: I64, systems: I64, row: int, fresh: B1) -> None:
    """Say which values of a row are other ones than those of the row before."""
    old, new = systems[row - 1], systems[row]
    fresh[row, _MESSAGES] = not same_bytes(data, old[0], old[1], data, new[0], new[1])
    for name in range(_TOOLS, values.shape[1]):
        old, new = values[row - 1, name], values[row, name]
        fresh[row, name] = not same_bytes(data, old[0], old[1], data, new[0], new[1])


@kernel
def _walk(
    data: U8,
    begins: I64,
    names: U8,
    name_ends: I64,
    kinds: U8,
    lines: I64,
    values: I64,
    roles: I64,
    systems: I64,
    texts: U8,
    ends: I64,
    answers: I64,
    asked_last: I64,
    questions: U8,
    question_ends: I64,
    high: B1,
    fresh: B1,
    strict: B1,
    unseen: B1,
    longest: int,
) -> int:
    """Fill the columns; return how many rows are plain."""
    keys = np.empty((MOST_KEYS, 2), dtype=np.int64)
    open_ = np.empty((DEEPEST, 2), dtype=np.int64)
    turns = np.empty((MOST_TURNS, 7), dtype=np.int64)
    state = np.zeros(3, dtype=np.int64)
    row = used = asked = 0
    for line in range(len(begins) - 1):
        start, end = begins[line], begins[line + 1] - 1
        at = start
        while at < end and (data[at] == 32 or 9 <= data[at] <= 13):
            at += 1
        if at == end:
            continue
        kinds[line] = OTHER
        at = skip_white(data, start, end)
        if data[at] != OPEN or end - start > longest:
            continue
        at = skip_white(data, at + 1, end)
        of = values[row]
        at = _members(data, at, end, names, name_ends, of, texts, used, turns, state, keys, open_)
        if at < 0 or of[0, 1] == 0 or skip_white(data, at, end) != end:
            continue
        turned = state[1]
        first = turns[0]
        if turned == 1 and first[0] == SYSTEM:
            continue
        kinds[line] = PLAIN
        lines[row] = line
        code = 1
        last = turns[turned - 1]
        high[row, 0], high[row, 1] = False, last[5] != 0
        unseen[row] = False
        for turn in range(turned):
            code = code * 8 + turns[turn, 0]
            unseen[row] |= turns[turn, 6] != 0
            if turns[turn, 0] == USER:
                high[row, 0] |= turns[turn, 5] != 0
                if turn < turned - 1:
                    asked_last[row, 0], asked_last[row, 1] = turns[turn, 1], turns[turn, 2]
        roles[row] = code
        if first[0] == SYSTEM:
            systems[row, 0], systems[row, 1] = first[3], first[4]
        answers[row, 0], answers[row, 1] = last[1], last[2]
        strict[row] = value_end(texts, last[1], last[2], keys, 0, open_) == last[2]
        asked = copy_asked(turns, turned, texts, questions, asked)
        question_ends[row] = asked
        used = state[0]
        ends[row] = used
        if row:
            _compare(data, values, systems, row, fresh)
        row += 1
    return row
