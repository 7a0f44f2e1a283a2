"""Fast decoding that is proven strict, or else leaves the line to the strict reader.

msgspec refuses NaN, broken UTF-8 and half surrogates as the strict reader does, but keeps the last
of two equal keys. So the value is encoded again: a dropped key loses at least two quotes, and every
other quote is written once (if the line writes one as `\\u0022`, the strict reader decides). Equal
counts of quotes therefore prove that no key was dropped.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

_decoder, _encoder = msgspec.json.Decoder(), msgspec.json.Encoder()
_decode, _encode = _decoder.decode, _encoder.encode
_QUOTE, _OPEN, _CLOSE, _END = b'"{}\n'


def vouched(line: bytes) -> Any:
    """Return the value of a line of strict JSON; None if the strict reader must read it."""
    try:
        value = _decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    again = _encode(value)
    if again == line:
        return value
    if line.count(b'"') != again.count(b'"') or b"\\u0022" in line:
        return None
    return value


def vouched_lines(data: bytes) -> list[Any] | None:
    """Return the object on each line; None if a line must be read alone.

    One call decodes all lines, wherever their values end. So each line break must be between `}`
    and `{`, which is impossible inside a value, and there must be as many values as lines: then
    each line has exactly one. No line may be blank.
    """
    here = np.frombuffer(data.removesuffix(b"\n"), dtype=np.uint8)
    if not len(here) or here[0] != _OPEN or here[-1] != _CLOSE:
        return None
    (ends,) = np.nonzero(here == _END)
    if not ((here[ends - 1] == _CLOSE) & (here[ends + 1] == _OPEN)).all():
        return None
    try:
        values = _decoder.decode_lines(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    if len(values) != len(ends) + 1 or b"\\u0022" in data:
        return None
    again = np.frombuffer(_encoder.encode_lines(values), dtype=np.uint8)
    return values if np.count_nonzero(here == _QUOTE) == np.count_nonzero(again == _QUOTE) else None
