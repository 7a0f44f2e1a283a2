"""One loop over the bytes of JSON Lines: which lines are plain rows, and where their parts stand.

It accepts a part of strict JSON only, and leaves every other line to those who read all of it: no
escapes in keys nor of code points (`\\u`), no exponents nor long numbers, no key twice in any
object, turns of a role and a content and nothing else, each with something visible in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataset.fast.jit import eight, kernel, low_zeros, put_eight

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]
B1 = NDArray[np.bool_]

BLANK, PLAIN, OTHER = 0, 1, 2
DEEPEST = 12
"""Objects and arrays within each other, in what a row holds beside its turns."""
MOST_KEYS = 48
"""Keys of all objects that are open at a time."""
MOST_TURNS = 20
"""So that a row's roles are one number of three bits each."""
MOST_DIGITS = 15
SYSTEM, USER, ASSISTANT, TOOL = 1, 2, 3, 4
_MESSAGES, _ID, _TOOLS = 0, 1, 2

_QUOTE, _BACKSLASH, _COMMA, _COLON, _NEWLINE, _MINUS, _POINT = np.frombuffer(b'"\\,:\n-.', np.uint8)
_OPEN, _CLOSE, _BEGIN, _END = np.frombuffer(b"{}[]", np.uint8)
_ROLE, _CONTENT = np.frombuffer(b"role", np.uint8), np.frombuffer(b"content", np.uint8)
_ONES, _HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_SPACES, _QUOTES, _SLASHES = (np.uint64(sign) * _ONES for sign in b' "\\')
_STOP, _WHITE, _DIGIT = 1, 2, 4
_KIND = np.zeros(256, dtype=np.uint8)
_KIND[:32] = _STOP
_KIND[[_QUOTE, _BACKSLASH]] = _STOP
_KIND[np.frombuffer(b" \t\r", np.uint8)] |= _WHITE
_KIND[48:58] |= _DIGIT
_ESCAPED = np.zeros(256, dtype=np.uint8)
for _sign, _meant in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
    _ESCAPED[_sign] = _meant


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
    """Whether the question or the answer holds anything but ASCII."""
    fresh: B1
    """Shape (rows, names): whether the value is another one than that of the row before; for
    `messages`, whether the leading system turn is."""
    strict: B1
    """Whether the answer is strict JSON, as far as it is looked at here."""


def walk(data: bytes, names: U8, name_ends: I64) -> Walked:
    """Read whole lines of UTF-8.

    `names` are the wanted keys, one after the other, and `name_ends` where each ends: `messages`,
    `id` and `tools` first. A row that holds `tools`, or an id that is no text or whole number, is
    not for us.
    """
    here = np.frombuffer(data, dtype=np.uint8)
    begins = np.concatenate(([0], np.flatnonzero(here == _NEWLINE) + 1))
    if begins[-1] != len(here):
        begins = np.append(begins, len(here) + 1)
    count = len(begins) - 1
    kinds = np.zeros(count, dtype=np.uint8)
    lines, roles, ends, question_ends = (np.zeros(count, dtype=np.int64) for _ in range(4))
    systems, answers, asked_last = (np.zeros((count, 2), dtype=np.int64) for _ in range(3))
    values = np.zeros((count, len(name_ends), 2), dtype=np.int64)
    texts, questions = (np.empty(len(here) + 16, dtype=np.uint8) for _ in range(2))
    high, strict = (np.zeros(count, dtype=np.bool_) for _ in range(2))
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
        out[used] = _NEWLINE
        used += 1
    return used


@kernel
def _white(data: U8, at: int, end: int) -> int:
    """Return the first place from `at` on that is no white space."""
    while at < end and _KIND[data[at]] & _WHITE:
        at += 1
    return at


@kernel
def _stops(some: np.uint64) -> np.uint64:
    """Return a number that is 0 where none of eight bytes is a quote, a backslash or a control
    character; else the lowest bit that is set is the highest one of the first such byte."""
    quote, slash = some ^ _QUOTES, some ^ _SLASHES
    found = (quote - _ONES) & ~quote
    found |= (slash - _ONES) & ~slash
    found |= (some - _SPACES) & ~some
    return np.uint64(found & _HIGH)


