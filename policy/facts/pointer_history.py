"""Pointers as text from git: reading them, and what their history on the base branch says."""

from __future__ import annotations

from collections.abc import Sequence

from policy.documents import parse_json
from policy.errors import UserError
from policy.facts.pointer import Pointer


def read_pointer(text: str | None) -> Pointer | None:
    """Return the pointer that a file holds; None where there is none or it cannot be read."""
    if text is None:
        return None
    try:
        return parse_json(Pointer, text, "pointer.json")
    except UserError:
        return None


def quarantined(history: Sequence[str | None]) -> frozenset[str]:
    """Return the pointer texts that were rolled back: in A, B, A it is B.

    A text is quarantined when, after its last appearance, the branch returned to something that it
    had before. The branch had nothing before its first pointer.
    """
    seen: list[str | None] = [None, *history]
    found: set[str] = set()
    for index, text in enumerate(seen):
        if text is None or text in seen[index + 1 :]:
            continue
        before = set(seen[:index]) - {text}
        if any(later in before for later in seen[index + 1 :]):
            found.add(text)
    return frozenset(found)


def was_live(text: str | None, history: Sequence[str | None], live: str | None) -> bool:
    """Return whether the base branch held this content before, and holds another now."""
    return text != live and text in (None, *history)
