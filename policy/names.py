"""The names that become paths, refs and URLs, and the pattern of each."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

ModelName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$", strict=True)
]
"""A governed model's folder name: lower-case ASCII, so that no two names look alike."""

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$", strict=True)]
"""SHA-256 of a file or of canonical JSON, prefixed with the algorithm's name."""

GitSha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$", strict=True)]

Version = Annotated[str, StringConstraints(pattern=r"^v[1-9][0-9]{0,5}-[0-9a-f]{8}$", strict=True)]
"""`v<count>-<first 8 hex digits of the artifact's digest>`: unique even if counts repeat."""

RowSplit = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]

RoleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,38}$")]

Quorum = dict[RoleName, Annotated[int, Field(ge=1, le=20)]]
"""Role to the number of its holders who must sign."""
