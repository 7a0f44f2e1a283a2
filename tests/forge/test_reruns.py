"""A run again: a new attempt beside what the first one left; and runs deleted."""

from __future__ import annotations

import github
import pytest

from countersign_ml.forge import Forge
from tests.forge.conftest import NAME, Checkout, client

UPLOAD = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02"
FLOW = f"""
on: {{workflow_dispatch: }}
jobs:
  flaky:
    runs-on: ubuntu-latest
    steps:
      - run: echo "$GITHUB_RUN_ATTEMPT" > attempt.txt
      - uses: {UPLOAD}
        with: {{name: attempt, path: attempt.txt}}
      - run: test "$GITHUB_RUN_ATTEMPT" = 2
"""


@pytest.fixture
def run_id(forge: Forge, checkout: Checkout) -> int:
    """A finished run whose first attempt fails."""
    checkout.change("flow", {".github/workflows/flow.yml": FLOW})
    ada = client(forge, "ada").get_repo(NAME)
    ada.create_pull(base="main", head="flow", title="flow").merge()
    ada.get_workflow("flow.yml").create_dispatch("main")
    forge.idle(30)
    (run,) = ada.get_workflow_runs()
    return run.id


def test_a_rerun_is_a_new_attempt_of_the_same_run(forge: Forge, run_id: int) -> None:
    linus = client(forge, "linus").get_repo(NAME)
    run = linus.get_workflow_run(run_id)
    (job,) = run.jobs()
    assert (run.conclusion, run.run_attempt) == ("failure", 1)
    assert run.rerun()
    with pytest.raises(github.GithubException, match="already running"):
        linus._requester.requestJsonAndCheck("POST", f"{run.url}/rerun")
    forge.idle(30)
    again = linus.get_workflow_run(run_id)
    assert (again.conclusion, again.run_attempt, again.head_sha) == ("success", 2, run.head_sha)
    assert (again.actor.login, again.triggering_actor.login) == ("ada", "linus")
    assert [a.name for a in again.get_artifacts()] == ["attempt", "attempt"]
    assert [j.conclusion for j in again.jobs()] == ["success"]
    assert [j.conclusion for j in again.jobs("all")] == ["failure", "success"]
    _, past = linus._requester.requestJsonAndCheck("GET", f"{run.url}/attempts/1")
    assert (past["conclusion"], past["run_attempt"]) == ("failure", 1)
    _, old = linus._requester.requestJsonAndCheck("GET", f"{run.url}/attempts/1/jobs")
    assert [each["id"] for each in old["jobs"]] == [job.id]
    with pytest.raises(github.UnknownObjectException):
        linus._requester.requestJsonAndCheck("GET", f"{run.url}/attempts/3")
    checks = linus.get_commit(run.head_sha).get_check_runs(filter="all")
    assert sorted(str(check.conclusion) for check in checks) == ["failure", "success"]


def test_writers_delete_runs_and_artifacts_and_readers_do_not(forge: Forge, run_id: int) -> None:
    eve = client(forge, "eve").get_repo(NAME).get_workflow_run(run_id)
    for act in ("rerun", "delete"):
        assert getattr(eve, act)() is False
    ada = client(forge, "ada").get_repo(NAME)
    run = ada.get_workflow_run(run_id)
    run.rerun()
    forge.idle(30)
    first, second = run.get_artifacts()
    assert first.delete()
    assert [a.id for a in run.get_artifacts()] == [second.id]
    assert run.delete()
    with pytest.raises(github.UnknownObjectException):
        ada.get_workflow_run(run_id)
    assert list(ada.get_artifacts()) == []
