"""Answers that GitHub may confirm with a 304, which is free: kept compressed, bounded by size."""

from __future__ import annotations

import json
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

KEPT_BYTES = 64_000_000


@dataclass(frozen=True)
class Known:
    """One answer: its tag, and its text, compressed."""

    etag: str
    packed: bytes

    @property
    def value(self) -> Any:
        """The answer's JSON, made anew: nobody shares it."""
        return json.loads(zlib.decompress(self.packed))


class KnownAnswers:
    """The newest answer of each URL, as one installation sees it; safe between threads."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._limit = limit
        self._held: OrderedDict[str, Known] = OrderedDict()
        self._lock = threading.Lock()
        self.size = 0

    def get(self, key: str) -> Known | None:
        with self._lock:
            known = self._held.get(key)
            if known is not None:
                self._held.move_to_end(key)
            return known

    def put(self, key: str, etag: str, text: str) -> None:
        known = Known(etag, zlib.compress(text.encode(), 1))
        with self._lock:
            before = self._held.pop(key, None)
            self.size += len(known.packed) - (len(before.packed) if before else 0)
            self._held[key] = known
            while self.size > self._limit:
                _, dropped = self._held.popitem(last=False)
                self.size -= len(dropped.packed)
