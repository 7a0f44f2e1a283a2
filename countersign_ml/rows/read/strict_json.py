"""JSON as it is written, or not at all: no key twice, no NaN, no lone surrogates.

Python's own reader keeps the last of two equal keys without a word, so that a row could say one
thing to a reviewer and another to the trainer.
"""

from __future__ import annotations

import json
from typing import Any


def loads(text: str) -> Any:
    """Return the value of strict JSON; ValueError says what is wrong."""
    try:
        value = _DECODER.decode(text)
        if "\\u" in text:  # only an escape can bring half a pair into decoded text
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except UnicodeEncodeError as error:
        raise ValueError("half a surrogate pair stands in it, which is no text") from error
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value:
            raise ValueError(f"the key {key!r} is given twice")
        value[key] = item
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)
"""Made once: making one costs more than reading a short row."""
