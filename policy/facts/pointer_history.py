"""Pointers as text from git: read them, and find rolled-back versions in their history.

The history is that of the default branch along first parents: what a merged branch had in between
was never live. The bot reads it from GitHub and the audit from a clone, both by these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Moment:
    """The content of a file after a commit, None if it was absent, and when that was committed."""

    commit: str
    at: str
    content: str | None


def first_parents(tip: str, parents: Callable[[str], Sequence[str]]) -> Iterator[str]:
    """Yield a commit, its first parent, the first parent of that, and so on: newest first."""
    while True:
        yield tip
        above = parents(tip)
        if not above:
            return
        tip = above[0]


def moments(line: Iterable[Moment], earlier: Sequence[Moment] = ()) -> tuple[Moment, ...]:
    """Return `earlier` and the moments of a line, oldest first, at which the content changed.

    Before the first moment there was no file.
    """
    found = list(earlier)
    for moment in line:
        if moment.content != (found[-1].content if found else None):
            found.append(moment)
    return tuple(found)


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
