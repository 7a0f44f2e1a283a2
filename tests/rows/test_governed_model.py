"""One loader: `validate` and `data validate` name the same problems, with and without git."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from countersign_ml.cli import command_table
from countersign_ml.git import find_repository, git, start_git
from policy.errors import UserError
from tests.runner.worlds import world


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Return a repository whose recipe, contract, card and policy are all broken."""
    repo = world(tmp_path / "repo", base=False)
    model = repo / "models" / "colours"
    (model / "recipe.yml").write_text("base_modle: x\nlearning_rate: high\n")
    (model / "contract" / "contract.yml").write_text("task: telepathy\n")
    (model / "data" / "README.md").write_text("# no front matter\n")
    (repo / "policy" / "policy.yml").write_text("gates: [\n")
    return repo


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert command_table.main(words) == 2
    return sorted(capsys.readouterr().err.splitlines())


@pytest.mark.parametrize("under_git", [True, False])
def test_both_commands_name_the_same_problems(
    broken: Path, under_git: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if not under_git:
        shutil.rmtree(broken / ".git")
    where = ["colours", "--repo", str(broken)]
    one = said(["validate", *where], capsys)
    assert one == said(["data", "validate", *where], capsys)
    whole = "\n".join(one)
    for file in ("recipe.yml", "contract.yml", "data/README.md", "policy.yml"):
        assert file in whole
    assert "did you mean 'base_model'" in whole


def test_the_repository_is_the_nearest_with_git_else_the_nearest_with_models(
    tmp_path: Path,
) -> None:
    inner = tmp_path / "repo" / "src" / "models" / "deep"
    inner.mkdir(parents=True)
    assert find_repository(inner) == (tmp_path / "repo" / "src").resolve()
    (tmp_path / "repo" / ".git").mkdir()
    assert find_repository(inner) == (tmp_path / "repo").resolve()


def test_git_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no such folder"):
        git(tmp_path / "nowhere", "status")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="install git"):
        git(tmp_path, "status")


def test_a_callers_git_settings_do_not_reach_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git(tmp_path, "init", "--quiet").ok
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    found = git(tmp_path, "rev-parse", "--git-dir")
    assert found.text.strip() == ".git"
    with start_git(tmp_path, "cat-file", "--batch") as process:
        assert process.communicate(b"HEAD\n")[0] == b"HEAD missing\n"
