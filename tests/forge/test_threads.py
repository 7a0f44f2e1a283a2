"""What a thread remembers: labels, events, comments, and who may change them."""

from __future__ import annotations

import time
from pathlib import Path

import github
import pytest
import requests

from countersign_ml.forge import Forge
from countersign_ml.forge.state.account_records import App
from tests.forge.conftest import NAME, Checkout, Hook, app_client, client


def events(forge: Forge, number: int, **query: int) -> list[dict[str, object]]:
    answer = requests.get(
        f"{forge.api_url}/repos/{NAME}/issues/{number}/events",
        params=query,
        headers={"Authorization": f"Bearer {forge.actor('ada').token.value}"},
        timeout=10,
    )
    found: list[dict[str, object]] = answer.json()
    return found


def names(forge: Forge, number: int) -> list[object]:
    return [each["event"] for each in events(forge, number)]


def test_every_move_of_a_pull_request_is_remembered_in_order(
    forge: Forge, checkout: Checkout
) -> None:
    checkout.change("other", {"other.txt": "x\n"})
    checkout("checkout", "--quiet", "origin/main")
    checkout.change("topic", {"x.txt": "x\n"})
    ada = client(forge, "ada").get_repo(NAME)
    pull = ada.create_pull(base="main", head="topic", title="t")
    pull.edit(title="better")
    pull.add_to_labels("hold")
    pull.remove_from_labels("hold")
    pull.edit(base="other")
    pull.edit(base="main")
    review = client(forge, "linus").get_repo(NAME).get_pull(pull.number)
    review.create_review(event="APPROVE", body="ok").dismiss("not now")
    pull.edit(state="closed")
    pull.edit(state="open")
    checkout("commit", "--quiet", "--amend", "-m", "Again")
    checkout("push", "--quiet", "--force", "origin", "topic")
    head = checkout("rev-parse", "HEAD")
    merged = pull.merge(sha=head)
    found = events(forge, pull.number)
    assert [each["event"] for each in found] == [
        "renamed",
        "labeled",
        "unlabeled",
        "base_ref_changed",
        "base_ref_changed",
        "review_dismissed",
        "closed",
        "reopened",
        "head_ref_force_pushed",
        "merged",
        "closed",
    ]
    by_name = {str(each["event"]): each for each in found}
    assert by_name["renamed"]["rename"] == {"from": "t", "to": "better"}
    assert by_name["labeled"]["label"] == {"name": "hold", "color": "ededed"}
    assert by_name["head_ref_force_pushed"]["commit_id"] == head
    assert by_name["merged"]["commit_id"] == merged.sha
    dismissed = by_name["review_dismissed"]["dismissed_review"]
    assert isinstance(dismissed, dict)
    assert (dismissed["state"], dismissed["dismissal_message"]) == ("approved", "not now")
    assert [e["event"] for e in events(forge, pull.number, per_page=2, page=2)] == [
        "unlabeled",
        "base_ref_changed",
    ]
    url = f"{forge.api_url}/repos/{NAME}/issues/{pull.number}/events"
    root = {"Authorization": f"Bearer {forge.actor('root').token.value}"}
    for method in ("POST", "PATCH", "DELETE"):
        assert requests.request(method, url, headers=root, timeout=10).status_code in (404, 405)


def test_retargeting_says_where_from(forge: Forge, checkout: Checkout, hook: Hook) -> None:
    checkout.change("other", {"other.txt": "x\n"})
    checkout("checkout", "--quiet", "origin/main")
    checkout.change("topic", {"x.txt": "x\n"})
    ada = client(forge, "ada").get_repo(NAME)
    pull = ada.create_pull(base="main", head="topic", title="t")
    main = ada.get_branch("main").commit.sha
    pull.edit(base="other")
    forge.idle(10)
    edited = next(d for d in forge.deliveries if (d.event, d.action) == ("pull_request", "edited"))
    assert edited.json()["changes"]["base"] == {"ref": {"from": "main"}, "sha": {"from": main}}
    assert "base_ref_changed" in names(forge, pull.number)


def test_a_deleted_head_closes_and_is_remembered(forge: Forge, checkout: Checkout) -> None:
    checkout.change("topic", {"x.txt": "x\n"})
    pull = client(forge, "ada").get_repo(NAME).create_pull(base="main", head="topic", title="t")
    checkout("push", "--quiet", "origin", ":topic")
    assert names(forge, pull.number) == ["closed", "head_ref_deleted"]


def test_labels_are_told_once_and_whatever_their_case(
    forge: Forge, checkout: Checkout, hook: Hook
) -> None:
    checkout.change("topic", {"x.txt": "x\n"})
    ada = client(forge, "ada").get_repo(NAME)
    pull = ada.create_pull(base="main", head="topic", title="t")
    issue = ada.create_issue("i", labels=["Incident"])
    forge.idle(10)
    hook.received.clear()
    pull.add_to_labels("emergency")
    pull.add_to_labels("Emergency")
    pull.remove_from_labels("EMERGENCY")
    issue.set_labels("drift")
    issue.delete_labels()
    forge.idle(10)
    assert hook.names() == [
        "pull_request.labeled",
        "pull_request.unlabeled",
        "issues.unlabeled",
        "issues.labeled",
        "issues.unlabeled",
    ]
    with pytest.raises(github.GithubException, match="Label does not exist"):
        pull.remove_from_labels("emergency")


