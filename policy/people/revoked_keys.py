"""`policy/keys/revoked.yml`: keys that must prove nothing after a commit, and why."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from policy.documents import Document, parse
from policy.governed import KEYS
from policy.names import GitSha

REVOKED_KEYS = f"{KEYS}/revoked.yml"


class RevokedKey(Document):
    """One key. A file of it that is added again stays revoked."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", strict=True)]
    """The SHA-256 of its PEM file, as `sha256sum policy/keys/NAME.pem` prints it."""
    after: GitSha
    """The last commit of the default branch for which a record by this key is still believed."""
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500)]


class RevokedKeys(Document):
    """All revoked keys of a repository."""

    revoked: Annotated[tuple[RevokedKey, ...], Field(min_length=1)]


def read_revoked(text: str | None) -> tuple[RevokedKey, ...]:
    """Return the revoked keys; none if there is no file. UserError if it cannot be read."""
    return parse(RevokedKeys, text, REVOKED_KEYS).revoked if text is not None else ()
