"""A piece of a source: what every reader of files yields, and every gate examines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Whole lines of one source; `defects` are lines that were skipped unread, as (line, why)."""

    first_line: int
    data: bytes
    offset: int
    defects: tuple[tuple[int, str], ...] = ()