@kernel
def _string(data: U8, at: int, end: int, escapes: bool) -> int:
    """Return the place after the string that begins at `at`; -1 where it is not for us."""
    if at >= end or data[at] != _QUOTE:
        return -1
    at += 1
    while at < end:
        if at + 8 <= end:
            found = _stops(eight(data, at))
            if found == 0:
                at += 8
                continue
            at += low_zeros(found) >> 3
        here = data[at]
        if not _KIND[here] & _STOP:
            at += 1
        elif here == _QUOTE:
            return at + 1
        elif here == _BACKSLASH and escapes and at + 1 < end and _ESCAPED[data[at + 1]]:
            at += 2
        else:
            return -1
    return -1


@kernel
def _same(data: U8, start: int, end: int, other: U8, begin: int, stop: int) -> bool:
    if end - start != stop - begin:
        return False
    while start + 8 <= end:
        if eight(data, start) != eight(other, begin):
            return False
        start += 8
        begin += 8
    while start < end:
        if data[start] != other[begin]:
            return False
        start += 1
        begin += 1
    return True


@kernel
def _key(data: U8, at: int, end: int, keys: I64, first: int, count: int) -> int:
    """Read a key and its colon, and note it behind the `count` that are noted; return where its
    value begins. -1 where it is not for us, as one that its object, whose keys are noted from
    `first` on, holds already."""
    after = _string(data, at, end, False)
    if after < 0 or count >= MOST_KEYS:
        return -1
    keys[count, 0], keys[count, 1] = at + 1, after - 1
    for other in range(first, count):
        if _same(data, at + 1, after - 1, data, keys[other, 0], keys[other, 1]):
            return -1
    at = _white(data, after, end)
    if at >= end or data[at] != _COLON:
        return -1
    return _white(data, at + 1, end)


@kernel
def _number(data: U8, at: int, end: int) -> int:
    if data[at] == _MINUS:
        at += 1
    whole = at
    while at < end and _KIND[data[at]] & _DIGIT:
        at += 1
    digits = at - whole
    if digits == 0 or (digits > 1 and data[whole] == 48):
        return -1
    if at < end and data[at] == _POINT:
        point = at
        at += 1
        while at < end and _KIND[data[at]] & _DIGIT:
            at += 1
        if at == point + 1:
            return -1
        digits += at - point - 1
    return at if digits <= MOST_DIGITS else -1


@kernel
def _plain(data: U8, at: int, end: int) -> int:
    """Return the place after a string, a number or a word of JSON; -1 where there is none."""
    if at >= end:
        return -1
    here = data[at]
    if here == _QUOTE:
        return _string(data, at, end, True)
    if here == _MINUS or _KIND[here] & _DIGIT:
        return _number(data, at, end)
    for word in (b"true", b"false", b"null"):
        if at + len(word) <= end and here == word[0]:
            for step in range(len(word)):
                if data[at + step] != word[step]:
                    return -1
            return at + len(word)
    return -1


@kernel
def _value(data: U8, at: int, end: int, keys: I64, noted: int, open_: I64) -> int:
    """Return the place after any value; -1 where it is not for us."""
    depth = 0
    count = noted
    while True:
        # Here a value begins.
        if at >= end:
            return -1
        here = data[at]
        closed = False
        if here == _OPEN or here == _BEGIN:
            if depth == DEEPEST:
                return -1
            open_[depth, 0], open_[depth, 1] = here, count
            depth += 1
            at = _white(data, at + 1, end)
            if at >= end:
                return -1
            if here == _OPEN and data[at] != _CLOSE:
                at = _key(data, at, end, keys, count, count)
                if at < 0:
                    return -1
                count += 1
                continue
            if here == _BEGIN and data[at] != _END:
                continue
            closed = True
        else:
            at = _plain(data, at, end)
            if at < 0:
                return -1
        # Here a value ended, or (closed) an empty object or array is about to.
        while True:
            if depth == 0:
                return at
            if not closed:
                at = _white(data, at, end)
                if at >= end:
                    return -1
            within_object = open_[depth - 1, 0] == _OPEN
            if not closed and data[at] == _COMMA:
                at = _white(data, at + 1, end)
                if within_object:
                    at = _key(data, at, end, keys, open_[depth - 1, 1], count)
                    if at < 0:
                        return -1
                    count += 1
                break
            if data[at] != (_CLOSE if within_object else _END):
                return -1
            depth -= 1
            count = open_[depth, 1]
            at += 1
            closed = False


