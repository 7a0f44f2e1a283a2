"""The one comment of the bot on a pull request, and the run keys in its hidden line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.facts import markers
from bot.facts.actions import UpsertComment
from bot.facts.snapshot import Comment, Snapshot

_KEY = re.compile(r"[0-9a-f]{16}")
MOST_KEYS = 50
"""How many keys a comment remembers, the latest."""


def own_comment(comments: Iterable[Comment]) -> Comment | None:
    """Return our comment, found by author and marker; the oldest counts.

    Anyone with write access can edit the marker away. Apart from answers, the App writes only one
    comment, so the author alone finds it then. A marker alone finds nothing.
    """
    ours = [
        comment
        for comment in comments
        if comment.by_bot and not comment.body.startswith(markers.ANSWERS)
    ]
    ours.sort(key=lambda comment: not comment.body.startswith(markers.COMMENT_MARKER))
    return ours[0] if ours else None


def upsert(snapshot: Snapshot, body: str) -> UpsertComment:
    """Return the comment action: a new comment, or new words for ours."""
    ours = own_comment(snapshot.comments)
    if ours is None:
        return UpsertComment(snapshot.pull.number, body)
    return UpsertComment(snapshot.pull.number, body, ours.id, ours.body)


def keys_in(body: str) -> tuple[str, ...]:
    """Return the run keys in the hidden line of a comment by the bot."""
    _, found, rest = body.partition(markers.KEYS_MARKER)
    words = rest.partition("-->")[0].split() if found else []
    return tuple(word for word in words if _KEY.fullmatch(word))


def earlier_keys(comments: Iterable[Comment]) -> tuple[str, ...]:
    """Return every run key that this pull request had so far, oldest first."""
    ours = own_comment(comments)
    return keys_in(ours.body) if ours is not None else ()


def remembered(earlier: Sequence[str], now: Sequence[str]) -> str:
    """Return the keys to write into the hidden line: the earlier ones, then the present ones."""
    kept = [key for key in dict.fromkeys(earlier) if key not in now]
    return " ".join([*kept, *now][-MOST_KEYS:])
