"""A field that says what evidence rests on changes nothing in evidence that rests on nothing."""

from __future__ import annotations

import json

import pytest

from policy.errors import UserError
from policy.facts.evidence import parse_evidence
from tests.policy.builders import evidence

REUSED = "sha256:" + "7" * 64


def test_evidence_from_before_keeps_its_bytes() -> None:
    text = evidence().text()
    assert "reused" not in json.loads(text)
    assert parse_evidence(text, "x").text() == text


def test_what_evidence_rests_on_is_in_its_digest() -> None:
    one = evidence()
    other = one.model_copy(update={"reused": REUSED})
    assert other.digest() != one.digest()
    assert parse_evidence(other.text(), "x") == other
    assert json.loads(other.text())["reused"] == REUSED


def test_what_it_rests_on_is_a_digest() -> None:
    value = json.loads(evidence().text()) | {"reused": "sha256:../x"}
    with pytest.raises(UserError, match="reused"):
        parse_evidence(json.dumps(value), "x")