def test_labelling_needs_triage_or_an_app_that_may_write_issues(
    forge: Forge, app: App, checkout: Checkout
) -> None:
    forge.add_user("tim")
    forge.repository(NAME).collaborators["tim"] = "triage"
    checkout.change("topic", {"x.txt": "x\n"})
    pull = client(forge, "ada").get_repo(NAME).create_pull(base="main", head="topic", title="t")
    with pytest.raises(github.GithubException) as refused:
        client(forge, "eve").get_repo(NAME).get_pull(pull.number).add_to_labels("emergency")
    assert refused.value.status == 403
    client(forge, "tim").get_repo(NAME).get_pull(pull.number).add_to_labels("one")
    app_client(forge, app).get_repo(NAME).get_pull(pull.number).add_to_labels("two")
    weak = forge.add_app("weak", permissions={"metadata": "read", "contents": "write"})
    with pytest.raises(github.GithubException) as weaker:
        app_client(forge, weak).get_repo(NAME).get_pull(pull.number).add_to_labels("three")
    assert weaker.value.status == 403
    assert [label.name for label in pull.get_labels()] == ["one", "two"]
    actors = [each["actor"]["login"] for each in events(forge, pull.number)]  # type: ignore[index]
    assert actors == ["tim", "countersign[bot]"]


def test_an_issue_is_closed_by_its_author_or_by_triage(forge: Forge) -> None:
    forge.add_user("tim")
    forge.repository(NAME).collaborators["tim"] = "triage"
    said = client(forge, "eve").get_repo(NAME).create_issue("help", labels=["incident"])
    assert said.labels == []
    ada = client(forge, "ada").get_repo(NAME).create_issue("mine", labels=["incident"])
    eve = client(forge, "eve").get_repo(NAME)
    with pytest.raises(github.GithubException) as refused:
        eve.get_issue(ada.number).edit(state="closed")
    assert refused.value.status == 403
    eve.get_issue(said.number).edit(state="closed", state_reason="not_planned")
    tim = client(forge, "tim").get_repo(NAME)
    tim.get_issue(ada.number).edit(state="closed")
    with pytest.raises(github.GithubException):
        tim.get_issue(ada.number).edit(title="taken over")
    closed = tim.get_issue(ada.number)
    assert (closed.state, closed.closed_by.login) == ("closed", "tim")
    tim.get_issue(ada.number).edit(state="open")
    assert names(forge, ada.number) == ["labeled", "closed", "reopened"]
    found = tim.get_issues(state="all", labels=["Incident"], creator="ada")
    assert [each.number for each in found] == [ada.number]
    assert [each.number for each in tim.get_issues(state="closed")] == [said.number]


def test_an_edited_comment_shows_it_by_its_time(tmp_path: Path, seed: Path, key: str) -> None:
    now = [time.time()]
    with Forge(tmp_path / "clocked", clock=lambda: now[0]) as forge:
        forge.add_user("root")
        forge.add_user("ada")
        forge.add_repository(NAME, collaborators={"root": "admin", "ada": "write"})
        forge.seed(NAME, seed, "root")
        bot = app_client(forge, forge.add_app("countersign", private_key_pem=key))
        issue = bot.get_repo(NAME).create_issue("i")
        first = issue.create_comment("the bot's words")
        now[0] += 60
        second = issue.create_comment("more of them")
        now[0] += 60
        ada = client(forge, "ada").get_repo(NAME)
        ada.get_issue(issue.number).get_comment(first.id).edit("words put in its mouth")
        again = issue.get_comment(first.id)
        assert again.user.login == "countersign[bot]"
        assert (again.updated_at - again.created_at).total_seconds() == 120
        newest = ada.get_issues_comments(sort="updated", direction="desc")
        assert [c.id for c in newest] == [first.id, second.id]
        assert [c.id for c in ada.get_issues_comments()] == [first.id, second.id]
        assert [c.id for c in ada.get_issues_comments(since=again.updated_at)] == [first.id]
        ada.get_issue(issue.number).get_comment(first.id).delete()
        assert [c.id for c in issue.get_comments()] == [second.id]


def test_a_writer_dismisses_a_review_and_a_reader_does_not(
    forge: Forge, checkout: Checkout
) -> None:
    checkout.change("topic", {"x.txt": "x\n"})
    ada = client(forge, "ada").get_repo(NAME)
    pull = ada.create_pull(base="main", head="topic", title="t")
    linus = client(forge, "linus").get_repo(NAME).get_pull(pull.number)
    review = linus.create_review(event="REQUEST_CHANGES", body="no")
    eve = client(forge, "eve").get_repo(NAME).get_pull(pull.number).get_review(review.id)
    with pytest.raises(github.GithubException) as refused:
        eve.dismiss("mine")
    assert refused.value.status == 403
    pull.get_review(review.id).dismiss("talked it over")
    assert pull.get_review(review.id).state == "DISMISSED"
    assert names(forge, pull.number) == ["review_dismissed"]
