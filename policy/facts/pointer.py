"""The pointer: `models/<model>/pointer.json`, the one file that names the live version."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from policy.documents import Document
from policy.names import Digest, ModelName, Version

MAX_URI = 2000


class PointerArtifact(Document):
    """The served file: the digest of its bytes, and where it was published in the registry."""

    digest: Digest
    size: Annotated[int, Field(ge=1)]
    uri: str
    format: Literal["gguf"] = "gguf"
    quantisation: str

    def misplaced(self) -> str:
        """Return why the place cannot be the registry's for these bytes; empty if it can.

        A registry keeps a file under its digest, so the place ends in it. Nothing in a place may
        lead a reader elsewhere: another protocol in front of it, an account, a query, a space.
        """
        last = self.uri.rpartition("/")[2].removeprefix("sha256:")
        plain = self.uri.isprintable() and not any(c in self.uri for c in " \\?#@")
        if not plain or "::" in self.uri or len(self.uri) > MAX_URI or "/../" in self.uri:
            return f"the place of the file, {self.uri[:200]!r}, is no plain address"
        if last != self.digest.removeprefix("sha256:"):
            return (
                f"the place of the file, {self.uri}, does not end in its digest, {self.digest}; "
                "a registry keeps it under its digest"
            )
        return ""


class PointerEvidence(Document):
    """The path of the evidence in the repository, and the digest of its bytes."""

    path: str
    digest: Digest


class Predecessor(Document):
    """The version that was live before, as named by the base branch's pointer."""

    version: Version
    artifact: Digest


class Pointer(Document):
    """The live version, its evidence, and the version that it replaced."""

    schema_version: Literal[1] = 1
    model: ModelName
    version: Version
    artifact: PointerArtifact
    evidence: PointerEvidence
    proposal: Digest
    predecessor: Predecessor | None = None

    def text(self) -> str:
        """Return the file's exact content."""
        return self.model_dump_json(indent=2) + "\n"


def next_version(artifact: str, predecessor: str | None) -> str:
    """Return the version name of an artifact that follows the version `predecessor`."""
    count = int(predecessor[1:].split("-")[0]) + 1 if predecessor else 1
    return f"v{count}-{artifact.removeprefix('sha256:')[:8]}"
