"""How large a packed file may become: a few kilobytes must not fill a disk."""

from __future__ import annotations

EXPANDS_AT_MOST, EXPANDS_FREELY = 200, 1 << 26
"""Beyond the first 64 MB, a packed file may become this many times its size. Text becomes 3 to 20
times its size; a few kilobytes that fill a disk are an attack."""


def expands_too_much(written: int, stored: int) -> bool:
    """Return whether a packed file of `stored` bytes may not become `written` bytes."""
    return written > EXPANDS_FREELY + EXPANDS_AT_MOST * stored
