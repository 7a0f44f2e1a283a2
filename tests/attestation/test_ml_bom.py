"""The bill of materials of a version: CycloneDX's own validator reads it, and it cannot lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from countersign_ml.attestation.bom_command import bom
from countersign_ml.attestation.ml_bom import MAX_BOM_BYTES, DataTerms, problem_of, render
from policy.errors import UserError
from policy.facts.evidence import Evidence
from policy.governed import bom_path, evidence_path, pointer_path
from tests.bot import builders as a

TERMS = DataTerms("cc-by-4.0", "Grace & Söhne", "internal")
SHOWN = a.evidence(2)
POINTER = a.pointer(2)


def document(evidence: Evidence = SHOWN, terms: DataTerms = TERMS) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(render(evidence, POINTER, terms))
    return found


def libraries(**versions: str) -> Evidence:
    producer = SHOWN.producer.model_copy(update={"libraries": versions})
    return SHOWN.model_copy(update={"producer": producer})


@pytest.mark.parametrize(
    ("evidence", "terms"),
    [
        (SHOWN, TERMS),
        (SHOWN, DataTerms()),
        (a.evidence(1), TERMS),
        (SHOWN.model_copy(update={"data": None, "training": None, "measurements": ()}), TERMS),
        (SHOWN.model_copy(update={"created": "yesterday"}), TERMS),
        (libraries(torch="2.13.0+cpu", llama_cpp_python="0.3.36"), TERMS),
    ],
)
def test_it_fits_the_schema_of_cyclonedx(evidence: Evidence, terms: DataTerms) -> None:
    text = render(evidence, POINTER, terms)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_it_names_file_base_model_rows_licences_and_figures() -> None:
    found = document()
    model = found["metadata"]["component"]
    assert model["type"] == "machine-learning-model"
    assert model["hashes"][0]["content"] == POINTER.artifact.digest.removeprefix("sha256:")
    base = model["pedigree"]["ancestors"][0]
    assert base["name"] == SHOWN.proposal.base_model
    rows = [one for one in found["components"] if one["type"] == "data"]
    assert SHOWN.data is not None
    assert [
        {each["name"]: each["value"] for each in one["properties"]}["countersign:rows-digest"]
        for one in rows
    ] == [split.digest for split in SHOWN.data.splits]
    assert {one["licenses"][0]["license"]["name"] for one in rows} == {"cc-by-4.0"}
    refs = [one["ref"] for one in model["modelCard"]["modelParameters"]["datasets"]]
    assert refs == [one["bom-ref"] for one in rows]
    figures = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert {"type": "exact_match", "value": "0.9", "slice": "test"} in figures


def test_it_is_the_same_for_the_same_facts_and_says_so() -> None:
    text = render(SHOWN, POINTER, TERMS)
    assert text == render(SHOWN, POINTER, TERMS)
    assert problem_of(text.encode(), SHOWN, POINTER) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"components": [{"type": "data", "data": [], "licenses": []}]}',
        b'{"components": [{"type": "data", "data": [7], "licenses": [7]}]}',
        b"[" * 100_000,
        b"\xff",
        b" " * (MAX_BOM_BYTES + 1),
    ],
)
def test_what_is_no_bill_is_a_problem_and_no_crash(content: bytes) -> None:
    assert problem_of(content, SHOWN, POINTER)


def test_every_changed_fact_is_found() -> None:
    text = render(SHOWN, POINTER, TERMS)
    for before, after in [
        (POINTER.artifact.digest.removeprefix("sha256:"), "0" * 64),
        ('"value": "0.9"', '"value": "0.99"'),
        (SHOWN.proposal.base_model, "models/other/base"),
        ('"name": "of-base-model-and-data"', '"name": "MIT"'),
    ]:
        assert before in text
        assert problem_of(text.replace(before, after).encode(), SHOWN, POINTER)


def repository(root: Path) -> Path:
    files = {
        pointer_path(a.MODEL): POINTER.text(),
        evidence_path(a.MODEL, POINTER.version): SHOWN.text(),
        bom_path(a.MODEL, POINTER.version): render(SHOWN, POINTER, TERMS),
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())
    return root


def test_the_command_prints_the_bill_of_the_live_version(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    root = repository(tmp_path)
    assert bom([a.MODEL, "--repo", str(root)]) == 0
    live = capfdbinary.readouterr().out
    assert live == render(SHOWN, POINTER, TERMS).encode()
    assert bom([a.MODEL, POINTER.version, "--repo", str(root)]) == 0
    assert capfdbinary.readouterr().out == live


def test_the_command_refuses_a_bill_that_was_edited(tmp_path: Path) -> None:
    root = repository(tmp_path)
    path = root / bom_path(a.MODEL, POINTER.version)
    path.write_text(path.read_text(encoding="utf-8").replace("0.9", "0.99"), encoding="utf-8")
    with pytest.raises(UserError, match="is not the bill of materials"):
        bom([a.MODEL, "--repo", str(root)])


@pytest.mark.parametrize("words", [["../x"], [a.MODEL, "../v1"], [a.MODEL, "v9"], ["other"]])
def test_the_command_names_what_is_missing(tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(UserError):
        bom([*words, "--repo", str(repository(tmp_path))])
