"""The machine that measures: what an earlier run, or a commit, leaves there for the next one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from countersign_ml.git import git
from policy.files.rules import Policy
from policy.files.runner_rules import RunnerRules
from runner.attest import measures_afresh
from runner.job import Options, open_job
from tests.policy.builders import policy

PROJECT = Path(__file__).parents[2]
FAKE = "#!/bin/sh\necho planted\n"


def planted(folder: Path) -> Path:
    """Put a program named git into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "git"
    file.write_text(FAKE)
    file.chmod(0o755)
    return folder


def version(monkeypatch: pytest.MonkeyPatch, here: Path, entry: str) -> str:
    """Return what git answers if this entry comes first in PATH."""
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", os.pathsep.join([entry, os.environ["PATH"]]))
    return git(here, "--version").text


def clone(tmp_path: Path) -> Path:
    """Return a folder that git would take for a clone."""
    (tmp_path / "clone" / ".git").mkdir(parents=True)
    return tmp_path / "clone"


@pytest.mark.parametrize("entry", ["", ".", "tools", "../clone/tools"])
def test_a_git_of_a_relative_folder_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    """PATH has a relative folder, and the proposal brings a program of the name there."""
    here = clone(tmp_path)
    planted(here)
    planted(here / "tools")
    assert version(monkeypatch, here, entry).startswith("git version")


def test_a_git_inside_a_clone_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workflow put a folder of its checkout into PATH."""
    here = clone(tmp_path)
    tools = planted(here / "deep" / "tools")
    assert version(monkeypatch, here, str(tools)).startswith("git version")


def test_a_git_behind_a_link_into_a_clone_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder in PATH is outside, and leads into the checkout."""
    here = clone(tmp_path)
    planted(here / "tools")
    (tmp_path / "bin").symlink_to(here / "tools")
    assert version(monkeypatch, here, str(tmp_path / "bin")).startswith("git version")


def test_control_a_git_outside_of_clones_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who administers the machine may install another git."""
    here = clone(tmp_path)
    tools = planted(tmp_path / "opt" / "bin")
    assert version(monkeypatch, here, str(tools)) == "planted\n"


def trusting(*names: str) -> Policy:
    """Return a policy that trusts these runners."""
    return policy().model_copy(update={"runners": RunnerRules(trusted=names)})


def in_a_workflow(monkeypatch: pytest.MonkeyPatch, runner: str) -> None:
    """Set what GitHub sets on a runner of this name."""
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/models")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    monkeypatch.setenv("RUNNER_NAME", runner)


def test_results_that_an_earlier_run_kept_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another branch's workflow left answers and stages on the runner."""
    in_a_workflow(monkeypatch, "gpu-1")
    job = open_job("support-triage", Options(), PROJECT)
    assert job.fresh


@pytest.mark.parametrize("name", ["gpu-10", "GPU-1", "", "gpu", "x/gpu-1"])
def test_a_name_like_a_trusted_one_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The runner's name only begins like a trusted one, or is missing."""
    in_a_workflow(monkeypatch, name)
    assert measures_afresh(trusting("gpu-1"))


def test_control_a_trusted_runner_and_a_laptop_use_what_they_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The policy names the runner, or no workflow runs."""
    assert not open_job("support-triage", Options(), PROJECT).fresh
    in_a_workflow(monkeypatch, "gpu-1")
    assert not measures_afresh(trusting("gpu-?"))
