"""The merge queue: groups are checked on branches of their own, and merge as they were checked."""

from __future__ import annotations

from typing import Any

import github
import pytest

from countersign_ml.forge import Forge
from countersign_ml.forge.request.answers import ApiError
from countersign_ml.forge.state.account_records import App
from tests.forge.conftest import NAME, Checkout, app_client, client


@pytest.fixture
def queue(forge: Forge, app: App) -> Forge:
    """A forge whose main branch takes merges from its queue alone, checked by the App."""
    app.events.append("merge_group")
    forge.require_checks(NAME, "main", ["countersign"], app.app_id)
    forge.require_merge_queue(NAME, "main")
    return forge


def green(forge: Forge, app: App, sha: str, conclusion: str = "success") -> None:
    app_client(forge, app).get_repo(NAME).create_check_run(
        "countersign", sha, status="completed", conclusion=conclusion
    )


def proposal(forge: Forge, app: App, checkout: Checkout, name: str, file: str = "") -> int:
    """An open pull request whose required check is green; its number."""
    checkout("checkout", "--quiet", "origin/main")
    head = checkout.change(name, {file or f"{name}.txt": f"{name}\n"})
    pull = client(forge, "ada").get_repo(NAME).create_pull(base="main", head=name, title=name)
    green(forge, app, head)
    return pull.number


def groups(forge: Forge, action: str = "checks_requested") -> list[dict[str, Any]]:
    """The merge_group webhooks of an action, oldest first."""
    return [d.json() for d in forge.deliveries if (d.event, d.action) == ("merge_group", action)]


def tip(forge: Forge) -> str:
    return forge.repository(NAME).store.ref("refs/heads/main") or ""


def queue_refs(forge: Forge) -> list[str]:
    return list(forge.repository(NAME).store.refs("refs/heads/gh-readonly-queue/"))


def test_a_group_is_checked_on_its_own_branch_and_merges_as_checked(
    queue: Forge, app: App, checkout: Checkout
) -> None:
    number = proposal(queue, app, checkout, "topic")
    before = tip(queue)
    queue.enqueue(NAME, number, by="ada")
    ((sent,), head) = ([g["merge_group"] for g in groups(queue)], checkout("rev-parse", "HEAD"))
    ref = f"refs/heads/gh-readonly-queue/main/pr-{number}-{before}"
    assert (sent["head_ref"], sent["base_ref"], sent["base_sha"]) == (
        ref,
        "refs/heads/main",
        before,
    )
    store = queue.repository(NAME).store
    assert store.ref(ref) == sent["head_sha"] == sent["head_commit"]["id"]
    assert store.commit(sent["head_sha"]).parents == (before, head)
    assert tip(queue) == before
    green(queue, app, sent["head_sha"])
    assert tip(queue) == sent["head_sha"]
    pull = client(queue, "ada").get_repo(NAME).get_pull(number)
    assert (pull.merged, pull.merge_commit_sha) == (True, sent["head_sha"])
    assert pull.merged_by.login == "github-merge-queue[bot]"
    assert [g["reason"] for g in groups(queue, "destroyed")] == ["merged"]
    assert queue_refs(queue) == []
    told = [
        (d.event, d.action)
        for d in queue.deliveries
        if d.event in ("pull_request", "merge_group", "push")
    ]
    at = [told.index(("pull_request", a)) for a in ("enqueued", "dequeued", "closed")]
    assert at == sorted(at)
    assert told.index(("merge_group", "destroyed")) > at[2]
    pushes = [d.json() for d in queue.deliveries if d.event == "push"]
    (moved,) = [p for p in pushes if p["ref"] == "refs/heads/main" and p["before"] == before]
    assert moved["after"] == sent["head_sha"]
    events = [e.event for e in pull.get_issue_events()]
    assert events == ["added_to_merge_queue", "removed_from_merge_queue", "merged", "closed"]


