"""Strict JSON: no duplicate keys, no NaN, no lone surrogates.

Python's own parser silently keeps the last of two equal keys, so a row could show one thing to a
reviewer and another to the trainer.
"""

from __future__ import annotations

import json
from typing import Any


def loads(text: str) -> Any:
    """Return the value of strict JSON; ValueError if it is not."""
    try:
        value = _DECODER.decode(text)
        if "\\u" in text:  # only an escape can put half a pair into decoded text
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except UnicodeEncodeError as error:
        raise ValueError("contains half a surrogate pair, which is not text") from error
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value:
            raise ValueError(f"the key {key!r} is given twice")
        value[key] = item
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)
"""Created once: creating one costs more than reading a short row."""