@kernel
def _content(data: U8, at: int, end: int, texts: U8, used: int, state: I64) -> int:
    """Copy the string at `at` to `texts`, escapes undone; return the place after it or -1.

    `state` is given where the copy ends and whether it holds anything but ASCII. -1 too where
    nothing visible stands in it: whether that is empty, others say.
    """
    if at >= end or data[at] != _QUOTE:
        return -1
    at += 1
    seen = np.uint64(0)
    visible = False
    while at < end:
        if at + 8 <= end:
            some = eight(data, at)
            put_eight(texts, used, some)
            found = _stops(some)
            if found == 0:
                seen |= some
                visible |= some != _SPACES
                at += 8
                used += 8
                continue
            run = low_zeros(found) >> 3
            before = (np.uint64(1) << np.uint64(8 * run)) - np.uint64(1)
            seen |= some & before
            visible |= (some ^ _SPACES) & before != 0
            at += run
            used += run
        here = data[at]
        if not _KIND[here] & _STOP:
            texts[used] = here
            seen |= np.uint64(here)
            visible |= here > 32
            at += 1
        elif here == _QUOTE:
            state[0] = used
            state[1] = seen & _HIGH != 0
            return at + 1 if visible else -1
        elif here == _BACKSLASH and at + 1 < end and _ESCAPED[data[at + 1]]:
            meant = _ESCAPED[data[at + 1]]
            texts[used] = meant
            visible |= meant > 32
            at += 2
        else:
            return -1
        used += 1
    return -1


@kernel
def _role(data: U8, at: int, end: int) -> int:
    """Return the role that the string at `at` names; 0 where it names none of ours."""
    after = _string(data, at, end, False)
    if after < 0:
        return 0
    size = after - at - 2
    for role, word in (
        (SYSTEM, b"system"),
        (USER, b"user"),
        (ASSISTANT, b"assistant"),
        (TOOL, b"tool"),
    ):
        if size == len(word):
            same = True
            for step in range(size):
                same &= data[at + 1 + step] == word[step]
            if same:
                return role
    return 0


@kernel
def _turns(data: U8, at: int, end: int, texts: U8, used: int, turns: I64, state: I64) -> int:
    """Read the turns that begin at `at` and copy their contents; return the place after them or -1.

    `turns` holds of each the role, where its content stands in `texts` and in the bytes, and
    whether it holds anything but ASCII; state[0] is where the copies end, state[1] the number of
    turns. A leading system turn's content is not kept.
    """
    if at >= end or data[at] != _BEGIN:
        return -1
    count = 0
    at = _white(data, at + 1, end)
    while True:
        if at >= end or data[at] != _OPEN or count == MOST_TURNS:
            return -1
        at = _white(data, at + 1, end)
        role = 0
        said = False
        for member in range(2):
            after = _string(data, at, end, False)
            if after < 0:
                return -1
            is_role = _same(data, at + 1, after - 1, _ROLE, 0, len(_ROLE))
            if not is_role and not _same(data, at + 1, after - 1, _CONTENT, 0, len(_CONTENT)):
                return -1
            at = _white(data, after, end)
            if at >= end or data[at] != _COLON:
                return -1
            at = _white(data, at + 1, end)
            if is_role:
                role = _role(data, at, end)
                if role == 0:
                    return -1
                at = _string(data, at, end, False)
            else:
                turns[count, 1], turns[count, 3] = used, at + 1
                at = _content(data, at, end, texts, used, state)
                if at < 0:
                    return -1
                turns[count, 2], turns[count, 4], turns[count, 5] = state[0], at - 1, state[1]
                said = True
            at = _white(data, at, end)
            if at >= end or data[at] != (_CLOSE if member else _COMMA):
                return -1
            at = _white(data, at + 1, end)
        if role == 0 or not said:
            return -1
        turns[count, 0] = role
        if count or role != SYSTEM:
            used = turns[count, 2]
            texts[used] = _NEWLINE
            used += 1
        count += 1
        if at >= end:
            return -1
        if data[at] == _END:
            state[0], state[1] = used, count
            return at + 1
        if data[at] != _COMMA:
            return -1
        at = _white(data, at + 1, end)


