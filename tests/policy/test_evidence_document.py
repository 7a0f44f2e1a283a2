"""Evidence is put together from the parts of its stages, and written without default values."""

from __future__ import annotations

import json
from itertools import combinations
from typing import get_args

import pytest
from pydantic import BaseModel

from policy.errors import UserError
from policy.facts.evidence import (
    Evidence,
    MeasuredPart,
    Part,
    RunPart,
    TrainingPart,
    assemble,
    parse_evidence,
)
from tests.policy import builders as b

REUSED = "sha256:" + "7" * 64


def about() -> RunPart:
    whole = b.evidence()
    return RunPart(**{name: getattr(whole, name) for name in RunPart.model_fields})


def test_every_field_of_evidence_is_in_exactly_one_part() -> None:
    parts: list[type[BaseModel]] = [RunPart, *get_args(Part)]
    for one, other in combinations(parts, 2):
        assert not set(one.model_fields) & set(other.model_fields)
    assert set(Evidence.model_fields) == {name for part in parts for name in part.model_fields}


def test_the_document_starts_with_what_the_run_was_about() -> None:
    names = list(json.loads(b.evidence().text()))
    assert names[:3] == ["schema_version", "kind", "model"]
    assert names.index("stages") < names.index("data") < names.index("training")
    assert names[-1] == "artifacts"


def test_parts_are_assembled_and_the_last_one_counts() -> None:
    whole = b.evidence()
    assert whole.parity is not None
    parity = MeasuredPart(parity=whole.parity)
    rest = MeasuredPart(measurements=whole.measurements, comparisons=whole.comparisons)
    found = assemble(about(), [TrainingPart(training=whole.training), parity, rest])
    assert (found.training, found.parity) == (whole.training, whole.parity)
    assert found.measurements == whole.measurements
    assert assemble(about(), [rest, MeasuredPart(measurements=())]).measurements == ()


def test_a_run_without_parts_is_evidence_too() -> None:
    found = assemble(about(), [])
    assert (found.data, found.training, found.artifacts) == (None, None, ())
    assert parse_evidence(found.text(), "x") == found


def test_defaults_are_left_out_at_every_level_and_the_version_is_not() -> None:
    value = json.loads(b.evidence().text())
    assert value["schema_version"] == 1
    assert not {"reused", "attempt", "drift", "classes", "win_rate", "earlier"} & set(value)
    assert set(value["stages"][0]) == {"stage", "outcome", "seconds"}
    assert "higher_is_better" not in value["measurements"][0]["metrics"][0]
    assert "slices" not in value["comparisons"][0]


def test_reading_and_writing_again_gives_the_same_bytes() -> None:
    text = b.evidence().text()
    assert parse_evidence(text, "x").text() == text
    spelt_out = json.dumps(json.loads(b.evidence().model_dump_json()))
    assert parse_evidence(spelt_out, "x").text() == text


def test_the_reused_evidence_is_in_the_digest() -> None:
    one = b.evidence()
    other = one.model_copy(update={"reused": REUSED})
    assert other.digest() != one.digest()
    assert parse_evidence(other.text(), "x") == other
    assert json.loads(other.text())["reused"] == REUSED


def test_the_reused_evidence_is_named_by_a_digest() -> None:
    value = json.loads(b.evidence().text()) | {"reused": "sha256:../x"}
    with pytest.raises(UserError, match="reused"):
        parse_evidence(json.dumps(value), "x")
