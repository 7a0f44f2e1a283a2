"""The commands' exit codes and JSON are what scripts and the bot's workflows rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from policy.facts.evidence import parse_evidence
from runner.runner_commands import base, run, validate
from tests.runner.worlds import row, rows, world


def countersign(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "countersign_ml", *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_validate_prints_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repo = world(tmp_path / "repo", base=False, train=[*rows(range(40)), row(900, approved=False)])
    assert validate(["colours", "--repo", str(repo), "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert value["model"] == "colours"
    assert value["outcome"] == "failed"
    assert value["rows"] == {"test": 12, "train": 41}
    gate = next(gate for gate in value["gates"] if gate["gate"] == "approved")
    assert (gate["outcome"], gate["count"]) == ("failed", 1)
    assert gate["findings"] == [
        {
            "file": "models/colours/data/train.jsonl",
            "line": 41,
            "id": "r-900",
            "field": "approved",
            "message": "not approved; a person must set it to true",
        }
    ]


def test_validate_without_a_model_reads_them_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = world(tmp_path / "repo", base=False)
    world(repo, base=False, model="shades", train=rows(range(5)))
    assert validate(["--repo", str(repo), "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert {each["model"]: each["outcome"] for each in value["models"]} == {
        "colours": "passed",
        "shades": "failed",
    }


def test_validate_writes_evidence_that_says_where_it_stopped(tmp_path: Path) -> None:
    repo = world(tmp_path / "repo", base=False, train=rows(range(5)))
    path = tmp_path / "out" / "evidence.json"
    words = ["colours", "--repo", str(repo), "--evidence", str(path), "--quiet"]
    assert validate([*words, "--expect-incumbent", "none"]) == 1
    evidence = parse_evidence(path.read_text(), str(path))
    assert [(each.stage, each.outcome) for each in evidence.stages] == [("validate", "stopped")]
    assert evidence.data is not None
    assert evidence.training is None


def test_a_stopped_run_writes_evidence_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = world(tmp_path / "repo", base=False, train=rows(range(5)))
    path = tmp_path / "evidence.json"
    assert run(["colours", "--repo", str(repo), "--evidence", str(path), "--json"]) == 1
    streams = capsys.readouterr()
    assert json.loads(streams.out)["outcome"] == "failed"
    assert "only 5 train rows, at least 10 required" in streams.err
    assert path.is_file()


@pytest.mark.parametrize("command", ["validate", "run", "recover"])
def test_a_mistake_is_one_line_and_code_two(tmp_path: Path, command: str) -> None:
    repo = world(tmp_path / "repo", base=False)
    done = countersign(command, "colors", "--repo", str(repo))
    assert done.returncode == 2
    assert done.stderr == "countersign: models/colors: no such model; did you mean 'colours'?\n"
    assert done.stdout == ""


def test_outside_a_repository_it_says_how_to_begin(tmp_path: Path) -> None:
    done = countersign("validate", "--repo", str(tmp_path))
    assert done.returncode == 2
    assert "git init" in done.stderr


def test_validate_needs_no_torch(tmp_path: Path) -> None:
    repo = world(tmp_path / "repo", base=False)
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'transformers', 'peft', 'llama_cpp'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from runner.runner_commands import validate\n"
        f"sys.exit(validate(['colours', '--repo', {str(repo)!r}, '--quiet']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0


def test_own_files_are_hidden_from_git(tmp_path: Path) -> None:
    repo = world(tmp_path / "repo", base=False, train=rows(range(5)))
    run(["colours", "--repo", str(repo), "--quiet"])
    status = subprocess.run(
        ["git", "-C", str(repo), "status", "--porcelain"], capture_output=True, check=True
    )
    assert (repo / ".countersign").is_dir()
    assert status.stdout == b""


def test_base_build_names_what_is_missing(tmp_path: Path) -> None:
    repo = world(tmp_path / "repo", base=False)
    with pytest.raises(Exception, match=r"base\.yml"):
        base(["build", "colours", "--repo", str(repo), "--quiet"])
