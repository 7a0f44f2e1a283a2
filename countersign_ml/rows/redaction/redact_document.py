"""Redaction of one document: replace, scan again, and stop only if nothing is found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from countersign_ml.rows.detect import KINDS, Hit, NameList, scan, scan_field
from countersign_ml.rows.redaction.pseudonyms import Pseudonyms
from countersign_ml.rows.redaction.redact_json import strings

_SHAPED_ROUNDS = 4
_ROUNDS = 12


@dataclass
class Redactor:
    """Redacts documents with one key, and counts replacements by kind, never by value."""

    key: bytes
    kinds: frozenset[str] = frozenset(KINDS)
    names: NameList | None = None
    kept: frozenset[str] = frozenset({"id"})
    """Top-level fields of a row that stay unchanged."""
    replaced: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    """Hits in kept fields, field names and numbers, which redaction does not change."""

    def text(self, text: str, document: str, name: str = "") -> str:
        """Return the text with every hit replaced; unchanged if there is none."""
        return self._redact(text, name, Pseudonyms(self.key, document))

    def row(self, line: str, document: str) -> str:
        """Return a JSON row with its string values redacted, every other character as it was."""
        pseudonyms = Pseudonyms(self.key, document)
        pseudonyms.keep_clear_of(line)
        made, copied = [], 0
        for one in strings(line):
            if one.is_key or one.is_number or (one.depth == 1 and one.field in self.kept):
                self.left.update(hit.kind for hit in self._hits(one.value, one.field))
                continue
            value = self._redact(one.value, one.field, pseudonyms)
            if value != one.value:
                made += [line[copied : one.start], one.written(value)]
                copied = one.end
        return "".join([*made, line[copied:]]) if made else line

    def _hits(self, text: str, name: str) -> tuple[Hit, ...]:
        if name:
            return scan_field(name, text, self.kinds, self.names)
        return scan(text, self.kinds, self.names)

    def _redact(self, text: str, name: str, pseudonyms: Pseudonyms) -> str:
        for done in range(_ROUNDS):
            hits = self._hits(text, name)
            if not hits:
                return text
            if not done:
                pseudonyms.keep_clear_of(text)
            self.replaced.update(hit.kind for hit in hits)
            text = "".join(self._pieces(text, hits, pseudonyms, shaped=done < _SHAPED_ROUNDS))
        raise AssertionError(f"redaction did not settle after {_ROUNDS} rounds")

    @staticmethod
    def _pieces(
        text: str, hits: tuple[Hit, ...], pseudonyms: Pseudonyms, *, shaped: bool
    ) -> Iterator[str]:
        copied = 0
        for hit in hits:
            yield text[copied : hit.start]
            value = text[hit.start : hit.end]
            # A value that is a label but for what touches it would be found again and again.
            yield pseudonyms.of(hit.kind, re.sub(r"[\[\]]", "", value), shaped=shaped)
            copied = hit.end
        yield text[copied:]
