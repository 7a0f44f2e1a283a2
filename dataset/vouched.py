"""Fast decoding that vouches for what it read, or leaves the line to the strict reader.

msgspec refuses NaN, broken UTF-8 and half surrogates as the strict reader does, but keeps the last
of two equal keys. So the value is written again: a key that was dropped took at least two quotes
along, and every quote that is kept is written as one (where the line writes one as `\\u0022`, the
strict reader decides). Equal counts of quotes therefore prove that nothing was dropped.
"""

from __future__ import annotations

from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


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
