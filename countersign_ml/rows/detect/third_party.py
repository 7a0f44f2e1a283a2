"""The third-party parts of the detectors, loaded once, with a clear error if one is missing."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache
from typing import Any

from policy.errors import UserError

_PACKAGES = {"re2": "google-re2", "stdnum": "python-stdnum", "phonenumbers": "phonenumbers"}


@cache
def load(module: str) -> Any:
    """Return a module of the `data` extra; raise `UserError` if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = _PACKAGES[module.partition(".")[0]]
        raise UserError.one(
            "countersign data",
            f"searching for personal data and secrets requires the package {package} ({error})",
            'install it with: pip install "countersign-ml[data]"',
        ) from error


class PatternSet:
    """Many patterns, searched for in one linear pass over bytes (RE2)."""

    def __init__(self, patterns: Iterable[str]) -> None:
        re2 = load("re2")
        options = re2.Options()
        options.max_mem = 64 << 20
        options.log_errors = False
        self._set = re2.Set.SearchSet(options)
        for pattern in patterns:
            self._set.Add(pattern)
        self._set.Compile()
        self._match = self._set.Match

    def matching(self, raw: bytes) -> list[int]:
        """Return the indexes of the patterns that occur somewhere in the bytes, ascending."""
        return sorted(self._match(raw) or ())

    def any(self, raw: bytes) -> bool:
        """Return whether one of the patterns occurs."""
        return self._match(raw) is not None


class Pattern:
    """Many patterns as one, searched for in one linear pass over bytes (RE2)."""

    def __init__(self, patterns: Iterable[str]) -> None:
        re2 = load("re2")
        options = re2.Options()
        options.max_mem = 64 << 20
        options.log_errors = False
        self._search = re2.compile("|".join(f"(?:{each})" for each in patterns), options).search

    def first(self, raw: bytes, start: int) -> int | None:
        """Return the start of the first match at `start` or later."""
        found = self._search(raw, start)
        return None if found is None else int(found.start())


def utf8(text: str) -> bytes:
    """Return the text as UTF-8; a lone surrogate keeps its three bytes instead of failing."""
    return text.encode("utf-8", "surrogatepass")
