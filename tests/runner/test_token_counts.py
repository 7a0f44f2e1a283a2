"""Tokens are counted without transformers as in training, or the difference is reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.tokens import Counter
from countersign_ml.rows.tools.validate_command import main
from runner.chat import Chat, TemplateName
from tests.runner.worlds import POLICY, row, rows, saved_base, world

PRICED = {**POLICY, "budget": {"tokens_per_second": 100, "price_per_hour": 36}}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_base(tmp_path_factory.mktemp("tokens"))


@pytest.mark.parametrize("template", get_args(TemplateName))
def test_rows_are_as_long_as_in_training(base: Path, template: TemplateName) -> None:
    texts = ["what colour?", " leading, and trailing ", "ß—é\n\n日本語", "a" * 300, "1.5 + {x}\n"]
    made = [
        Row(str(at), (Turn("system", "Read."), Turn("user", text), Turn("assistant", other)),
            {}, at, "train.jsonl", "messages")
        for at, (text, other) in enumerate(zip(texts, reversed(texts), strict=True))
    ]  # fmt: skip
    chat = Chat(base, template, "tiny")
    trained = [chat.encode(each, 100_000) for each in made]
    assert Counter(base / "tokenizer.json", template).lengths(made) == [
        (len(each.ids), len(each.ids) - each.trained) for each in trained
    ]


def validated(
    repo: Path, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, dict[str, Any]]:
    code = main(["colours", "--repo", str(repo), "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def gate(made: dict[str, Any]) -> dict[str, Any]:
    return next(each for each in made["gates"] if each["gate"] == "truncation")


def test_rows_that_would_be_cut_are_named_and_the_cost_is_told(
    tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = row(900)
    long["messages"][1]["content"] += " and so on" * 200
    train = [*rows(range(40)), long]
    repo = world(tmp_path / "repo", base=False, train=train, policy=PRICED)
    given = ("--tokenizer", str(base / "tokenizer.json"))
    code, made = validated(repo, capsys, *given)
    assert (code, made["outcome"], gate(made)["outcome"]) == (1, "failed", "failed")
    (found,) = gate(made)["findings"]
    assert (found["line"], found["id"], found["field"]) == (41, "r-900", "messages")
    assert "cut at 128" in found["message"]
    told = made["tokens"]
    assert (told["rows"], told["rows_of"]) == (41, 41)
    assert 0 < told["trained_tokens"] < told["tokens"] <= 41 * 128
    passes = 6 * 4 / 41  # six steps of four rows, whatever the epochs
    assert told["training_tokens"] == round(told["tokens"] * passes)
    assert told["cost"] == pytest.approx(told["training_tokens"] / 100 / 3600 * 36)
    repo = world(tmp_path / "whole", base=False, policy=PRICED)
    code, made = validated(repo, capsys, *given)
    assert (code, gate(made)["outcome"]) == (0, "passed")


def test_where_no_tokenizer_lies_nothing_is_pretended(
    tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = world(tmp_path / "repo", base=False)
    code, made = validated(repo, capsys)
    assert (code, gate(made)["outcome"]) == (0, "not counted")
    assert gate(made)["not_run"].startswith("not counted: the tokenizer of models/colours/base")
    assert "tokens" not in made
    (tmp_path / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
    code, made = validated(repo, capsys, "--tokenizer", str(tmp_path / "tokenizer.json"))
    assert (code, made["outcome"], gate(made)["outcome"]) == (1, "failed", "errored")
    assert "stop token" in gate(made)["not_run"]
