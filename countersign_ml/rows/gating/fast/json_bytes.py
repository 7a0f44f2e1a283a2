"""A part of strict JSON, read over its bytes: each loop returns the place after what it read.

-1 stands for all that is not for these loops, right or wrong: escapes in keys, exponents and long
numbers, a key that its object holds already, whatever is nested deep.
The bytes must be UTF-8.
"""

from __future__ import annotations

import numpy as np

from countersign_ml.rows.gating.fast.jit import I64, U8, eight, kernel, low_zeros

DEEPEST = 12
"""Objects and arrays within each other."""
MOST_KEYS = 48
"""Keys of all objects that are open at a time."""
MOST_DIGITS = 15

QUOTE, BACKSLASH, COMMA, COLON, NEWLINE, MINUS, POINT = np.frombuffer(b'"\\,:\n-.', np.uint8)
OPEN, CLOSE, BEGIN, END = np.frombuffer(b"{}[]", np.uint8)
ONES, HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
SPACES, _QUOTES, _SLASHES = (np.uint64(sign) * ONES for sign in b' "\\')
STOP, _WHITE, DIGIT = 1, 2, 4
KIND = np.zeros(256, dtype=np.uint8)
KIND[:32] = STOP
KIND[[QUOTE, BACKSLASH]] = STOP
KIND[np.frombuffer(b" \t\r", np.uint8)] |= _WHITE
KIND[48:58] |= DIGIT
ESCAPED = np.zeros(256, dtype=np.uint8)
"""What a backslash and a sign stand for; 0 where they are not for these loops."""
for _sign, _meant in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
    ESCAPED[_sign] = _meant


@kernel
def skip_white(data: U8, at: int, end: int) -> int:
    """Return the first place from `at` on that is no white space."""
    while at < end and KIND[data[at]] & _WHITE:
        at += 1
    return at


@kernel
def stops(some: np.uint64) -> np.uint64:
    """Return a number that is 0 where none of eight bytes is a quote, a backslash or a control
    character; else the lowest bit that is set is the highest one of the first such byte."""
    quote, slash = some ^ _QUOTES, some ^ _SLASHES
    found = (quote - ONES) & ~quote
    found |= (slash - ONES) & ~slash
    found |= (some - SPACES) & ~some
    return np.uint64(found & HIGH)


@kernel
def _unit(data: U8, at: int, end: int) -> int:
    """Return the number that a backslash, `u` and four hexadecimal digits say; -1 for others."""
    if at + 6 > end or data[at] != BACKSLASH or data[at + 1] != 117:
        return -1
    unit = 0
    for place in range(at + 2, at + 6):
        digit = data[place]
        if 48 <= digit <= 57:
            unit = unit * 16 + digit - 48
        elif 97 <= digit | 32 <= 102:
            unit = unit * 16 + (digit | 32) - 87
        else:
            return -1
    return unit


@kernel
def code_point(data: U8, at: int, end: int) -> int:
    """Return the code point that is escaped at `at`, in one unit or in a pair of surrogates; -1
    where there is none, or half a pair."""
    unit = _unit(data, at, end)
    if unit < 0xD800 or unit > 0xDFFF:
        return unit
    low = _unit(data, at + 6, end)
    if unit > 0xDBFF or low < 0xDC00 or low > 0xDFFF:
        return -1
    return 0x10000 + ((unit - 0xD800) << 10) + low - 0xDC00


@kernel
def string_end(data: U8, at: int, end: int, escapes: bool) -> int:
    """Return the place after the string that begins at `at`; -1 where it is not for us."""
    if at >= end or data[at] != QUOTE:
        return -1
    at += 1
    while at < end:
        if at + 8 <= end:
            found = stops(eight(data, at))
            if found == 0:
                at += 8
                continue
            at += low_zeros(found) >> 3
        here = data[at]
        if not KIND[here] & STOP:
            at += 1
        elif here == QUOTE:
            return at + 1
        elif here == BACKSLASH and escapes and at + 1 < end and ESCAPED[data[at + 1]]:
            at += 2
        elif here == BACKSLASH and escapes:
            point = code_point(data, at, end)
            if point < 0:
                return -1
            at += 12 if point > 0xFFFF else 6
        else:
            return -1
    return -1


