"""The record of how a merge was judged after it, by the facts of the moment of the merge.

A sign-off record tells what held before the merge. People can object, lose a role or change the
policy between that record and the button; this one tells whether the merge was allowed then. The
bot writes it as the message of an annotated tag on the merge commit.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from policy.facts.statement import PREDICATES, SignedRecord, Subject, subject
from policy.names import GitSha

MERGED_TAGS = "countersign-merged/"
"""Prefix of the records' tags, below `refs/tags/`; the merge commit follows."""


class MergeRecord(SignedRecord):
    """Whether one merge was allowed; the first judgement stays."""

    PREDICATE: ClassVar[str] = PREDICATES + "merge/v1"

    schema_version: Literal[1] = 1
    repository: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    pull: Annotated[int, Field(ge=1)]
    head: GitSha
    commit: GitSha
    """The commit on the base branch that merged the pull request."""
    outcome: Literal["passed", "failed"]
    reasons: tuple[Annotated[str, StringConstraints(max_length=500)], ...] = ()
    """Why it was not allowed."""
    at: str
    """When the bot judged it (RFC 3339, UTC)."""

    def subjects(self) -> list[Subject]:
        """Return the merge commit."""
        return [subject(self.repository, f"gitCommit:{self.commit}")]

    def tag(self) -> str:
        """Return the tag's name: one for each merge commit."""
        return f"{MERGED_TAGS}{self.commit}"
