"""A training at OpenAI, live against an account over HTTP: sent once, followed, cancelled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from countersign_ml.cli import command_table
from tests.runner.openai_account import KEY, Account, account_server
from tests.runner.test_openai_training_file import repo

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def account() -> Iterator[Account]:
    with account_server() as made:
        yield made


@pytest.fixture
def run(
    tmp_path: Path,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return a way to run an action: its exit code, the JSON on stdout, and stderr."""
    monkeypatch.setenv("HOUSE_KEY", KEY)
    place = repo(tmp_path)

    def go(action: str, *more: str) -> tuple[int, Any, str]:
        where = ["--repo", str(place), "--out", str(tmp_path / "out"), "--pause", "0.01", "--json"]
        named = ["--base-url", account.base_url, "--key-env", "HOUSE_KEY"]
        code = command_table.main(["openai", action, "colours", *where, *named, *more])
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else None, told.err

    return go


def test_without_live_nothing_is_sent(run: Run, account: Account) -> None:
    for action in ("prepare", "submit", "status", "cancel"):
        code, manifest, _ = run(action)
        assert (code, manifest["sent"]) == (0, False)
    assert account.asked == []


def test_a_job_is_begun_with_the_file_that_was_prepared(
    run: Run, account: Account, tmp_path: Path
) -> None:
    code, found, _ = run("submit", "--live")
    assert code == 0
    (job,) = account.jobs
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert found["job"]["id"] == job["id"]
    assert (
        account.contents[job["training_file"]] == (tmp_path / "out" / "training.jsonl").read_bytes()
    )
    assert job["metadata"]["proposal"] == manifest["proposal"]
    assert job["method"]["supervised"]["hyperparameters"] == {"n_epochs": 3}


def test_submitting_again_sends_nothing_again(run: Run, account: Account) -> None:
    names = [run("submit", "--live")[1]["job"]["id"] for _ in range(3)]
    assert len(set(names)) == len(account.jobs) == len(account.files) == 1


@pytest.mark.parametrize("where", ["/files", "/fine_tuning/jobs"])
def test_cut_off_after_any_write_the_next_run_finishes_and_repeats_nothing(
    run: Run, account: Account, where: str
) -> None:
    account.cut_after = where
    code, _, said = run("submit", "--live")
    assert code == 2
    assert "run the same command again; nothing is sent twice" in said
    assert run("submit", "--live")[0] == 0
    assert (len(account.files), len(account.jobs)) == (1, 1)


def test_others_in_the_account_are_left_alone(run: Run, account: Account) -> None:
    for number in range(5):
        account.files.append({"id": f"f-{number}", "filename": "x.jsonl", "bytes": 1})
        other = {"id": f"j-{number}", "model": "m", "status": "running", "metadata": None}
        account.jobs.append(other)
    run("submit", "--live")
    assert len(account.jobs) == 6
    run("submit", "--live")
    assert len(account.jobs) == 6


def test_a_job_is_followed_to_its_end(run: Run, account: Account) -> None:
    run("submit", "--live")
    found: Any = None
    for _ in range(4):
        code, found, _ = run("status", "--live")
        assert code == 0
        account._moved("ftjob-0")
    assert found["job"]["status"] == "succeeded"
    messages = [event["message"] for event in found["events"]]
    assert messages == ["now validating_files", "now queued", "now running", "now succeeded"]
    assert [each["step_number"] for each in found["checkpoints"]] == [10, 20, 30]
    run("submit", "--live")
    assert len(account.jobs) == 1  # what succeeded is not tried until it pleases


def test_a_cancelled_job_is_over_and_may_be_begun_anew(run: Run, account: Account) -> None:
    run("submit", "--live")
    assert run("cancel", "--live")[1]["job"]["status"] == "cancelled"
    code, _, said = run("cancel", "--live")
    assert code == 2
    assert "no job of this proposal" in said
    run("submit", "--live")
    assert (len(account.jobs), len(account.files)) == (2, 1)


def test_a_job_that_is_over_is_not_cancelled(run: Run, account: Account) -> None:
    run("submit", "--live")
    account.jobs[0]["status"] = "succeeded"
    assert run("cancel", "--live")[1]["job"]["status"] == "succeeded"
    assert not any(path.endswith("/cancel") for _, path in account.asked)


def test_a_file_that_cannot_be_read_there_begins_nothing(run: Run, account: Account) -> None:
    account.bad_file = True
    code, _, said = run("submit", "--live")
    assert code == 2
    assert "cannot read the training file: line 1: no messages" in said
    assert account.jobs == []


def test_a_wrong_or_missing_key_is_one_line(
    run: Run, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOUSE_KEY", "sk-other")
    code, _, said = run("submit", "--live")
    assert code == 2
    assert "answered 401" in said
    assert "sk-other" not in said
    monkeypatch.delenv("HOUSE_KEY")
    assert "HOUSE_KEY: is not set" in run("submit", "--live")[2]
    assert account.files == []
