"""Pointers as text from git: read them, and find rolled-back versions in their history."""

from __future__ import annotations

from collections.abc import Sequence

from policy.documents import parse_json
from policy.errors import UserError
from policy.facts.pointer import Pointer


def read_pointer(text: str | None) -> Pointer | None:
    """Return the pointer in a file; None if the file is missing or cannot be read."""
    if text is None:
        return None
    try:
        return parse_json(Pointer, text, "pointer.json")
    except UserError:
        return None


def quarantined(history: Sequence[str | None]) -> frozenset[str]:
    """Return the pointer texts that were rolled back: in the history A, B, A this is B.

    A text is quarantined if the branch, after the text's last appearance, returned to an earlier
    text. Having no pointer counts as the first text of every history.
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
    """Return whether the base branch had this content before, and has another now."""
    return text != live and text in (None, *history)
