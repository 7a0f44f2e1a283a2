"""The pointer: `models/<model>/pointer.json`, the one file that names the live version."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from policy.documents import Document
from policy.names import Digest, ModelName, Version


class PointerArtifact(Document):
    """The served file: the digest of its bytes, and where it was published in the registry."""

    digest: Digest
    size: Annotated[int, Field(ge=1)]
    uri: str
    format: Literal["gguf"] = "gguf"
    quantisation: str


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
