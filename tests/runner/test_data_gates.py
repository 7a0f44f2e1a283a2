"""Each planted defect is found by its gate, with its place; clean rows pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from countersign_ml.rows.governed.governed_model import load_model
from countersign_ml.rows.read.tally import SHOWN
from policy.facts.evidence import GateFacts
from policy.files.rules import DataRules
from runner.data_gates import GatedData, accepted_rows, gate_data
from tests.runner.worlds import CARD, CONTRACT, row, rows, said, world

RULES = DataRules(licences=("CC0-1.0",))


def gated(folder: Path, rules: DataRules = RULES, **files: Any) -> GatedData:
    return gate_data(load_model(world(folder / "repo", base=False, **files), "colours"), rules)


def facts(found: GatedData, gate: str) -> GateFacts:
    return next(each for each in found.facts.gates if each.gate == gate)


def counts(found: GatedData) -> dict[str, int]:
    return {each.gate: each.count for each in found.facts.gates if each.count}


def turns(*said: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in said]


def test_clean_rows_have_no_findings(tmp_path: Path) -> None:
    found = gated(tmp_path)
    assert counts(found) == {}
    assert found.facts.rows("train") == 40
    assert found.facts.rows("test") == 12
    assert set(found.formats.values()) == {("messages",)}


ANSWER = said(900)[1]


@pytest.mark.parametrize(
    ("planted", "gate", "field"),
    [
        (row(900, approved=False), "approved", "approved"),
        (row(900, approved="true"), "approved", "approved"),
        ({k: v for k, v in row(900).items() if k != "approved"}, "approved", "approved"),
        (row(900, licence="proprietary"), "provenance", "licence"),
        (row(900, licence=""), "provenance", "licence"),
        (row(900, source=" "), "provenance", "source"),
        ('{"id": "x", ', "contract", ""),
        (row(900, messages=turns(("user", "a"), ("assistant", "b"))), "contract", "output"),
        (
            row(900, messages=turns(("user", "a"), ("assistant", ANSWER.replace("red", "pink")))),
            "contract",
            "output.colour",
        ),
        (row(900, messages=turns(("user", " "), ("assistant", ANSWER))), "contract", "messages.0"),
        (row(900, messages=turns(("assistant", ANSWER))), "contract", "messages.0"),
        (
            row(900, messages=turns(("user", "a"), ("user", "b"), ("assistant", ANSWER))),
            "contract",
            "messages.1",
        ),
        (row(900, messages=turns(("user", "a"))), "contract", "messages.0"),
        (
            row(900, messages=turns(("user", "a"), ("system", "s"), ("assistant", ANSWER))),
            "contract",
            "messages.1",
        ),
        (row(3) | {"id": "other"}, "duplicates", "messages"),
        (row(900, id="r-3"), "duplicates", "id"),
        (row(60, id="leak"), "leakage", "messages"),
    ],
)
def test_a_planted_defect_is_found_by_its_gate(
    tmp_path: Path, planted: dict[str, Any] | str, gate: str, field: str
) -> None:
    found = gated(tmp_path, train=[*rows(range(40)), planted])
    assert counts(found) == {gate: 1}
    (finding,) = facts(found, gate).findings
    assert finding.field == field
    if gate == "leakage":
        assert (finding.file, finding.line) == ("models/colours/data/test.jsonl", 1)
        assert "models/colours/data/train.jsonl:41" in finding.message
    else:
        assert (finding.file, finding.line) == ("models/colours/data/train.jsonl", 41)


def test_letters_and_spaces_hide_no_leak(tmp_path: Path) -> None:
    loud = row(60, id="leak")
    loud["messages"][1]["content"] = f"  {said(60)[0].upper()}  "
    found = gated(tmp_path, train=[*rows(range(40)), loud])
    assert counts(found) == {"leakage": 1}


def test_the_count_is_whole_where_findings_are_cut(tmp_path: Path) -> None:
    train = [row(number, approved=False) for number in range(SHOWN + 20)]
    found = gated(tmp_path, train=train, test=rows(range(100, 112)))
    assert facts(found, "approved").count == SHOWN + 20
    assert len(facts(found, "approved").findings) == SHOWN


def test_two_formats_in_a_file_are_a_finding(tmp_path: Path) -> None:
    question, answer = said(900)
    other = {"id": "o", "prompt": question, "completion": answer, "approved": True}
    found = gated(tmp_path, train=[*rows(range(40)), other])
    assert (
        "several formats: messages, prompt-completion"
        in facts(found, "contract").findings[0].message
    )


def test_the_cards_licence_stands_for_rows_that_name_none(tmp_path: Path) -> None:
    found = gated(tmp_path, card=CARD | {"license": "proprietary"})
    assert counts(found) == {"provenance": 52}
    found = gated(tmp_path / "any", rules=DataRules(), card=CARD | {"license": "proprietary"})
    assert counts(found) == {}


def test_an_input_schema_is_asked_too(tmp_path: Path) -> None:
    repo = world(
        tmp_path / "repo", base=False, contract=CONTRACT | {"input_schema": "input.schema.json"}
    )
    schema = {"type": "string", "maxLength": 34}
    (repo / "models/colours/contract/input.schema.json").write_text(json.dumps(schema))
    found = gate_data(load_model(repo, "colours"), RULES)
    longer = sum(len(said(number)[0]) > 34 for number in [*range(40), *range(60, 72)])
    assert 0 < longer < 52
    assert facts(found, "contract").count == longer
    assert facts(found, "contract").findings[0].field == "input"


def test_what_a_gate_names_is_not_trained_on(tmp_path: Path) -> None:
    train = [*rows(range(40)), row(900, approved=False), "{", row(901, licence="no")]
    folder = load_model(world(tmp_path / "repo", base=False, train=train), "colours")
    accepted = list(accepted_rows(folder, gate_data(folder, RULES), "train"))
    assert [each.id for each in accepted] == [f"r-{number}" for number in range(40)]
