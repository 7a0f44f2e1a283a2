"""Fast decoding that vouches for what it read, or leaves the line to the strict reader.

msgspec refuses NaN, broken UTF-8 and half surrogates as the strict reader does, but keeps the last
of two equal keys. So the value is written again: a key that was dropped took at least two quotes
along, and every quote that is kept is written as one (where the line writes one as `\\u0022`, the
strict reader decides). Equal counts of quotes therefore prove that nothing was dropped.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

_decoder, _encoder = msgspec.json.Decoder(), msgspec.json.Encoder()
_decode, _encode = _decoder.decode, _encoder.encode
_QUOTE, _OPEN, _CLOSE, _END = b'"{}\n'


def vouched(line: bytes) -> Any:
    """Return the value of a line of strict JSON; None where the strict reader has to look."""
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
    """Return the value of each line, all of them objects; None where one has to be looked at alone.

    One call decodes all lines, wherever their values end. So each line end has to stand between `}`
    and `{`, which it cannot inside a value, and there must be as many values as lines: then each
    line holds one. No line may be blank.
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
