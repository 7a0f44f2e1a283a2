"""Workflow files run as they stand: needs, failure, artifacts, dispatch, cancellation, refusals."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import github
import pytest
import requests

from countersign_ml.forge import Forge
from countersign_ml.forge.state.actions_records import Run
from tests.forge.conftest import NAME, Checkout, client

UPLOAD = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02"
DOWNLOAD = "actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093"
CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"
PYTHON = "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065"

LINE = f"""
name: line
run-name: line of ${{{{ inputs.model }}}}
on:
  workflow_dispatch:
    inputs:
      model: {{type: string, required: true}}
      fail: {{type: boolean, default: false}}
permissions:
  contents: read
env:
  MODEL: ${{{{ inputs.model }}}}
jobs:
  gate:
    runs-on: ubuntu-latest
    outputs:
      digest: ${{{{ steps.count.outputs.digest }}}}
    steps:
      - uses: {CHECKOUT}
        with: {{persist-credentials: false}}
      - id: count
        name: Count
        run: |
          echo "digest=$(wc -l < rows.txt)" >> "$GITHUB_OUTPUT"
          echo "LATER=from-env" >> "$GITHUB_ENV"
          echo "## Gate of $MODEL" >> "$GITHUB_STEP_SUMMARY"
      - run: |
          test "$LATER" = from-env
          mkdir out && echo "$MODEL" > out/model.txt
          echo "token is ${{{{ secrets.HIDDEN }}}}"
          ${{{{ inputs.fail }}}} || exit 0
          echo "::error file=rows.txt,line=3::row three" && exit 3
      - if: always()
        uses: {UPLOAD}
        with: {{name: evidence, path: out/model.txt, if-no-files-found: error}}
  train:
    needs: gate
    runs-on: [self-hosted, gpu]
    steps:
      - uses: {DOWNLOAD}
        with: {{name: evidence, path: got}}
      - run: |
          test "$(cat got/model.txt)" = "$MODEL"
          test "${{{{ needs.gate.outputs.digest }}}}" = 40
      - if: failure()
        run: echo unreachable
  report:
    needs: [gate, train]
    if: failure() && needs.gate.result == 'failure'
    runs-on: ubuntu-latest
    steps:
      - run: echo reported
