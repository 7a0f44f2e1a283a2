"""Bad held-out rows, through the public command: each is named with its place, none is dropped.

Failures of an endpoint or a judge model are in `test_endpoint_evaluation`, `test_win_rate_pairs`
and `test_win_rate_command`, two files of scores in `test_compare`; docs/evaluation.md names all.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from countersign_ml.cli import command_table
from tests.runner import (
    test_compare,
    test_endpoint_evaluation,
    test_win_rate_command,
    test_win_rate_pairs,
)
from tests.runner.worlds import row, rows, world

DOCS = Path(__file__).parents[2] / "docs" / "evaluation.md"
GOOD = list(rows(range(60, 71)))
PLACE = "models/colours/data/test.jsonl:12"


def changed(number: int, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(row(number)))
    return {**found, **more}


def silent(number: int) -> dict[str, Any]:
    found = changed(number)
    found["messages"][-1]["content"] = ""
    return found


def validated(
    folder: Path, last: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Validate a model whose test file ends in this row; return the code and what was printed."""
    place = world(folder / "repo", test=[*GOOD, last], base=False)
    code = command_table.main(["validate", "colours", "--repo", str(place), "--quiet"])
    return code, capsys.readouterr().out


def test_a_row_without_an_id_is_named_by_its_line_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = silent(71)
    del last["id"]
    code, said = validated(tmp_path, last, capsys)
    assert code == 1
    assert f"{PLACE} messages.2 (line-12): the assistant turn is empty" in said
    assert "12 test rows" in said


def test_a_second_row_of_the_same_id_is_a_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = validated(tmp_path, changed(71, id="r-60"), capsys)
    assert code == 1
    assert f"duplicates: {PLACE} id (r-60): the same id as line 1" in said


def test_a_row_that_is_trained_on_is_a_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = validated(tmp_path, changed(3, id="r-999"), capsys)
    assert code == 1
    assert f"leakage: {PLACE} messages (r-999): the same user text as" in said
    assert "train.jsonl:4, a training row" in said


def test_an_empty_answer_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = validated(tmp_path, silent(71), capsys)
    assert code == 1
    assert f"contract: {PLACE} messages.2 (r-71): the assistant turn is empty" in said


def test_every_row_of_the_table_names_a_test_that_is_there() -> None:
    part = DOCS.read_text(encoding="utf-8").partition("## Bad input")[2].partition("\n## ")[0]
    named = re.findall(r"`(test_\w+)`", part)
    modules = (test_compare, test_endpoint_evaluation, test_win_rate_command, test_win_rate_pairs)
    there = {name for module in modules for name in vars(module)} | set(globals())
    assert len(named) >= 12
    assert set(named) <= there
