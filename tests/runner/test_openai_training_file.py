"""A training prepared for OpenAI: the file, OpenAI's checks, and the estimate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from countersign_ml.cli import command_table
from policy.canonical import digest_bytes
from policy.documents import parse
from policy.errors import UserError
from policy.files.recipe import Recipe
from tests.runner.gguf_builders import tokenizer
from tests.runner.worlds import POLICY, row, rows, world

OPENAI: dict[str, Any] = {
    "base_model": "gpt-4.1-mini-2025-04-14",
    "engine": "openai",
    "openai": {"n_epochs": 3, "max_tokens_per_row": 4000},
}


def repo(folder: Path, openai: dict[str, Any] | None = None, **changes: Any) -> Path:
    recipe = OPENAI | {"openai": OPENAI["openai"] | (openai or {})}
    return world(folder / "repo", recipe=recipe, base=False, **changes)


def prepare(place: Path, folder: Path, *more: str) -> int:
    words = ["openai", "prepare", "colours", "--repo", str(place), "--out", str(folder / "out")]
    return command_table.main([*words, *more])


def test_the_file_holds_the_training_rows_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = repo(tmp_path, {"price_per_million_tokens": 25.0, "currency": "EUR"})
    assert prepare(place, tmp_path, "--json") == 0
    manifest = json.loads(capsys.readouterr().out)
    content = (tmp_path / "out" / "training.jsonl").read_bytes()
    lines = [json.loads(line) for line in content.splitlines()]
    assert lines == [{"messages": each["messages"]} for each in rows(range(40))]
    assert manifest == json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["file_digest"] == digest_bytes(content)
    assert (manifest["rows"], manifest["file_bytes"]) == (40, len(content))
    assert manifest["sent"] is False
    job = manifest["job"]
    assert (job["model"], job["seed"], job["training_file"]) == (OPENAI["base_model"], 3, None)
    assert job["method"]["supervised"]["hyperparameters"] == {"n_epochs": 3}
    assert job["metadata"]["proposal"] == manifest["proposal"]
    guess = manifest["estimate"]
    assert guess["trained"] == 3 * guess["in_file"]
    assert guess["cost"] == pytest.approx(guess["trained"] * 25 / 1e6)


def test_tokens_are_counted_as_their_notebook_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tokenizer.json"
    tokenizer().save_pretrained(tmp_path)
    assert prepare(repo(tmp_path), tmp_path, "--json", "--tokenizer", str(file)) == 0
    counted = json.loads(capsys.readouterr().out)["estimate"]
    ids = tokenizer()
    expected = sum(
        3
        + sum(
            3 + sum(len(ids(turn[key], add_special_tokens=False)["input_ids"]) for key in turn)
            for turn in each["messages"]
        )
        for each in rows(range(40))
    )
    assert counted["in_file"] == expected
    assert counted["basis"].endswith(digest_bytes(file.read_bytes()))


def test_without_a_price_no_cost_is_made_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(repo(tmp_path), tmp_path) == 0
    said = capsys.readouterr().out
    assert "cost: not known: the recipe names no price" in said
    assert said.endswith("nothing was sent\n")


def test_what_would_be_refused_there_is_refused_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = row(0)
    long["messages"][1]["content"] += " and so on" * 1000
    tool = row(1)
    tool["messages"] = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": "[]"},
        {"role": "tool", "content": "found"},
        tool["messages"][2],
    ]
    data = POLICY["gates"]["data"] | {"min_train_rows": 1}
    policy = POLICY | {"gates": POLICY["gates"] | {"data": data}}
    place = repo(tmp_path, train=[long, tool, *rows(range(2, 9))], policy=policy)
    assert prepare(place, tmp_path) == 2
    said = capsys.readouterr().err
    assert "train.jsonl: has 9 usable rows; at least 10 are needed" in said
    assert "train.jsonl:1: about 5" in said
    assert "max_tokens_per_row is 4000" in said
    assert "train.jsonl:2 messages.2: the role tool is not supported" in said
    assert not (tmp_path / "out").exists()


def test_data_that_the_gates_refuse_go_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = repo(tmp_path, train=[row(0, approved=False), *rows(range(1, 40))])
    assert prepare(place, tmp_path) == 2
    assert "approved" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_many_problems_are_shown_in_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(repo(tmp_path, {"max_tokens_per_row": 5}), tmp_path) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 21
    assert said[-1].endswith("and 20 more problems")


def test_a_recipe_for_this_machine_is_not_sent_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(world(tmp_path / "repo", base=False), tmp_path) == 2
    assert "is not openai; set engine: openai" in capsys.readouterr().err


def test_the_line_does_not_train_what_is_trained_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "colours", "--repo", str(repo(tmp_path)), "--quiet"]
    assert command_table.main(words) == 2
    said = capsys.readouterr().err
    assert "openai does not train on this machine" in said
    assert "countersign openai prepare colours" in said


def test_a_tokenizer_that_is_none_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_text("{}")
    assert prepare(repo(tmp_path), tmp_path, "--tokenizer", str(file)) == 2
    assert "name a tokenizer.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("engine: openai\nbase_model: gpt-4.1-mini-2025-04-14\n", "requires engine: openai"),
        (
            "base_model: models/x/base\nopenai: {n_epochs: 1, max_tokens_per_row: 9}\n",
            "requires engine: openai",
        ),
        (
            "engine: openai\nbase_model: gpt-4.1-mini\n"
            "openai: {n_epochs: 1, max_tokens_per_row: 9}\n",
            "must be a dated model",
        ),
        (
            "engine: openai\nbase_model: gpt-4.1-mini-2025-04-14\n"
            "openai: {n_epochs: 1, max_tokens_per_row: 9, price_per_million_tokens: .inf}\n",
            "openai.price_per_million_tokens",
        ),
    ],
)
def test_a_recipe_that_is_half_for_openai_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse(Recipe, text, "recipe.yml")