"""


def put(checkout: Checkout, forge: Forge, text: str, name: str = "line.yml") -> None:
    """Bring a workflow file to the default branch, as an administrator would."""
    root = forge.world.account("root")
    assert root is not None
    checkout("fetch", "--quiet", "origin")
    checkout("checkout", "--quiet", "-B", "main", "origin/main")
    path = checkout.folder / ".github/workflows" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    checkout("add", "--all")
    checkout("commit", "--quiet", "-m", f"Add {name}")
    checkout("push", "--quiet", f"http://root:{root.token}@{forge.url[7:]}/{NAME}.git", "main")


def runs(forge: Forge) -> list[Run]:
    return list(forge.repository(NAME).runs.values())


def dispatch(forge: Forge, inputs: dict[str, str], name: str = "line.yml") -> Run:
    workflow = client(forge, "ada").get_repo(NAME).get_workflow(name)
    assert workflow.create_dispatch("main", inputs)
    forge.idle(30)
    return runs(forge)[-1]


def test_a_run_goes_through_its_jobs_and_leaves_its_artifact(
    forge: Forge, checkout: Checkout
) -> None:
    forge.set_secret(NAME, "HIDDEN", "swordfish")
    put(checkout, forge, LINE)
    run = dispatch(forge, {"model": "triage"})
    assert run.message == ""
    assert {k: j.conclusion for k, j in run.jobs.items()} == {
        "gate": "success",
        "train": "success",
        "report": "skipped",
    }
    assert (run.status, run.conclusion, run.title) == ("completed", "success", "line of triage")
    assert run.jobs["gate"].summary == "## Gate of triage\n"
    text = run.jobs["gate"].log.read_text()
    assert "token is ***" in text
    assert "swordfish" not in text

    repo = client(forge, "ada").get_repo(NAME)
    found = repo.get_artifacts(name="evidence")[0]
    assert found.workflow_run.id == run.id
    token = forge.actor("ada").token.value
    answer = requests.get(
        found.archive_download_url,
        headers={"Authorization": f"token {token}"},
        timeout=10,
        allow_redirects=False,
    )
    assert answer.status_code == 302
    place = answer.headers["Location"]
    with_token = requests.get(place, headers={"Authorization": "token x"}, timeout=10)
    assert with_token.status_code == 400
    with zipfile.ZipFile(io.BytesIO(requests.get(place, timeout=10).content)) as archive:
        assert archive.read("model.txt") == b"triage\n"


def test_a_failed_job_skips_what_needs_it_and_is_annotated(
    forge: Forge, checkout: Checkout
) -> None:
    put(checkout, forge, LINE)
    run = dispatch(forge, {"model": "triage", "fail": "true"})
    assert {k: j.conclusion for k, j in run.jobs.items()} == {
        "gate": "failure",
        "train": "skipped",
        "report": "success",
    }
    assert run.conclusion == "failure"
    check = forge.repository(NAME).check_runs[run.jobs["gate"].check_run]
    assert check.conclusion == "failure"
    assert check.annotations[0]["message"] == "row three"
    assert check.annotations[0]["start_line"] == 3
    assert [s.conclusion for s in run.jobs["gate"].steps] == [
        "success",
        "success",
        "failure",
        "success",
    ]


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, "Required input 'model' not provided"),
        ({"model": "m", "shell": "x"}, r"Unexpected inputs provided: \['shell'\]"),
    ],
)
def test_dispatch_refuses_inputs_that_are_not_declared(
    forge: Forge, checkout: Checkout, inputs: dict[str, str], says: str
) -> None:
    put(checkout, forge, LINE)
    workflow = client(forge, "ada").get_repo(NAME).get_workflow("line.yml")
    with pytest.raises(github.GithubException, match=says) as failure:
        workflow.create_dispatch("main", inputs, throw=True)
    assert failure.value.status == 422
    assert runs(forge) == []


def refused(steps: str, extra: str = "") -> str:
    return f"name: refused\non: push\n{extra}\njobs:\n  one:\n    runs-on: ubuntu-latest\n{steps}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (refused(f"    steps: [{{uses: 'evil/action@{'a' * 40}'}}]"), "'evil/action@"),
        (refused("    steps: [{uses: actions/checkout@v4}]"), "not pinned"),
        (refused("    steps: [{uses: ./local}]"), "'./local'"),
        (refused("    strategy: {matrix: {a: [1]}}\n    steps: [{run: true}]"), "'strategy'"),
        (refused("    container: debian\n    steps: [{run: true}]"), "'container'"),
        (refused("    steps: [{run: 'echo ${{ hashFiles(1) }}'}]"), "hashFiles()"),
        (refused("    steps: [{run: 'echo ${{ matrix.x }}'}]"), "'matrix'"),
        (refused("    steps: [{run: true, shell: pwsh}]"), "'pwsh'"),
        (refused("    needs: two\n    steps: [{run: true}]"), "no job 'two'"),
        (refused(f"    steps: [{{uses: '{PYTHON}', with: {{python-version: '3.99'}}}}]"), "3.99"),
        (refused(f"    steps: [{{uses: '{CHECKOUT}', with: {{lfs: true}}}}]"), "with.lfs"),
        ("name: broken\non: push\njobs: {one: {steps: [}", "no YAML"),
    ],
)
def test_what_the_stand_in_does_not_know_is_refused_by_name(
    forge: Forge, checkout: Checkout, text: str, says: str
) -> None:
    put(checkout, forge, text)
    forge.idle(30)
    (run,) = runs(forge)
    assert (run.status, run.conclusion) == ("completed", "failure")
    assert says in run.message


def test_a_pull_request_runs_its_own_merge_with_filters_and_a_check(
    forge: Forge, checkout: Checkout
) -> None:
    put(
        checkout,
        forge,
        f"""
name: validate
on:
  pull_request:
    paths: ["data/**"]
jobs:
  look:
    runs-on: ubuntu-latest
    steps:
      - uses: {CHECKOUT}
      - run: test "$(git rev-parse HEAD)" = "$GITHUB_SHA" && test "$GITHUB_HEAD_REF" = topic
      - run: test -f data/x.txt && test "$GITHUB_BASE_REF" = main
      - run: env | cut -d= -f1 | sort | tr '\\n' ' '
