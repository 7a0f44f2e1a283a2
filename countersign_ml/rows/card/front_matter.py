"""Facts written into a card's front matter, key by key: what people wrote stays as it is.

The Hub's library would write the whole front matter again and lose comments, quotes and the order
of keys. So it is used only to write the keys with facts, and to read the result back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData

from policy import documents
from policy.errors import UserError

BEGIN, END = "<!-- countersign:facts -->", "<!-- /countersign:facts -->"
_FENCE = "---"


def front_matter(text: str, where: str) -> tuple[dict[str, Any], documents.Lines, int]:
    """Return the front matter, the line of each key path, and the line of the closing fence."""
    lines = text.removeprefix("\ufeff").split("\n")
    if lines[0].strip() != _FENCE:
        raise UserError.one(
            f"{where}:1", "no YAML front matter", "begin the card with --- and the Hub's keys"
        )
    end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == _FENCE), None)
    if end is None:
        raise UserError.one(f"{where}:1", "the front matter does not end", "close it with ---")
    value, known = documents.read_yaml("\n" + "\n".join(lines[1:end]), where)
    if value is not None and not isinstance(value, dict):
        raise UserError.one(f"{where}:2", "the front matter has no keys", "write `key: value`")
    return value or {}, known, end + 1


def with_facts(text: str, facts: Mapping[str, Any], where: str) -> str:
    """Return the card with these top-level keys set; a key that already has the value stays."""
    for key, wanted in facts.items():
        value, known, closing = front_matter(text, where)
        if key in value and _same(value[key], wanted):
            continue
        text = _with_key(text, key, wanted, known, closing, where)
    value, _, _ = front_matter(text, where)
    read = DatasetCard(text.removeprefix("\ufeff").replace("\r\n", "\n")).data
    for key, wanted in facts.items():
        if not _same(value.get(key), wanted) or not _same(read.get(key), wanted):
            raise AssertionError(f"{where}: {key} does not read back as it was written")
    return text


def with_table(text: str, table: str, where: str) -> str:
    """Return the card with the text between the two marks replaced; unchanged without marks."""
    begins, ends = text.count(BEGIN), text.count(END)
    if not begins and not ends:
        return text
    start, stop = text.find(BEGIN), text.find(END)
    if begins != 1 or ends != 1 or stop < start:
        raise UserError.one(
            f"{where}:{text[: max(start, 0)].count(chr(10)) + 1}",
            f"{BEGIN} and {END} must occur once each, in this order",
            "fix the marks, or remove both",
        )
    newline = _newline(text)
    inner = f"{newline}{table.replace(chr(10), newline)}{newline}"
    return text[: start + len(BEGIN)] + inner + text[stop:]


def fragment(key: str, value: Any) -> str:
    """Return one key as the Hub's library writes it."""
    return f"{DatasetCardData(**{key: value}).to_yaml()}\n"


def _with_key(
    text: str, key: str, value: Any, known: documents.Lines, closing: int, where: str
) -> str:
    newline = _newline(text)
    written = fragment(key, value).replace("\n", newline)
    lines = text.split("\n")
    place = known.get((key,))
    if place is None:
        start = stop = closing - 1
    else:
        start = place - 1
        following = [line for path, line in known.items() if len(path) == 1 and line > place]
        stop = min(following, default=closing) - 1
        while stop > start + 1 and re.match(r"\s*$|#", lines[stop - 1]):
            stop -= 1  # comments and blank lines before the next key belong to that key
        alone = [path for path, line in known.items() if len(path) == 1 and line == place]
        if len(alone) > 1 or not re.match(rf"[\"']?{re.escape(key)}[\"']?\s*:", lines[start]):
            raise UserError.one(
                f"{where}:{place} {key}",
                "is not at the beginning of a line",
                "write each key on its own line",
            )
    before = "".join(f"{line}\n" for line in lines[:start])
    return before + written + "\n".join(lines[stop:])


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are equal; the Hub reads a list of one as its item."""
    if isinstance(other, list) and len(other) == 1 and not isinstance(one, list):
        return _plain(one) == _plain(other[0])
    return _plain(one) == _plain(other)


def _plain(value: Any) -> str:
    """Return a value as text, so that a date equals the text it was written as."""
    return json.dumps(value, sort_keys=True, default=str)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text.partition("---")[2][:2] else "\n"