@kernel
def _asked(turns: I64, turned: int, texts: U8, questions: U8, asked: int) -> int:
    """Copy what the user says in all turns, line ends between; return where the copy ends."""
    begun = asked
    for turn in range(turned):
        if turns[turn, 0] == USER:
            if asked > begun:
                questions[asked] = _NEWLINE
                asked += 1
            start, size = turns[turn, 1], turns[turn, 2] - turns[turn, 1]
            for step in range(0, size, 8):
                put_eight(questions, asked + step, eight(texts, start + step))
            asked += size
    return asked


@kernel
def _id(data: U8, at: int, end: int) -> int:
    """Return the place after a text that is not empty or a whole number; -1 for any other value."""
    if at >= end:
        return -1
    if data[at] == _QUOTE:
        after = _string(data, at, end, False)
        return after if after > at + 2 else -1
    if not _KIND[data[at]] & _DIGIT:
        return -1
    after = _number(data, at, end)
    for digit in range(at, after):
        if data[digit] == _POINT:
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
        at = _key(data, at, end, keys, 0, count)
        if at < 0:
            return -1
        wanted, begin = -1, 0
        for name in range(len(name_ends)):
            if _same(data, keys[count, 0], keys[count, 1], names, begin, name_ends[name]):
                wanted = name
            begin = name_ends[name]
        count += 1
        value = at
        if wanted == _MESSAGES:
            at = _turns(data, at, end, texts, used, turns, state)
        elif wanted == _ID:
            at = _id(data, at, end)
        elif wanted == _TOOLS:
            return -1
        else:
            at = _value(data, at, end, keys, count, open_)
        if at < 0:
            return -1
        if wanted >= 0:
            values[wanted, 0], values[wanted, 1] = value, at
        at = _white(data, at, end)
        if at >= end:
            return -1
        if data[at] == _CLOSE:
            return at + 1
        if data[at] != _COMMA:
            return -1
        at = _white(data, at + 1, end)


@kernel
def _compare(data: U8, values: I64, systems: I64, row: int, fresh: B1) -> None:
    """Say which values of a row are other ones than those of the row before."""
    old, new = systems[row - 1], systems[row]
    fresh[row, _MESSAGES] = not _same(data, old[0], old[1], data, new[0], new[1])
    for name in range(_TOOLS, values.shape[1]):
        old, new = values[row - 1, name], values[row, name]
        fresh[row, name] = not _same(data, old[0], old[1], data, new[0], new[1])


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
) -> int:
    """Fill the columns; return how many rows are plain."""
    keys = np.empty((MOST_KEYS, 2), dtype=np.int64)
    open_ = np.empty((DEEPEST, 2), dtype=np.int64)
    turns = np.empty((MOST_TURNS, 6), dtype=np.int64)
    state = np.zeros(2, dtype=np.int64)
    row = used = asked = 0
    for line in range(len(begins) - 1):
        start, end = begins[line], begins[line + 1] - 1
        at = start
        while at < end and (data[at] == 32 or 9 <= data[at] <= 13):
            at += 1
        if at == end:
            continue
        kinds[line] = OTHER
        at = _white(data, start, end)
        if data[at] != _OPEN:
            continue
        at = _white(data, at + 1, end)
        of = values[row]
        at = _members(data, at, end, names, name_ends, of, texts, used, turns, state, keys, open_)
        if at < 0 or of[0, 1] == 0 or _white(data, at, end) != end:
            continue
        turned = state[1]
        first = turns[0]
        if turned == 1 and first[0] == SYSTEM:
            continue
        kinds[line] = PLAIN
        lines[row] = line
        code = 1
        last = turns[turned - 1]
        high[row] = last[5] != 0
        for turn in range(turned):
            code = code * 8 + turns[turn, 0]
            if turns[turn, 0] == USER:
                high[row] |= turns[turn, 5] != 0
                if turn < turned - 1:
                    asked_last[row, 0], asked_last[row, 1] = turns[turn, 1], turns[turn, 2]
        roles[row] = code
        if first[0] == SYSTEM:
            systems[row, 0], systems[row, 1] = first[3], first[4]
        answers[row, 0], answers[row, 1] = last[1], last[2]
        strict[row] = _value(texts, last[1], last[2], keys, 0, open_) == last[2]
        asked = _asked(turns, turned, texts, questions, asked)
        question_ends[row] = asked
        used = state[0]
        ends[row] = used
        if row:
            _compare(data, values, systems, row, fresh)
        row += 1
    return row
