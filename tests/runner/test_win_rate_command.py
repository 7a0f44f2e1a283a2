"""`countersign win-rate` on files: what it prints, and what it says of bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from countersign_ml.cli import command_table
from tests.runner.endpoint_server import Sent, endpoint_server, html, reply
from tests.runner.test_win_rate_pairs import by, goodness


def write(path: Path, values: list[Any]) -> Path:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in values]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rows = [{"id": f"r-{n}", "prompt": f"question {n}", "completion": "right"} for n in range(6)]
    write(tmp_path / "rows.jsonl", rows)
    write(tmp_path / "a.jsonl", [{"id": f"r-{n}", "answer": "1 x"} for n in range(6)])
    second = [{"id": f"r-{n}", "answer": f"{n % 3} y", "scores": {}} for n in reversed(range(6))]
    write(tmp_path / "b.jsonl", second)
    return tmp_path


def run(files: Path, url: str, *more: str) -> int:
    words = [str(files / "a.jsonl"), str(files / "b.jsonl"), "--rows", str(files / "rows.jsonl")]
    named = ["--base-url", url, "--model", "judge", "--cache", str(files / "cache"), "--quiet"]
    return command_table.main(["win-rate", *words, *named, *more])


def test_it_prints_the_rates_and_the_facts(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with endpoint_server(by(goodness)) as server:
        assert run(files, server.base_url, "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["wins"], found["losses"], found["ties"]) == (2, 2, 2)
        assert found["win_rate"] == 0.5
        prices = ("--price-in", "1000", "--price-out", "2000", "--currency", "EUR")
        assert run(files, server.base_url, *prices) == 0
    printed = capsys.readouterr().out
    assert "win rate of B 0.500 [" in printed
    assert "0 calls (12 more from the cache), 0 tokens in, 0 out, 0.0000 EUR" in printed
    assert "won 2, lost 2, tied 2 (0 changed with the order, 0 identical), failed 0" in printed


def test_a_judge_that_fails_throughout_is_no_success(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rule(body: dict[str, Any], before: int) -> Sent:
        return reply("\x1b[2J hm")

    with endpoint_server(rule) as server:
        assert run(files, server.base_url) == 1
    printed = capsys.readouterr().out
    assert "no pair of 6 could be judged" in printed
    assert "no_verdict: 12" in printed
    assert "\x1b" not in printed
    with endpoint_server(lambda body, before: html()) as server:
        assert run(files, server.base_url, "--attempts", "1") == 1


@pytest.mark.parametrize(
    ("file", "lines", "said"),
    [
        ("a.jsonl", ["{"], "a.jsonl:1: not valid JSON"),
        ("a.jsonl", [{"answer": "x"}], "a.jsonl:1: has no id and answer"),
        ("a.jsonl", [{"id": "r-0"}], "a.jsonl:1: has no id and answer"),
        ("a.jsonl", [{"id": "r-0", "answer": "x"}] * 2, "a.jsonl:2: a second answer to 'r-0'"),
        ("b.jsonl", [{"id": "r-0", "answer": "x"}], "has no answer to row 'r-1'"),
        (
            "b.jsonl",
            [{"id": f"r-{n}", "answer": "x"} for n in range(8)],
            "answers 2 rows that do not exist, such as 'r-6'",
        ),
        ("rows.jsonl", [{"id": "r-0"}], "rows.jsonl:1: unknown format"),
        ("rows.jsonl", [], "has no rows"),
    ],
)
def test_bad_files_are_said_with_their_place(
    files: Path, file: str, lines: list[Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(files / file, lines)
    assert run(files, "http://127.0.0.1:9/v1") == 2
    assert said in capsys.readouterr().err


def test_doubled_rows_and_half_a_price_are_refused(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(files, "http://127.0.0.1:9/v1", "--price-in", "2") == 2
    assert "only together" in capsys.readouterr().err
    rows = (files / "rows.jsonl").read_text()
    (files / "rows.jsonl").write_text(rows + rows)
    assert run(files, "http://127.0.0.1:9/v1") == 2
    assert "rows.jsonl:7: the same id as in line 1" in capsys.readouterr().err
