"""Which commands are answered: a flood of commands must not become a flood of answers.

The limits are counted over the commands themselves, so a deleted answer does not change them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from bot.facts.snapshot import Comment

HOUR = timedelta(hours=1)
MOST_OF_PERSON = 3
"""How many answers the commands of one kind by one person get in an hour."""
MOST_OF_PULL = 10
"""How many answers to `/explain` a pull request gets in an hour, whoever asks."""


def within_limits(comments: Iterable[Comment], most: int | None = None) -> frozenset[int]:
    """Return the ids of the comments that are answered, of all that ask for the same.

    In the hour up to a comment at most MOST_OF_PERSON earlier ones of its author, and at most
    `most` of all people, were answered.
    """
    kept: list[Comment] = []
    unique = {comment.id: comment for comment in comments}
    for comment in sorted(unique.values(), key=lambda one: (one.created, one.id)):
        lately = [one for one in kept if moment(comment.created) - moment(one.created) < HOUR]
        own = [one for one in lately if one.author.lower() == comment.author.lower()]
        if len(own) < MOST_OF_PERSON and (most is None or len(lately) < most):
            kept.append(comment)
    return frozenset(comment.id for comment in kept)


def moment(written: str) -> datetime:
    """Return a time as the API writes it; what has none is older than everything."""
    if not written:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.fromisoformat(written)
