"""`countersign ask`: an endpoint on the held-out rows over real HTTP, each row counted once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from countersign_ml.cli import command_table
from tests.runner.endpoint_server import Rule, Sent, busy, endpoint_server, html, reply
from tests.runner.worlds import row, rows, said, world

ROWS = 12


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world(tmp_path_factory.mktemp("asked"), base=False)


def asked_number(body: dict[str, Any]) -> int:
    found = re.match(r"number (\d+):", body["messages"][-1]["content"])
    assert found is not None
    return int(found[1])


def right(body: dict[str, Any], before: int) -> Sent:
    return reply(said(asked_number(body))[1])


def ask(repo: Path, url: str, folder: Path, *more: str) -> int:
    out = ["--out", str(folder / "out.jsonl"), "--cache", str(folder / "cache"), "--quiet"]
    named = ["--repo", str(repo), "--base-url", url, "--model", "tiny", "--json"]
    return command_table.main(["ask", "colours", *named, *out, *more])


def run(
    repo: Path, rule: Rule, folder: Path, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    with endpoint_server(rule) as server:
        code = ask(repo, server.base_url, folder, *more)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    return code, found, lines


def metric(found: dict[str, Any], name: str) -> float:
    return next(float(each["value"]) for each in found["metrics"] if each["name"] == name)


def test_right_answers_score_as_right(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found, lines = run(repo, right, tmp_path, capsys)
    assert code == 0
    assert found["outcomes"] == {"answered": ROWS}
    assert metric(found, "exact_match") == metric(found, "schema_valid") == 1.0
    assert (found["constrained"], found["models"]) == (False, ["tiny-7"])
    assert [line["id"] for line in lines] == [f"r-{n}" for n in range(60, 60 + ROWS)]
    assert all(line["scores"]["exact_match"] for line in lines)
    assert found["tokens_in"] == 11 * ROWS


def test_rows_that_the_gates_refuse_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = [*rows(range(60, 63)), row(63, approved=False), "{"]
    place = world(tmp_path / "repo", test=test, base=False)
    _, found, lines = run(place, right, tmp_path, capsys)
    assert (found["left_out"], found["outcomes"], len(lines)) == (2, {"answered": 3}, 3)


def test_every_misfortune_is_one_row_with_its_place(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {
        60: html(),
        61: reply(""),
        62: reply('{"colour": "red', "length"),
        63: busy(Retry_After="99"),
        64: Sent(b"", delay=2),
    }

    def rule(body: dict[str, Any], before: int) -> Sent:
        return bad.get(asked_number(body)) or right(body, before)

    code, found, lines = run(repo, rule, tmp_path, capsys, "--timeout", "0.4", "--attempts", "1")
    assert code == 0
    assert found["outcomes"] == {
        "answered": ROWS - 5,
        "empty": 1,
        "not_json": 1,
        "rate_limited": 1,
        "timeout": 1,
        "truncated": 1,
    }
    assert metric(found, "answered") == metric(found, "exact_match") == (ROWS - 5) / ROWS
    places = [each["where"] for each in found["problems"]]
    assert places == [f"models/colours/data/test.jsonl:{n}" for n in range(1, 6)]
    assert len(lines) == ROWS
    assert [line["finish"] for line in lines[:5]] == [
        "failed",
        "stop",
        "length",
        "failed",
        "failed",
    ]


def test_whole_answers_are_kept_and_failed_ones_asked_again(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = [True]

    def rule(body: dict[str, Any], before: int) -> Sent:
        return html() if broken[0] and asked_number(body) == 65 else right(body, before)

    with endpoint_server(rule) as server:
        for asked in (ROWS, 2 * ROWS, 2 * ROWS):
            assert ask(repo, server.base_url, tmp_path, "--attempts", "1") == 0
            assert len(server.asked) == asked
            broken[0] = False
        assert ask(repo, server.base_url, tmp_path, "--fresh") == 0
        assert len(server.asked) == 3 * ROWS
    capsys.readouterr()


def test_constrained_decoding_is_asked_for_and_reported(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rule(body: dict[str, Any], before: int) -> Sent:
        assert body["response_format"]["json_schema"]["schema"]["required"] == ["colour", "thing"]
        return right(body, before)

    _, found, _ = run(repo, rule, tmp_path, capsys, "--constrained")
    assert found["constrained"] is True


def test_an_endpoint_that_answers_nothing_is_no_success(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found, _ = run(repo, lambda body, before: html(), tmp_path, capsys, "--attempts", "1")
    assert code == 1
    assert found["outcomes"] == {"not_json": ROWS}
    assert metric(found, "answered") == 0.0


def test_a_wrong_address_is_one_line(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(repo, "host/v1", tmp_path) == 2
    assert "is not an http or https address" in capsys.readouterr().err
