"""The pointer is read from a working tree or from a branch, local or remote."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from countersign_ml.registry import Stored
from countersign_ml.serving.pointer_source import FileSource, GitSource
from policy.errors import UserError
from tests.serving.serving_builders import MODEL, pointer

LIVE = pointer(Stored("sha256:" + "a" * 64, 9, "memory://x"))
NEXT = pointer(Stored("sha256:" + "b" * 64, 9, "memory://x"), 2)


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "models" / MODEL).mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / "README").write_text("tickets\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "Begin")
    return root


def commit(repository: Path, text: str) -> None:
    (repository / "models" / MODEL / "pointer.json").write_text(text)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "Move the pointer")


def test_a_file_is_read_again_each_time(tmp_path: Path) -> None:
    source = FileSource(tmp_path / "pointer.json")
    assert source.read() is None
    (tmp_path / "pointer.json").write_text("null\n")
    assert source.read() is None
    (tmp_path / "pointer.json").write_text(LIVE.text())
    assert source.read() == LIVE


def test_a_file_that_is_no_pointer_is_named(tmp_path: Path) -> None:
    (tmp_path / "pointer.json").write_text('{"model": "tickets"}')
    with pytest.raises(UserError, match=r"pointer\.json"):
        FileSource(tmp_path / "pointer.json").read()


def test_a_branch_is_followed_through_merge_and_revert(repository: Path, tmp_path: Path) -> None:
    source = GitSource(str(repository), MODEL, clone=tmp_path / "clone.git")
    assert source.read() is None
    commit(repository, LIVE.text())
    assert source.read() == LIVE
    commit(repository, NEXT.text())
    assert source.read() == NEXT
    git(repository, "revert", "--no-edit", "HEAD")
    assert source.read() == LIVE


def test_a_branch_that_is_not_merged_is_not_live(repository: Path, tmp_path: Path) -> None:
    commit(repository, LIVE.text())
    git(repository, "checkout", "--quiet", "-b", "proposal")
    commit(repository, NEXT.text())
    assert GitSource(str(repository), MODEL, clone=tmp_path / "a.git").read() == LIVE
    proposed = GitSource(str(repository), MODEL, ref="proposal", clone=tmp_path / "b.git")
    assert proposed.read() == NEXT


@pytest.mark.parametrize(("url", "ref"), [("{missing}", "main"), ("{repository}", "release")])
def test_what_git_cannot_fetch_is_one_clear_line(
    repository: Path, tmp_path: Path, url: str, ref: str
) -> None:
    where = url.format(missing=tmp_path / "missing", repository=repository)
    with pytest.raises(UserError, match="git fetch failed") as caught:
        GitSource(where, MODEL, ref=ref, clone=tmp_path / "clone.git").read()
    assert "\n" not in str(caught.value)
    assert f"{ref}:models/{MODEL}/pointer.json" in str(caught.value)
