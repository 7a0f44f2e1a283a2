"""The forms that redaction writes, so that a second scan recognises them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from countersign_ml.rows.detect.hit import Candidate

EMAIL = "person-{}@example.com"
LABEL = "[{}-{}]"
_FORMS = re.compile(r"person-[0-9a-f]{12}@example\.com|\[[A-Z][A-Z0-9-]{1,40}-[0-9]{1,9}\]")


def without_pseudonyms(text: str, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates that are not entirely inside a pseudonym."""
    spans = [found.span() for found in _FORMS.finditer(text)]
    if not spans:
        return list(candidates)
    inside = bytearray(len(text))
    for number, (start, end) in enumerate(spans):
        inside[start:end] = bytes([1 + number % 2]) * (end - start)
    return [one for one in candidates if not _within(inside, one.hit.start, one.hit.end)]


def _within(inside: bytearray, start: int, end: int) -> bool:
    mark = inside[start]
    return mark != 0 and inside[start:end].count(mark) == end - start