""",
    )
    repo = client(forge, "ada").get_repo(NAME)
    checkout.change("other", {"elsewhere.txt": "x\n"})
    repo.create_pull(base="main", head="other", title="Elsewhere")
    head = checkout.change("topic", {"data/x.txt": "x\n"})
    number = repo.create_pull(base="main", head="topic", title="Data").number
    forge.idle(30)
    (run,) = runs(forge)
    assert (run.conclusion, run.message, run.head_sha) == ("success", "", head)
    assert run.ref == f"refs/pull/{number}/merge"
    (check,) = repo.get_commit(head).get_check_runs()
    assert (check.name, check.conclusion, check.app.slug) == ("look", "success", "github-actions")
    text = run.jobs["look"].log.read_text()
    assert "PYTEST_CURRENT_TEST" not in text  # nothing of this environment leaks in


def test_github_token_has_the_workflows_permissions_and_its_events_start_nothing(
    forge: Forge, checkout: Checkout
) -> None:
    put(
        checkout,
        forge,
        f"""
name: pushes
on: push
permissions: {{contents: write}}
jobs:
  push:
    runs-on: ubuntu-latest
    steps:
      - uses: {CHECKOUT}
      - run: |
          git -c user.name=x -c user.email=x@example.com commit --allow-empty -qm empty
          git push origin HEAD:refs/heads/by-token
      - run: |
          curl -sf "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues" -X POST \\
            -H "Authorization: Bearer ${{{{ github.token }}}}" -d '{{"title": "no"}}'
""",
    )
    forge.idle(30)
    (run,) = runs(forge)
    store = forge.repository(NAME).store
    assert store.ref("refs/heads/by-token") is not None
    assert [s.conclusion for s in run.jobs["push"].steps] == ["success", "success", "failure"]
    assert forge.repository(NAME).issues == {}


def test_cancelling_ends_the_scripts_and_their_children(
    forge: Forge, checkout: Checkout, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    put(
        checkout,
        forge,
        f"""
name: slow
on: push
jobs:
  sleep:
    runs-on: ubuntu-latest
    steps:
      - run: |
          (sleep 8; touch {mark}) &
          sleep 60
      - if: always()
        run: touch {mark}.always
      - run: touch {mark}.never
""",
    )
    deadline = time.monotonic() + 10
    while not any(j.status == "in_progress" for r in runs(forge) for j in r.jobs.values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (run,) = runs(forge)
    time.sleep(0.3)
    client(forge, "ada").get_repo(NAME).get_workflow_run(run.id).cancel()
    forge.idle(15)
    assert (run.status, run.conclusion) == ("completed", "cancelled")
    assert (tmp_path / "mark.always").exists()
    assert not (tmp_path / "mark.never").exists()
    assert not mark.exists()


def test_a_concurrency_group_cancels_what_runs_and_what_waits(
    forge: Forge, checkout: Checkout
) -> None:
    put(
        checkout,
        forge,
        """
name: group
on:
  workflow_dispatch:
    inputs: {seconds: {type: string}}
concurrency: {group: "one-${{ github.ref }}", cancel-in-progress: true}
jobs:
  sleep:
    runs-on: ubuntu-latest
    steps: [{run: "sleep ${{ inputs.seconds }}"}]
""",
        "group.yml",
    )
    workflow = client(forge, "ada").get_repo(NAME).get_workflow("group.yml")
    for seconds in ("60", "60", "0"):
        assert workflow.create_dispatch("main", {"seconds": seconds})
    forge.idle(30)
    assert [r.conclusion for r in runs(forge)] == ["cancelled", "cancelled", "success"]


def test_timeouts_environments_and_schedules(forge: Forge, checkout: Checkout) -> None:
    put(
        checkout,
        forge,
        """
name: nightly
on:
  schedule: [{cron: "0 3 * * *"}]
jobs:
  ship:
    runs-on: ubuntu-latest
    environment: staging
    steps:
      - timeout-minutes: 0.005
        continue-on-error: true
        run: sleep 30
      - run: echo shipped
""",
        "nightly.yml",
    )
    forge.run_schedule(NAME, "nightly.yml")
    forge.idle(30)
    (run,) = runs(forge)
    assert (run.event, run.conclusion) == ("schedule", "success")
    assert "timed out" in run.jobs["ship"].log.read_text()
    (deployment,) = forge.repository(NAME).deployments.values()
    assert deployment.environment == "staging"
    assert [s.state for s in deployment.statuses] == ["in_progress", "success"]
