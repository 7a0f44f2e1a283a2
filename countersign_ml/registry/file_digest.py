"""Digests of files: the only names that the registry uses."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import IO

from policy.errors import UserError

CHUNK = 1 << 20
"""Bytes read at a time, so that memory does not grow with the artifact."""

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


def hex_of(digest: str) -> str:
    """Return the 64 hex digits of a digest.

    Anything else is an error before it becomes a path: `sha256:../..` must never reach a file
    system.
    """
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise UserError.one(
            "registry",
            f"{digest[:100]!r} is not a digest",
            "give sha256: and 64 lower-case hex digits, as in the pointer",
        )
    return match[1]


def digest_stream(source: IO[bytes], sink: IO[bytes] | None = None) -> tuple[str, int]:
    """Read `source` to its end, copy it to `sink`, and return its digest and size in bytes."""
    sha256 = hashlib.sha256()
    size = 0
    while chunk := source.read(CHUNK):
        sha256.update(chunk)
        size += len(chunk)
        if sink is not None:
            sink.write(chunk)
    return "sha256:" + sha256.hexdigest(), size


def digest_file(path: Path) -> tuple[str, int]:
    """Return the digest and the size in bytes of a local file; OSError if it cannot be read."""
    with path.open("rb") as source:
        return digest_stream(source)
