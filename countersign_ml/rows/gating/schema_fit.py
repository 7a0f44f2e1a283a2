"""A check of many texts against a contract's schema, which remembers those that fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from countersign_ml.rows.detect.third_party import utf8
from countersign_ml.rows.kept.vouched import vouched, vouched_lines
from countersign_ml.rows.read.json_schemas import SchemaChecker

REMEMBERED = 50_000
"""Texts that fit and are remembered, because answers repeat; the limit bounds memory."""


class Fits:
    """One schema, and the texts that are known to fit it."""

    def __init__(self, checker: SchemaChecker) -> None:
        self._checker = checker
        self._known: set[str] = set()

    def misfits(self, texts: list[str]) -> set[int]:
        """Return the indexes of the texts that may not fit."""
        known = self._known
        fresh = [at for at, text in enumerate(texts) if text not in known]
        fits = self._fitting([texts[at] for at in fresh])
        for at, fitting in zip(fresh, fits, strict=True):
            if fitting and len(known) < REMEMBERED and len(texts[at]) < 1000:
                known.add(texts[at])
        return {at for at, fitting in zip(fresh, fits, strict=True) if not fitting}

    def _fitting(self, texts: list[str]) -> list[bool]:
        fits = self._checker.accepts
        if self._checker.of_text:
            return [fits(text) for text in texts]
        values = vouched_lines(utf8("\n".join(texts)))
        if values is None or len(values) != len(texts):
            values = [vouched(utf8(text)) for text in texts]
        return [value is not None and _fits(fits, value) for value in values]


def _fits(fits: Callable[[Any], bool], value: Any) -> bool:
    try:
        return fits(value)
    except ValueError:  # nested too deep; the strict reader says so
        return False
