"""`policy/erased.yml`: contents that were deleted on purpose, and why.

Digests stay in pointers, evidence and records; only the bytes go. The file is a rule: a change of
it needs the quorum of the policy, and the bot signs a record of it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from policy.documents import Document, parse
from policy.governed import ERASED
from policy.names import Digest


class Erasure(Document):
    """One decision to delete. Who decided, and when, is in the record of its pull request."""

    digests: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=1000)]
    """The SHA-256 of each file in the registry: model files, outputs, adapters."""
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500)]


class Erasures(Document):
    """All erasures of a repository. An entry stays: without it, the bytes are just missing."""

    erased: Annotated[tuple[Erasure, ...], Field(min_length=1)]


def read_erasures(text: str | None) -> dict[str, str]:
    """Return digest to reason; empty if there is no file. UserError if it cannot be read."""
    listed = parse(Erasures, text, ERASED).erased if text is not None else ()
    return {digest: one.reason for one in reversed(listed) for digest in one.digests}
