"""The turns of a row, read over its bytes: objects of a role and a content and nothing else."""

from __future__ import annotations

import numpy as np

from countersign_ml.rows.gating.fast.jit import I64, U8, eight, kernel, low_zeros, put_eight
from countersign_ml.rows.gating.fast.json_bytes import (
    BACKSLASH,
    BEGIN,
    CLOSE,
    COLON,
    COMMA,
    END,
    ESCAPED,
    HIGH,
    KIND,
    NEWLINE,
    OPEN,
    QUOTE,
    SPACES,
    STOP,
    code_point,
    same_bytes,
    skip_white,
    stops,
    string_end,
)

MOST_TURNS = 20
"""So that a row's roles are one number of three bits each."""
SYSTEM, USER, ASSISTANT, TOOL = 1, 2, 3, 4
_ROLE, _CONTENT = np.frombuffer(b"role", np.uint8), np.frombuffer(b"content", np.uint8)


@kernel
def _shown(some: np.uint64) -> np.uint64:
    """Return the highest bit of each of eight bytes that is ASCII and no space; of bytes among
    which there is no control character."""
    return np.uint64((((some ^ SPACES) & ~HIGH) + ~HIGH) & ~some & HIGH)


@kernel
def _put_point(texts: U8, at: int, point: int) -> int:
    """Write a code point as UTF-8; return the place after it."""
    if point < 0x80:
        texts[at] = point
        return at + 1
    size = 2 if point < 0x800 else 3 if point < 0x10000 else 4
    for step in range(size - 1, 0, -1):
        texts[at + step] = 0x80 | point & 0x3F
        point >>= 6
    texts[at] = (0xF00 >> size) & 0xFF | point
    return at + size


@kernel
def copy_content(data: U8, at: int, end: int, texts: U8, used: int, state: I64) -> int:
    """Copy the string at `at` to `texts`, escapes undone; return the place after it or -1.

    `state` is given where the copy ends, whether it holds anything but ASCII, and whether it may be
    nothing but white space: there is some beyond ASCII too. -1 where all is ASCII and white.
    """
    if at >= end or data[at] != QUOTE:
        return -1
    at += 1
    seen = np.uint64(0)
    visible = False
    while at < end:
        if at + 8 <= end:
            some = eight(data, at)
            put_eight(texts, used, some)
            found = stops(some)
            if found == 0:
                seen |= some
                visible |= _shown(some) != 0
                at += 8
                used += 8
                continue
            run = low_zeros(found) >> 3
            before = (np.uint64(1) << np.uint64(8 * run)) - np.uint64(1)
            seen |= some & before
            visible |= _shown(some) & before != 0
            at += run
            used += run
        here = data[at]
        if not KIND[here] & STOP:
            texts[used] = here
            seen |= np.uint64(here)
            visible |= here > 32 and here < 128
            at += 1
        elif here == QUOTE:
            state[0] = used
            state[1] = seen & HIGH != 0
            state[2] = not visible
            return at + 1 if visible or state[1] else -1
        elif here == BACKSLASH and at + 1 < end and ESCAPED[data[at + 1]]:
            meant = ESCAPED[data[at + 1]]
            texts[used] = meant
            visible |= meant > 32
            at += 2
        elif here == BACKSLASH:
            point = code_point(data, at, end)
            if point < 0:
                return -1
            if point > 127:
                seen |= HIGH
            visible |= point > 32 and point < 128
            at += 12 if point > 0xFFFF else 6
            used = _put_point(texts, used, point) - 1
        else:
            return -1
        used += 1
    return -1


@kernel
def role_at(data: U8, at: int, end: int) -> int:
    """Return the role that the string at `at` names; 0 where it names none of ours."""
    after = string_end(data, at, end, False)
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
def read_turns(data: U8, at: int, end: int, texts: U8, used: int, turns: I64, state: I64) -> int:
    """Read the turns that begin at `at` and copy their contents; return the place after them or -1.

    `turns` holds of each the role, where its content stands in `texts` and in the bytes, whether it
    holds anything but ASCII, and whether it may be nothing but white space; state[0] is where the
    copies end, state[1] the number of turns. A leading system turn's content is not kept.
    """
    if at >= end or data[at] != BEGIN:
        return -1
    count = 0
    at = skip_white(data, at + 1, end)
    while True:
        if at >= end or data[at] != OPEN or count == MOST_TURNS:
            return -1
        at = skip_white(data, at + 1, end)
        role = 0
        said = False
        for member in range(2):
            after = string_end(data, at, end, False)
            if after < 0:
                return -1
            is_role = same_bytes(data, at + 1, after - 1, _ROLE, 0, len(_ROLE))
            if not is_role and not same_bytes(data, at + 1, after - 1, _CONTENT, 0, len(_CONTENT)):
                return -1
            at = skip_white(data, after, end)
            if at >= end or data[at] != COLON:
                return -1
            at = skip_white(data, at + 1, end)
            if is_role:
                role = role_at(data, at, end)
                if role == 0:
                    return -1
                at = string_end(data, at, end, False)
            else:
                turns[count, 1], turns[count, 3] = used, at + 1
                at = copy_content(data, at, end, texts, used, state)
                if at < 0:
                    return -1
                turns[count, 2], turns[count, 4] = state[0], at - 1
                turns[count, 5], turns[count, 6] = state[1], state[2]
                said = True
            at = skip_white(data, at, end)
            if at >= end or data[at] != (CLOSE if member else COMMA):
                return -1
            at = skip_white(data, at + 1, end)
        if role == 0 or not said:
            return -1
        turns[count, 0] = role
        if count or role != SYSTEM:
            used = turns[count, 2]
            texts[used] = NEWLINE
            used += 1
        count += 1
        if at >= end:
            return -1
        if data[at] == END:
            state[0], state[1] = used, count
            return at + 1
        if data[at] != COMMA:
            return -1
        at = skip_white(data, at + 1, end)


@kernel
def copy_asked(turns: I64, turned: int, texts: U8, questions: U8, asked: int) -> int:
    """Copy what the user says in all turns, line ends between; return where the copy ends."""
    begun = asked
    for turn in range(turned):
        if turns[turn, 0] == USER:
            if asked > begun:
                questions[asked] = NEWLINE
                asked += 1
            start, size = turns[turn, 1], turns[turn, 2] - turns[turn, 1]
            for step in range(0, size, 8):
                put_eight(questions, asked + step, eight(texts, start + step))
            asked += size
    return asked
