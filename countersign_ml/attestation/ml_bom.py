"""The bill of materials of one version, as CycloneDX 1.6 describes a machine-learning model.

It restates what the evidence, the pointer and the dataset card say, for tools that read CycloneDX.
It is a file of the release commit, so the sign-off record covers it with everything else there.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policy.facts.evidence import Evidence, SplitFacts, TrainingFacts
from policy.facts.pointer import Pointer
from policy.files.dataset_card import DatasetCard

SPEC_VERSION = "1.6"
OWN_LICENCE = "of-base-model-and-data"
"""The licence of a fine-tune follows from two others; the model card says the same."""
MAX_BOM_BYTES = 2_000_000
_MODEL, _BASE = "model", "base-model"
Json = dict[str, Any]


@dataclass(frozen=True)
class DataTerms:
    """What the dataset card says of the rows' use; empty if it could not be read."""

    licence: str = ""
    owner: str = ""
    classification: str = ""


def terms_of(card: DatasetCard | None) -> DataTerms:
    """Return the terms on a dataset card."""
    if card is None:
        return DataTerms()
    own = card.countersign
    return DataTerms(card.license, own.owner, own.classification)


def render(evidence: Evidence, pointer: Pointer, terms: DataTerms) -> str:
    """Return the document's exact text: the same facts give the same bytes."""
    splits = evidence.data.splits if evidence.data is not None else ()
    model = _model(evidence, pointer, splits)
    data = [_rows(evidence, split, terms) for split in splits]
    libraries = [_library(*one) for one in sorted(evidence.producer.libraries.items())]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, pointer.evidence.digest).urn,
        "version": 1,
        "metadata": {**_timestamp(evidence.created), "component": model},
        "components": [*data, *libraries],
        "dependencies": [
            {"ref": _MODEL, "dependsOn": [one["bom-ref"] for one in (*data, *libraries)]}
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def problem_of(content: bytes, evidence: Evidence, pointer: Pointer) -> str:
    """Return how a document differs from what these facts give; empty if it does not.

    The dataset card's terms are taken from the document: evidence does not have them.
    """
    if len(content) > MAX_BOM_BYTES:
        return f"is larger than {MAX_BOM_BYTES} bytes"
    try:
        text = content.decode()
        found = json.loads(text)
        terms = _terms_in(found)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return "is not a bill of materials as a release writes it"
    if render(evidence, pointer, terms) == text:
        return ""
    return "is not the bill of materials that a release of this evidence writes"


def _model(evidence: Evidence, pointer: Pointer, splits: tuple[SplitFacts, ...]) -> Json:
    artifact = pointer.artifact
    facts = {
        "format": artifact.format,
        "quantisation": artifact.quantisation,
        "size": artifact.size,
        "proposal": pointer.proposal,
        "commit": evidence.commit,
        "runner": evidence.producer.runner_version,
        "predecessor": pointer.predecessor.version if pointer.predecessor else "",
        **_training(evidence.training),
    }
    return {
        "type": "machine-learning-model",
        "bom-ref": _MODEL,
        "name": pointer.model,
        "version": pointer.version,
        "hashes": [_hash(artifact.digest)],
        "licenses": [{"license": {"name": OWN_LICENCE}}],
        "pedigree": {"ancestors": [_base(evidence)]},
        "externalReferences": [
            {
                "type": "evidence",
                "url": pointer.evidence.path,
                "hashes": [_hash(pointer.evidence.digest)],
            }
        ],
        "modelCard": {
            "modelParameters": {
                "approach": {"type": "supervised"},
                "task": "text-generation",
                "datasets": [{"ref": _ref(split)} for split in splits],
                "inputs": [{"format": "text"}],
                "outputs": [{"format": "text"}],
            },
            "quantitativeAnalysis": {"performanceMetrics": _metrics(evidence)},
        },
        "properties": _properties(facts),
    }


def _base(evidence: Evidence) -> Json:
    proposal, training = evidence.proposal, evidence.training
    facts = {"weights": training.base_weights} if training is not None else {}
    return {
        "type": "machine-learning-model",
        "bom-ref": _BASE,
        "name": proposal.base_model,
        "version": proposal.base_revision,
        "properties": _properties(facts),
    }


def _rows(evidence: Evidence, split: SplitFacts, terms: DataTerms) -> Json:
    """Return one split. Its digest is of the rows, not of the file's bytes: so it is no `hash`."""
    described: Json = {"type": "dataset", "name": split.path}
    if terms.classification:
        described["classification"] = terms.classification
    if terms.owner:
        described["governance"] = {"owners": [{"organization": {"name": terms.owner}}]}
    return {
        "type": "data",
        "bom-ref": _ref(split),
        "name": f"{evidence.model}/{split.split}",
        "licenses": [{"license": {"name": terms.licence}}] if terms.licence else [],
        "data": [described],
        "properties": _properties({"rows": split.rows, "rows-digest": split.digest}),
    }


def _terms_in(document: Any) -> DataTerms:
    """Return the terms that a document's first split has."""
    rows = [one for one in document["components"] if one["type"] == "data"]
    if not rows:
        return DataTerms()
    described = rows[0]["data"][0]
    owners = described.get("governance", {"owners": []})["owners"]
    return DataTerms(
        licence=rows[0]["licenses"][0]["license"]["name"] if rows[0]["licenses"] else "",
        owner=owners[0]["organization"]["name"] if owners else "",
        classification=described.get("classification", ""),
    )


def _library(name: str, version: str) -> Json:
    """Return a package that the run used; the model does not need it where it is served."""
    return {
        "type": "library",
        "bom-ref": f"library-{name}",
        "name": name,
        "version": version,
        "scope": "excluded",
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version.replace('+', '%2B')}",
    }


def _training(facts: TrainingFacts | None) -> Json:
    if facts is None:
        return {}
    return {"seed": facts.seed, "epochs": facts.epochs, "steps": facts.steps}


def _metrics(evidence: Evidence) -> list[Json]:
    measured = evidence.measurement("candidate")
    metrics = measured.metrics if measured is not None else ()
    return [{"type": one.name, "value": f"{one.value:.6g}", "slice": "test"} for one in metrics]


def _ref(split: SplitFacts) -> str:
    return f"rows-{split.split}-{split.path}"


def _hash(digest: str) -> Json:
    return {"alg": "SHA-256", "content": digest.removeprefix("sha256:")}


def _properties(facts: Mapping[str, Any]) -> list[Json]:
    return [
        {"name": f"countersign:{name}", "value": str(value)}
        for name, value in facts.items()
        if value != ""
    ]


def _timestamp(created: str) -> Json:
    try:
        at = datetime.fromisoformat(created)
    except ValueError:
        return {}
    return {"timestamp": at.isoformat()} if at.tzinfo is not None else {}
