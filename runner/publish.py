"""Put what was measured into the registry: the file that ships, the adapter, and every output.

Nothing goes out unless the run is whole. Publishing the same bytes again changes nothing. The
evidence goes last: it names all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from countersign_ml.registry import Registry
from countersign_ml.registry.file_digest import digest_file
from policy.documents import Document
from policy.facts.evidence import SHIPPED, ArtifactFacts
from runner import messages
from runner.export.export_model import ExportFacts
from runner.measure.evaluate import Evaluation, outputs_name
from runner.training.adapter import ADAPTER_FILES

GGUF, SAFETENSORS = "application/vnd.gguf", "application/vnd.safetensors"
JSON, JSONL = "application/json", "application/jsonl"


class Published(Document):
    """Where everything lies now."""

    artifacts: tuple[ArtifactFacts, ...]


def publish(
    registry_url: str,
    exported: ExportFacts,
    evaluation: Evaluation,
    adapter: Path,
    export_folder: Path,
    evaluation_folder: Path,
) -> Published:
    """Publish every artifact of a whole run; UserError where something is missing or changed."""
    _require_whole(exported, evaluation, export_folder)
    registry = Registry(registry_url)
    shipped = registry.publish(export_folder / SHIPPED, media=GGUF)
    facts = [
        ArtifactFacts(
            name=SHIPPED,
            digest=shipped.digest,
            size=shipped.size,
            uri=shipped.uri,
            media=GGUF,
            quantisation=exported.quantisation,
            tensor_types=exported.tensor_types,
        )
    ]
    for path, media in _others(evaluation, adapter, evaluation_folder):
        facts.append(_published(registry, path, media))
    return Published(artifacts=tuple(facts))


def publish_outputs(registry_url: str, files: Sequence[Path]) -> tuple[ArtifactFacts, ...]:
    """Publish files of row-level outputs alone, for a run whose other artifacts are there."""
    registry = Registry(registry_url)
    return tuple(_published(registry, path, JSONL) for path in files)


def publish_evidence(registry_url: str, path: Path) -> None:
    """Put a whole run's evidence beside its artifacts, so that a later run may rest on it."""
    Registry(registry_url).publish(path, media=JSON)


def _published(registry: Registry, path: Path, media: str) -> ArtifactFacts:
    stored = registry.publish(path, media=media)
    return ArtifactFacts(
        name=path.name, digest=stored.digest, size=stored.size, uri=stored.uri, media=media
    )


def _others(evaluation: Evaluation, adapter: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    for name in ADAPTER_FILES:
        yield adapter / name, SAFETENSORS if name.endswith(".safetensors") else JSON
    for measurement in evaluation.measurements:
        yield folder / outputs_name(measurement.subject), JSONL


def _require_whole(exported: ExportFacts, evaluation: Evaluation, folder: Path) -> None:
    """Refuse a run that lacks a measurement, or whose file is not the one that was measured."""
    measured = {each.subject: each for each in evaluation.measurements}
    for subject in ("base", "merged", "candidate"):
        if subject not in measured or not measured[subject].metrics:
            raise messages.publish_incomplete(f"{subject} was not measured")
    if evaluation.parity is None:
        raise messages.publish_incomplete("the exported file was not compared")
    found = digest_file(folder / SHIPPED)[0]
    if not found == exported.artifact == measured["candidate"].model:
        raise messages.publish_incomplete("the exported file is not the one that was measured")
