"""What the author says about the proposal: the sections `Why` and `Lessons` of the pull request.

A card shows them as the author's words, and never as markup.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from countersign_ml.markdown import plain

MOST_LINES, LONGEST_LINE = 20, 500
LOOKED_AT = 65_536
_HEADING = re.compile(r" {0,3}#{1,6}\s+(.*?)\s*#*\s*")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NAMES = {"why": "why", "lessons": "lessons", "lessons learned": "lessons"}


@dataclass(frozen=True)
class Words:
    """Lines of the author, each safe for Markdown, and the author's login."""

    author: str = ""
    why: tuple[str, ...] = ()
    lessons: tuple[str, ...] = ()


NO_WORDS = Words()


def author_words(author: str, body: str) -> Words:
    """Return the two sections of a pull request's text; the first of each name counts.

    A section ends at the next heading. HTML comments, which templates leave, do not count.
    """
    found: dict[str, list[str]] = {}
    inside: list[str] | None = None
    for line in _COMMENT.sub("", body[:LOOKED_AT]).splitlines():
        heading = _HEADING.fullmatch(line)
        if heading is not None:
            name = _NAMES.get(heading[1].strip(" :.?").lower(), "")
            inside = found.setdefault(name, []) if name and name not in found else None
        elif inside is not None and line.strip() and len(inside) < MOST_LINES:
            said = plain(line.strip().removeprefix("- ").removeprefix("* "), LONGEST_LINE)
            if said:
                inside.append(said)
    return Words(author, tuple(found.get("why", ())), tuple(found.get("lessons", ())))


def quoted(lines: tuple[str, ...], author: str) -> str:
    """Return the lines as a quotation of the author; empty without lines."""
    if not lines:
        return ""
    head = f"In the words of the author, {plain(author)}:"
    return "\n>\n".join(f"> {line}" for line in (head, *lines))