@kernel
def same_bytes(data: U8, start: int, end: int, other: U8, begin: int, stop: int) -> bool:
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
def read_key(data: U8, at: int, end: int, keys: I64, first: int, count: int) -> int:
    """Read a key and its colon, and note it behind the `count` that are noted; return where its
    value begins. -1 where it is not for us, as one that its object, whose keys are noted from
    `first` on, holds already."""
    after = string_end(data, at, end, False)
    if after < 0 or count >= MOST_KEYS:
        return -1
    keys[count, 0], keys[count, 1] = at + 1, after - 1
    for other in range(first, count):
        if same_bytes(data, at + 1, after - 1, data, keys[other, 0], keys[other, 1]):
            return -1
    at = skip_white(data, after, end)
    if at >= end or data[at] != COLON:
        return -1
    return skip_white(data, at + 1, end)


@kernel
def number_end(data: U8, at: int, end: int) -> int:
    if data[at] == MINUS:
        at += 1
    whole = at
    while at < end and KIND[data[at]] & DIGIT:
        at += 1
    digits = at - whole
    if digits == 0 or (digits > 1 and data[whole] == 48):
        return -1
    if at < end and data[at] == POINT:
        point = at
        at += 1
        while at < end and KIND[data[at]] & DIGIT:
            at += 1
        if at == point + 1:
            return -1
        digits += at - point - 1
    return at if digits <= MOST_DIGITS else -1


@kernel
def scalar_end(data: U8, at: int, end: int) -> int:
    """Return the place after a string, a number or a word of JSON; -1 where there is none."""
    if at >= end:
        return -1
    here = data[at]
    if here == QUOTE:
        return string_end(data, at, end, True)
    if here == MINUS or KIND[here] & DIGIT:
        return number_end(data, at, end)
    for word in (b"true", b"false", b"null"):
        if at + len(word) <= end and here == word[0]:
            for step in range(len(word)):
                if data[at + step] != word[step]:
                    return -1
            return at + len(word)
    return -1


@kernel
def value_end(data: U8, at: int, end: int, keys: I64, noted: int, open_: I64) -> int:
    """Return the place after any value; -1 where it is not for us."""
    depth = 0
    count = noted
    while True:
        # Here a value begins.
        if at >= end:
            return -1
        here = data[at]
        closed = False
        if here in (OPEN, BEGIN):
            if depth == DEEPEST:
                return -1
            open_[depth, 0], open_[depth, 1] = here, count
            depth += 1
            at = skip_white(data, at + 1, end)
            if at >= end:
                return -1
            if here == OPEN and data[at] != CLOSE:
                at = read_key(data, at, end, keys, count, count)
                if at < 0:
                    return -1
                count += 1
                continue
            if here == BEGIN and data[at] != END:
                continue
            closed = True
        else:
            at = scalar_end(data, at, end)
            if at < 0:
                return -1
        # Here a value ended, or (closed) an empty object or array is about to.
        while True:
            if depth == 0:
                return at
            if not closed:
                at = skip_white(data, at, end)
                if at >= end:
                    return -1
            within_object = open_[depth - 1, 0] == OPEN
            if not closed and data[at] == COMMA:
                at = skip_white(data, at + 1, end)
                if within_object:
                    at = read_key(data, at, end, keys, open_[depth - 1, 1], count)
                    if at < 0:
                        return -1
                    count += 1
                break
            if data[at] != (CLOSE if within_object else END):
                return -1
            depth -= 1
            count = open_[depth, 1]
            at += 1
            closed = False
