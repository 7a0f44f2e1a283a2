"""Forks: a stranger's branch as a pull request, and what it is not trusted with."""

from __future__ import annotations

from pathlib import Path

import github
import pytest

from countersign_ml.forge import Forge
from countersign_ml.forge.state.account_records import App
from countersign_ml.forge.state.repository_record import Repository
from tests.forge.conftest import NAME, Checkout, app_client, client

WORKFLOW = """
on: pull_request
permissions: write-all
jobs:
  look:
    runs-on: ubuntu-latest
    steps:
      - run: test -z "${{ secrets.HIDDEN }}"
      - if: always()
        env: {TOKEN: "${{ github.token }}"}
        run: |
          curl --silent --fail -X POST -H "Authorization: Bearer $TOKEN" \\
            -d '{"body": "mine"}' "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/1/comments" \\
            || echo refused
"""


@pytest.fixture
def fork(forge: Forge) -> Repository:
    """Eve's fork."""
    return forge.fork(NAME, by="eve")


@pytest.fixture
def eve(forge: Forge, fork: Repository, tmp_path: Path) -> Checkout:
    """Eve's working copy of her fork."""
    token = forge.actor("eve").token.value
    return Checkout(tmp_path / "eve", f"{forge.url}/eve/support.git", "eve", token)


def test_a_fork_is_a_repository_of_its_owner(
    forge: Forge, app: App, fork: Repository, eve: Checkout
) -> None:
    repo = client(forge, "eve").get_repo("eve/support")
    assert (repo.fork, repo.parent.full_name, repo.permissions.admin) == (True, NAME, True)
    parent = client(forge, "ada").get_repo(NAME)
    assert [each.full_name for each in parent.get_forks()] == ["eve/support"]
    assert client(forge, "eve").get_repo(NAME).create_fork().full_name == "eve/support"
    head = eve.change("topic", {"x.txt": "x\n"})
    assert repo.get_branch("topic").commit.sha == head
    with pytest.raises(github.UnknownObjectException):
        parent.get_branch("topic")
    before = len(forge.deliveries)
    eve.change("topic", {"y.txt": "y\n"})
    assert len(forge.deliveries) == before  # the App is not installed there
    with pytest.raises(github.GithubException) as refused:
        app_client(forge, app).get_repo("eve/support").create_check_run("countersign", head)
    assert refused.value.status == 403


def test_a_strangers_pull_request_from_open_to_merge(
    forge: Forge, app: App, checkout: Checkout, eve: Checkout
) -> None:
    eve.change("topic", {"x.txt": "x\n"})
    stranger = client(forge, "eve").get_repo(NAME)
    pull = stranger.create_pull(base="main", head="eve:topic", title="From afar")
    head = eve.change("topic", {"y.txt": "y\n"})
    bot = app_client(forge, app).get_repo(NAME)
    seen = bot.get_pull(pull.number)
    assert (seen.head.sha, seen.head.label, seen.head.ref) == (head, "eve:topic", "topic")
    assert (seen.head.repo.full_name, seen.base.repo.full_name) == ("eve/support", NAME)
    assert sorted(f.filename for f in seen.get_files()) == ["x.txt", "y.txt"]
    assert [p.number for p in bot.get_pulls(head="eve:topic")] == [pull.number]
    assert list(bot.get_pulls(head="acme:topic")) == []
    checkout("fetch", "--quiet", "origin", f"refs/pull/{pull.number}/head")
    assert checkout("rev-parse", "FETCH_HEAD") == head
    assert bot.compare("main", "eve:topic").ahead_by == 2
    run = bot.create_check_run("countersign", head, status="completed", conclusion="success")
    assert run.pull_requests == []  # GitHub leaves forks' out
    actions = [d.action for d in forge.deliveries if d.event == "pull_request"]
    assert actions == ["opened", "synchronize"]
    with pytest.raises(github.GithubException) as refused:
        stranger.get_pull(pull.number).merge()
    assert refused.value.status == 403
    merged = client(forge, "ada").get_repo(NAME).get_pull(pull.number).merge(sha=head)
    text = bot.get_commit(merged.sha).commit.message
    assert text.startswith(f"Merge pull request #{pull.number} from eve/topic")


def test_nobody_offers_a_branch_they_cannot_write(forge: Forge, app: App, eve: Checkout) -> None:
    eve.change("topic", {"x.txt": "x\n"})
    for repo in (client(forge, "ada").get_repo(NAME), app_client(forge, app).get_repo(NAME)):
        with pytest.raises(github.GithubException) as refused:
            repo.create_pull(base="main", head="eve:topic", title="hers")
        assert refused.value.status == 422
    with pytest.raises(github.GithubException):
        client(forge, "eve").get_repo(NAME).create_pull(base="main", head="nobody:x", title="x")


def test_a_deleted_fork_leaves_a_head_without_a_repository(
    forge: Forge, app: App, eve: Checkout
) -> None:
    head = eve.change("topic", {"x.txt": "x\n"})
    pull = client(forge, "eve").get_repo(NAME).create_pull(base="main", head="eve:topic", title="t")
    forge.delete_repository("eve/support")
    seen = app_client(forge, app).get_repo(NAME).get_pull(pull.number)
    assert (seen.state, seen.head.repo, seen.head.sha) == ("open", None, head)
    assert [f.filename for f in seen.get_files()] == ["x.txt"]
    with pytest.raises(github.UnknownObjectException):
        client(forge, "eve").get_repo("eve/support")
    assert client(forge, "ada").get_repo(NAME).get_pull(pull.number).merge().merged


def test_a_branch_deleted_in_the_fork_closes_its_pull_request(forge: Forge, eve: Checkout) -> None:
    eve.change("topic", {"x.txt": "x\n"})
    stranger = client(forge, "eve").get_repo(NAME)
    pull = stranger.create_pull(base="main", head="eve:topic", title="t")
    eve("push", "--quiet", "origin", ":topic")
    assert stranger.get_pull(pull.number).state == "closed"
    eve("push", "--quiet", "origin", "topic")
    stranger.get_pull(pull.number).edit(state="open")
    assert stranger.get_pull(pull.number).state == "open"


def test_a_writers_workflow_gets_both(forge: Forge, checkout: Checkout) -> None:
    forge.set_secret(NAME, "HIDDEN", "hush")
    checkout.change("topic", {".github/workflows/good.yml": WORKFLOW})
    client(forge, "ada").get_repo(NAME).create_pull(base="main", head="topic", title="t")
    forge.idle(30)
    (run,) = forge.repository(NAME).runs.values()
    assert run.conclusion == "failure"  # the secret is not empty
    assert [c.body for c in forge.repository(NAME).issues[1].comments.values()] == ["mine"]


def test_a_forks_workflow_gets_no_secret_and_a_token_that_only_reads(
    forge: Forge, eve: Checkout
) -> None:
    forge.set_secret(NAME, "HIDDEN", "hush")
    eve.change("topic", {".github/workflows/evil.yml": WORKFLOW})
    client(forge, "eve").get_repo(NAME).create_pull(base="main", head="eve:topic", title="t")
    forge.idle(30)
    (run,) = forge.repository(NAME).runs.values()
    shown = client(forge, "ada").get_repo(NAME).get_workflow_run(run.id)
    assert (shown.conclusion, shown.head_repository.full_name) == ("success", "eve/support")
    assert forge.repository(NAME).issues[1].comments == {}
    assert forge.repository("eve/support").runs == {}