def test_only_the_queue_merges(queue: Forge, app: App, checkout: Checkout) -> None:
    number = proposal(queue, app, checkout, "topic")
    for login in ("ada", "root"):
        pull = client(queue, login).get_repo(NAME).get_pull(number)
        with pytest.raises(github.GithubException, match="merge queue") as refused:
            pull.merge()
        assert refused.value.status == 405
    _, rules = (
        client(queue, "ada")
        .get_repo(NAME)
        ._requester.requestJsonAndCheck("GET", f"/repos/{NAME}/rules/branches/main")
    )
    assert "merge_queue" in [rule["type"] for rule in rules]


def test_it_takes_only_what_is_green_and_from_writers(
    queue: Forge, app: App, checkout: Checkout
) -> None:
    checkout.change("topic", {"x.txt": "x\n"})
    ada = client(queue, "ada").get_repo(NAME)
    pull = ada.create_pull(base="main", head="topic", title="t")
    with pytest.raises(ApiError, match="expected"):
        queue.enqueue(NAME, pull.number, by="ada")
    green(queue, app, pull.head.sha, "failure")
    with pytest.raises(ApiError, match="failing"):
        queue.enqueue(NAME, pull.number, by="ada")
    green(queue, app, pull.head.sha)
    with pytest.raises(ApiError, match="write access"):
        queue.enqueue(NAME, pull.number, by="eve")
    queue.enqueue(NAME, pull.number, by="ada")
    with pytest.raises(ApiError, match="already"):
        queue.enqueue(NAME, pull.number, by="linus")


def test_a_red_group_leaves_and_its_pull_request_stays_open(
    queue: Forge, app: App, checkout: Checkout
) -> None:
    number = proposal(queue, app, checkout, "topic")
    before = tip(queue)
    queue.enqueue(NAME, number, by="ada")
    green(queue, app, groups(queue)[0]["merge_group"]["head_sha"], "failure")
    pull = client(queue, "ada").get_repo(NAME).get_pull(number)
    assert (pull.state, pull.merged, tip(queue)) == ("open", False, before)
    assert [g["reason"] for g in groups(queue, "destroyed")] == ["dequeued"]
    left = next(d.json() for d in queue.deliveries if d.action == "dequeued")
    assert left["reason"] == "CI_FAILURE"
    assert queue_refs(queue) == []
    queue.enqueue(NAME, number, by="linus")  # it may come again
    green(queue, app, groups(queue)[1]["merge_group"]["head_sha"])
    assert pull.merged is False
    assert client(queue, "ada").get_repo(NAME).get_pull(number).merged


def test_a_group_stands_on_the_one_before_it(queue: Forge, app: App, checkout: Checkout) -> None:
    numbers = [proposal(queue, app, checkout, name) for name in ("one", "two")]
    for number in numbers:
        queue.enqueue(NAME, number, by="ada")
    first, second = (g["merge_group"] for g in groups(queue))
    assert second["base_sha"] == first["head_sha"]
    green(queue, app, second["head_sha"])
    assert tip(queue) == first["base_sha"]  # it waits its turn
    green(queue, app, first["head_sha"])
    assert tip(queue) == second["head_sha"]
    ada = client(queue, "ada").get_repo(NAME)
    assert [ada.get_pull(n).merged for n in numbers] == [True, True]


def test_what_stood_behind_a_red_group_is_built_anew(
    queue: Forge, app: App, checkout: Checkout
) -> None:
    numbers = [proposal(queue, app, checkout, name) for name in ("one", "two")]
    before = tip(queue)
    for number in numbers:
        queue.enqueue(NAME, number, by="ada")
    first, second = (g["merge_group"] for g in groups(queue))
    green(queue, app, second["head_sha"])
    green(queue, app, first["head_sha"], "failure")
    reasons = [(g["merge_group"]["head_sha"], g["reason"]) for g in groups(queue, "destroyed")]
    assert reasons == [(first["head_sha"], "dequeued"), (second["head_sha"], "invalidated")]
    anew = groups(queue)[-1]["merge_group"]
    assert anew["base_sha"] == before
    assert anew["head_sha"] != second["head_sha"]
    assert tip(queue) == before  # the old group's check does not count for the new one
    green(queue, app, anew["head_sha"])
    assert tip(queue) == anew["head_sha"]


