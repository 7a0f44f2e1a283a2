"""`.countersign` has only the results of local runs; a pull request cannot bring any."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.errors import UserError
from runner.job import Job, Options, open_job
from runner.runner_commands import recover, run, validate
from tests.runner.worlds import commit, git, world


def opened(repo: Path) -> Job:
    return open_job("colours", Options(repo=repo, cache=repo.parent / "cache", quiet=True))


@pytest.mark.parametrize("folder", [".countersign", ".Countersign"])
def test_figures_that_a_pull_request_brings_as_those_of_an_earlier_run_are_refused(
    tmp_path: Path, folder: str
) -> None:
    repo = world(tmp_path / "repo", base=False)
    digest = opened(repo).folder.proposal.digest.removeprefix("sha256:")[:12]
    brought = repo / folder / "work/colours" / digest / "evaluate/stage.json"
    brought.parent.mkdir(parents=True)
    brought.write_text("{}\n")
    git(repo, "add", "--force", folder)
    commit(repo)
    for command in (validate, run, recover):
        with pytest.raises(UserError, match=f"{folder}/work/colours.*git"):
            command(["colours", "--repo", str(repo), "--quiet"])


@pytest.mark.parametrize("place", [".countersign", ".countersign/work"])
def test_a_link_in_the_place_of_the_runs_own_folder_is_refused(tmp_path: Path, place: str) -> None:
    repo = world(tmp_path / "repo", base=False)
    (tmp_path / "elsewhere").mkdir()
    link = repo / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "elsewhere")
    git(repo, "add", "--force", place)
    commit(repo)
    with pytest.raises(UserError, match=f"{place}.*git"):
        opened(repo)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_control_what_a_run_itself_left_is_used_again(tmp_path: Path) -> None:
    repo = world(tmp_path / "repo", base=False)
    assert validate(["colours", "--repo", str(repo), "--quiet"]) == 0
    kept = repo / ".countersign/work"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "note").write_text("of an earlier run\n")
    assert opened(repo).workspace.is_relative_to(kept)
