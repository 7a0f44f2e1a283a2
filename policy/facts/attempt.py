"""Attempts: the same proposal, trained and measured again because somebody requested it.

An attempt can only block a version. All attempts must pass, and the file of the first one ships, so
nobody gains by repeating until the numbers look good (`docs/decisions/0013-attempts.md`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from policy.documents import Document
from policy.facts.statement import PREDICATES, SignedRecord, Subject, subject
from policy.names import Digest, ModelName

ATTEMPT_TYPE = PREDICATES + "attempt/v1"
ATTEMPT_TAGS = "countersign-measured/"
"""Below the tags of first evidence, so that one ruleset protects both."""
MIN_REASON, MAX_REASON = 10, 500
Number = Annotated[int, Field(ge=2, le=10)]
"""The first attempt is the proposal itself; nobody requests it."""
Reason = Annotated[str, StringConstraints(min_length=MIN_REASON, max_length=MAX_REASON)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AttemptRecord(SignedRecord):
    """A request for another attempt of one proposal, written before its run starts."""

    PREDICATE: ClassVar[str] = ATTEMPT_TYPE

    schema_version: Literal[1] = 1
    repository: Name
    model: ModelName
    proposal: Digest
    number: Number
    user: Name
    reason: Reason
    comment: int
    """The id of the comment with the request."""
    asked: str
    """When it was written (RFC 3339, UTC)."""
    at: str
    """When the bot recorded it."""

    def subjects(self) -> list[Subject]:
        """Return the proposal."""
        return [subject(f"{self.repository} {self.model} proposal", self.proposal)]

    def tag(self) -> str:
        """Return the tag's name: one for each model, proposal and number."""
        return f"{attempt_tags(self.model, self.proposal)}{self.number}"


class RecordedAttempt(Document):
    """An attempt in the sign-off record, with its evidence, which no commit contains."""

    model: ModelName
    number: Number
    user: Name
    asked: str
    reason: Reason
    comment: int
    evidence: str
    """The full text of its evidence."""


def attempt_tags(model: str, proposal: str) -> str:
    """Return the prefix of the tag names of a proposal's attempts."""
    return f"{ATTEMPT_TAGS}{model}/attempts/{proposal.removeprefix('sha256:')[:16]}-"
