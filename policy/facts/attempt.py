"""Attempts: the same proposal, trained and measured again because somebody asked for it and why.

An attempt can only take a version back. All of them have to hold, and the file of the first is what
ships, so nobody gains by asking until the numbers please (`docs/decisions/0013-attempts.md`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from policy.canonical import canonical_json
from policy.documents import Document
from policy.names import Digest, ModelName

ATTEMPT_TYPE = "application/vnd.countersign.attempt+json"
ATTEMPT_TAGS = "countersign-measured/"
"""Below the tags of first evidence, so that a ruleset which keeps those keeps these."""
MIN_REASON, MAX_REASON = 10, 500
Number = Annotated[int, Field(ge=2, le=10)]
"""The first attempt is the proposal itself; nobody asks for it."""
Reason = Annotated[str, StringConstraints(min_length=MIN_REASON, max_length=MAX_REASON)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AttemptRecord(Document):
    """That somebody asked for another attempt of one proposal: written before its run starts."""

    schema_version: Literal[1] = 1
    repository: Name
    model: ModelName
    proposal: Digest
    number: Number
    user: Name
    reason: Reason
    comment: int
    """The id of the comment that asked."""
    asked: str
    """When it was written (RFC 3339, UTC)."""
    at: str
    """When the bot recorded it."""

    def payload(self) -> bytes:
        """Return the bytes that are signed."""
        return canonical_json(self.plain())

    def tag(self) -> str:
        """Return the tag's name: one for each model, proposal and number."""
        return f"{attempt_tags(self.model, self.proposal)}{self.number}"


class RecordedAttempt(Document):
    """An attempt as the sign-off record lists it, with the evidence that no commit carries."""

    model: ModelName
    number: Number
    user: Name
    asked: str
    reason: Reason
    comment: int
    evidence: str
    """The whole text of its evidence."""


def attempt_tags(model: str, proposal: str) -> str:
    """Return what the names of the tags of a proposal's attempts begin with."""
    return f"{ATTEMPT_TAGS}{model}/attempts/{proposal.removeprefix('sha256:')[:16]}-"
