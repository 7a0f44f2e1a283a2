"""The strings of one line of JSON, in place: what is not replaced stays byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|-?[0-9]{7,40}(?![0-9.eE])')
_COLON = re.compile(r"\s*:")


class Written(NamedTuple):
    """A string or long whole number of the line, and where it is written, quotes included."""

    value: str
    start: int
    end: int
    field: str
    """The nearest field's name; a list's items have their list's."""
    depth: int
    """How many objects and lists contain it."""
    is_key: bool
    is_number: bool

    def written(self, value: str) -> str:
        """Return another value as JSON; ASCII only where it could not be written as UTF-8."""
        try:
            value.encode()
        except UnicodeEncodeError:
            return json.dumps(value)
        return json.dumps(value, ensure_ascii=False)


def strings(line: str) -> Iterator[Written]:
    """Yield each string and long whole number of a valid line of JSON, in order."""
    fields: list[str] = [""]
    for token in _TOKEN.finditer(line):
        text = token.group()
        if text in "{[":
            fields.append(fields[-1])
        elif text in "}]":
            fields.pop()
        else:
            quoted = text[0] == '"'
            value = json.loads(text) if quoted else text
            is_key = quoted and _COLON.match(line, token.end()) is not None
            if is_key:
                fields[-1] = value
            yield Written(
                value,
                *token.span(),
                "" if is_key else fields[-1],
                len(fields) - 1,
                is_key,
                not quoted,
            )
