"""The example model runs through the whole line and passes this repository's policy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from policy.facts.evidence import parse_evidence
from runner.runner_commands import run, validate
from tests.runner.worlds import commit, git

ROOT = Path(__file__).parents[2]
MODEL = "support-triage"


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("example")
    ignored = shutil.ignore_patterns("pointer.json")
    shutil.copytree(ROOT / "models" / MODEL, made / "models" / MODEL, ignore=ignored)
    shutil.copytree(ROOT / "policy", made / "policy")
    git(made, "init", "-q", "-b", "main")
    commit(made)
    return made


def test_the_examples_gates_hold(repo: Path) -> None:
    assert validate([MODEL, "--repo", str(repo), "--quiet"]) == 0


@pytest.mark.slow
def test_the_example_passes(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    path = tmp_path / "evidence.json"
    words = [MODEL, "--repo", str(repo), "--cache", str(tmp_path), "--evidence", str(path)]
    assert run(words) == 0
    evidence = parse_evidence(path.read_text(), str(path))
    base, candidate = evidence.measurement("base"), evidence.measurement("candidate")
    assert base is not None
    assert candidate is not None
    before, after = base.metric("exact_match"), candidate.metric("exact_match")
    assert before is not None
    assert after is not None
    assert before.value < 0.05 < 0.4 < after.value
