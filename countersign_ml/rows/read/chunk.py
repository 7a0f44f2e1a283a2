"""A piece of a source: every file reader yields it, and every gate examines it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Whole lines of one source; `defects` lists lines that were skipped, as (line, why)."""

    first_line: int
    data: bytes
    offset: int
    defects: tuple[tuple[int, str], ...] = ()
