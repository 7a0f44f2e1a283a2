"""The sentences that several modules of this room share."""

from __future__ import annotations

from policy.errors import UserError


def unreadable(where: str, error: Exception) -> UserError:
    said = getattr(error, "strerror", None) or str(error)
    return UserError.one(where, f"cannot be read: {said}", "fix the file or its permissions")


def changed_while_read(where: str) -> UserError:
    return UserError.one(where, "changed while it was read", "run the command again")


def line_too_long(limit: int) -> str:
    return f"longer than {limit} bytes; does the file have line breaks?"


def share_too_large(what: str, share: float, limit: float) -> str:
    return f"{share:.1%} of the training rows {what}; the limit is {limit:.1%}"


def how_alike(jaccard: float) -> str:
    """Return how similar two texts are. Below 0: only the MinHash bands were compared. Above 1: all
    words are the same."""
    if jaccard > 1:
        return " (the same but for punctuation)"
    return f" (Jaccard {jaccard:.2f})" if jaccard >= 0 else " (compared by MinHash only)"
