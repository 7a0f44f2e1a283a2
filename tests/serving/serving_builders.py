"""Pointers, registries and tiny models to serve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from countersign_ml.registry import Registry, Stored
from countersign_ml.serving.backend import BackendOptions
from countersign_ml.serving.model_server import Server
from countersign_ml.serving.pointer_source import FileSource, PointerSource
from countersign_ml.serving.proof import Proof
from policy.facts.pointer import Pointer, PointerArtifact, PointerEvidence

MODEL = "tickets"
MEDIA = "application/vnd.gguf"
QUICK = BackendOptions(context=256, threads=1, start_seconds=120)


def pointer(stored: Stored, number: int = 1, model: str = MODEL) -> Pointer:
    """Point at a published artifact."""
    return Pointer(
        model=model,
        version=f"v{number}-{stored.digest[7:15]}",
        artifact=PointerArtifact(
            digest=stored.digest, size=stored.size, uri=stored.uri, quantisation="F16"
        ),
        evidence=PointerEvidence(path="model_cards/x.json", digest="sha256:" + "0" * 64),
        proposal="sha256:" + "1" * 64,
    )


@dataclass(frozen=True)
class House:
    """A working tree with a pointer, and its registry."""

    root: Path

    @property
    def registry(self) -> Registry:
        return Registry(str(self.root / "registry"))

    @property
    def pointer_file(self) -> Path:
        return self.root / "models" / MODEL / "pointer.json"

    def publish(self, artifact: Path, number: int = 1) -> Pointer:
        return pointer(self.registry.publish(artifact, media=MEDIA), number)

    def place(self, made: Pointer) -> Path:
        """Return where the registry keeps a pointer's artifact."""
        name = made.artifact.digest[7:]
        return self.root / "registry" / "sha256" / name[:2] / name

    def point(self, made: Pointer) -> None:
        """Move the pointer as git does: a whole file in one step."""
        self.pointer_file.parent.mkdir(parents=True, exist_ok=True)
        part = self.pointer_file.with_suffix(".part")
        part.write_text(made.text())
        part.replace(self.pointer_file)

    def server(self, source: PointerSource | None = None) -> Server:
        return Server(
            MODEL,
            source or FileSource(self.pointer_file, Proof(unsigned=True)),
            self.registry,
            cache=self.root / "cache",
            port=0,
            poll_seconds=0.1,
            options=QUICK,
        )