def test_a_conflict_leaves_the_queue(queue: Forge, app: App, checkout: Checkout) -> None:
    one = proposal(queue, app, checkout, "one", "README.md")
    two = proposal(queue, app, checkout, "two", "README.md")
    queue.enqueue(NAME, one, by="ada")
    queue.enqueue(NAME, two, by="ada")
    left = next(d.json() for d in queue.deliveries if d.action == "dequeued")
    assert (left["number"], left["reason"]) == (two, "MERGE_CONFLICT")
    assert len(groups(queue)) == 1


def test_a_queued_head_takes_no_push_until_it_leaves(
    queue: Forge, app: App, checkout: Checkout
) -> None:
    number = proposal(queue, app, checkout, "topic")
    queue.enqueue(NAME, number, by="ada")
    checkout("commit", "--quiet", "--allow-empty", "-m", "more")
    assert "added to a merge queue" in checkout("push", "origin", "topic", check=False)
    ada = client(queue, "ada").get_repo(NAME)
    with pytest.raises(github.GithubException) as held:
        ada.get_git_ref("heads/topic").edit(tip(queue), force=True)
    assert held.value.status == 422
    (ref,) = queue_refs(queue)
    root = client(queue, "root").get_repo(NAME)
    with pytest.raises(github.GithubException):
        root.get_git_ref(ref.removeprefix("refs/")).edit(tip(queue), force=True)
    queue.dequeue(NAME, number, by="linus")
    checkout("push", "--quiet", "origin", "topic")
    assert queue_refs(queue) == []
    with pytest.raises(ApiError, match="not in the queue"):
        queue.dequeue(NAME, number, by="linus")


def test_closing_or_retargeting_leaves_and_a_direct_push_rebuilds(
    queue: Forge, app: App, checkout: Checkout
) -> None:
    numbers = [proposal(queue, app, checkout, name) for name in ("one", "two")]
    for number in numbers:
        queue.enqueue(NAME, number, by="ada")
    ada = client(queue, "ada").get_repo(NAME)
    ada.get_pull(numbers[0]).edit(state="closed")
    checkout("checkout", "--quiet", "origin/main")
    checkout("commit", "--quiet", "--allow-empty", "-m", "by hand")
    root = queue.actor("root").token.value
    place = f"http://root:{root}@{queue.url[7:]}/{NAME}.git"
    checkout("push", "--quiet", place, "HEAD:main")
    anew = groups(queue)[-1]["merge_group"]
    assert anew["base_sha"] == tip(queue) == checkout("rev-parse", "HEAD")
    assert groups(queue, "destroyed")[-1]["reason"] == "invalidated"
    green(queue, app, anew["head_sha"])
    assert ada.get_pull(numbers[1]).merged


def test_a_workflow_on_merge_group_reports_on_the_group(
    queue: Forge, app: App, checkout: Checkout
) -> None:
    text = (
        "on:\n  merge_group:\n    branches: [main]\njobs:\n  look:\n    runs-on: ubuntu-latest\n"
        '    steps:\n      - run: test "$GITHUB_EVENT_NAME" = merge_group\n'
    )
    number = proposal(queue, app, checkout, "topic")
    checkout.change("topic", {".github/workflows/queue.yml": text})
    green(queue, app, checkout("rev-parse", "HEAD"))
    queue.enqueue(NAME, number, by="ada")
    queue.idle(30)
    (run,) = queue.repository(NAME).runs.values()
    (sent,) = (g["merge_group"] for g in groups(queue))
    assert (run.event, run.conclusion, run.head_sha) == ("merge_group", "success", sent["head_sha"])
    assert run.ref == sent["head_ref"]
