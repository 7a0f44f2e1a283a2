"""Names of people from a given list; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from countersign_ml.rows.detect.hit import Candidate, Hit, Text

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


class NameList:
    """Names of one or more words, found as whole words in any case, the longest first."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        for name in sorted(set(names)):
            words = tuple(word.casefold() for word in _TOKEN.findall(name))
            if words:
                self._by_first.setdefault(words[0], []).append(words)
        for phrases in self._by_first.values():
            phrases.sort(key=len, reverse=True)

    def find(self, text: Text) -> Iterator[Candidate]:
        """Yield each listed name; a space, hyphen, dot or comma may separate its words."""
        if not self._by_first:
            return
        tokens = [
            (found.group().casefold(), *found.span()) for found in _TOKEN.finditer(text.original)
        ]
        for position, (word, start, _) in enumerate(tokens):
            for phrase in self._by_first.get(word, ()):
                last = position + len(phrase) - 1
                if last < len(tokens) and self._reads(text.original, tokens, position, phrase):
                    yield Candidate(60, Hit("person", start, tokens[last][2]))
                    break

    @staticmethod
    def _reads(
        text: str, tokens: list[tuple[str, int, int]], position: int, phrase: tuple[str, ...]
    ) -> bool:
        for offset, word in enumerate(phrase):
            token, start, _ = tokens[position + offset]
            if token != word:
                return False
            if offset:
                gap = text[tokens[position + offset - 1][2] : start]
                if not 1 <= len(gap) <= 3 or gap.strip(" \u00a0.,-\u2010\u2011"):
                    return False
        return True
