"""Publish to the registry: the file that ships, the adapter, and every file of outputs.

Nothing is published unless the run is complete. Publishing the same bytes again changes nothing.
The evidence comes last, because it names all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from countersign_ml.registry import Registry
from countersign_ml.registry.file_digest import digest_file
from policy.errors import UserError
from policy.facts.evidence import SHIPPED, ArtifactFacts, MeasuredPart, PublishedPart
from runner.export.export_model import ExportFacts
from runner.measure.base_branch_rows import rival_prefix
from runner.measure.evaluate import FORMER, outputs_name
from runner.training.adapter import ADAPTER_FILES

GGUF, SAFETENSORS = "application/vnd.gguf", "application/vnd.safetensors"
JSON, JSONL = "application/json", "application/jsonl"


def publish_files(
    registry_url: str,
    exported: ExportFacts,
    measured: MeasuredPart,
    adapter: Path,
    export_folder: Path,
    evaluation_folder: Path,
) -> PublishedPart:
    """Publish every artifact of a complete run; UserError if something is missing or changed."""
    _require_whole(exported, measured, export_folder)
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
    for path, media in _others(measured, adapter, evaluation_folder):
        facts.append(_published(registry, path, media))
    return PublishedPart(artifacts=tuple(facts))


def publish_outputs(registry_url: str, files: Sequence[Path]) -> tuple[ArtifactFacts, ...]:
    """Publish only files of row-level outputs, for a run whose other artifacts are published."""
    registry = Registry(registry_url)
    return tuple(_published(registry, path, JSONL) for path in files)


def publish_evidence(registry_url: str, path: Path) -> None:
    """Publish a complete run's evidence next to its artifacts, so that a later run can reuse it."""
    Registry(registry_url).publish(path, media=JSON)


def _published(registry: Registry, path: Path, media: str) -> ArtifactFacts:
    stored = registry.publish(path, media=media)
    return ArtifactFacts(
        name=path.name, digest=stored.digest, size=stored.size, uri=stored.uri, media=media
    )


def _others(measured: MeasuredPart, adapter: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    for name in ADAPTER_FILES:
        yield adapter / name, SAFETENSORS if name.endswith(".safetensors") else JSON
    for measurement in measured.measurements:
        yield folder / outputs_name(measurement.subject), JSONL
    for measurement in measured.former.measurements if measured.former is not None else ():
        yield folder / outputs_name(measurement.subject, FORMER), JSONL
    for rival in measured.rivals:
        for measurement in rival.measurements:
            prefix = rival_prefix(rival.model)
            yield folder / outputs_name(measurement.subject, prefix), JSONL


def _require_whole(exported: ExportFacts, measured: MeasuredPart, folder: Path) -> None:
    """UserError if a measurement is missing, or the file is not the one that was measured."""
    found = {each.subject: each for each in measured.measurements}
    problem = ""
    for subject in ("base", "merged", "candidate"):
        if subject not in found or not found[subject].metrics:
            problem = problem or f"{subject} was not measured"
    if not problem and measured.parity is None:
        problem = "the exported file was not compared with the trained model"
    if not problem:
        digest = digest_file(folder / SHIPPED)[0]
        if not digest == exported.artifact == found["candidate"].model:
            problem = "the exported file is not the one that was measured"
    if problem:
        raise UserError.one(
            "publish",
            f"{problem}; nothing was published",
            "fix that and run countersign run again",
        )
