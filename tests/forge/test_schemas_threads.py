"""GitHub's own description judges events, refs, comparisons, forks, reruns and the merge queue."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from githubkit.auth import AppInstallationAuthStrategy
from githubkit.webhooks import parse

from countersign_ml.forge import Forge
from countersign_ml.forge.state.account_records import App
from tests.forge.conftest import NAME, SECRET, Checkout, Hook, app_client, client
from tests.forge.test_schemas import WORKFLOW, kit, token_of

OWNER, REPO = NAME.split("/")
WHERE = {"owner": OWNER, "repo": REPO}
OF_ITS_OWN = {
    "labeled": "LabeledIssueEvent",
    "unlabeled": "UnlabeledIssueEvent",
    "renamed": "RenamedIssueEvent",
    "review_dismissed": "ReviewDismissedIssueEvent",
}


@pytest.fixture(params=["2022-11-28", "2026-03-10"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_threads_and_their_events(forge: Forge, app: App, checkout: Checkout, version: str) -> None:
    checkout.change("other", {"other.txt": "x\n"})
    checkout("checkout", "--quiet", "origin/main")
    checkout.change("topic", {"x.txt": "x\n"})
    kits = [kit(forge, token_of(forge, login)) for login in ("ada", "linus")]
    kits.append(
        kit(
            forge, AppInstallationAuthStrategy(app.app_id, app.private_key_pem, app.installation_id)
        )
    )
    ada, linus, bot = (each.rest(version) for each in kits)
    opened = bot.pulls.create(**WHERE, title="t", head="topic", base="main").parsed_data
    number = opened.number
    label = {"issue_number": number, "labels": ["hold", "emergency"]}
    assert len(bot.issues.add_labels(**WHERE, **label).parsed_data) == 2
    bot.issues.remove_label(**WHERE, issue_number=number, name="hold")
    assert ada.issues.list_labels_on_issue(**WHERE, issue_number=number).parsed_data
    ada.pulls.update(**WHERE, pull_number=number, base="other", title="better")
    ada.pulls.update(**WHERE, pull_number=number, base="main")
    review = linus.pulls.create_review(**WHERE, pull_number=number, event="APPROVE").parsed_data
    linus.pulls.dismiss_review(**WHERE, pull_number=number, review_id=review.id, message="no")
    ada.pulls.update(**WHERE, pull_number=number, state="closed")
    ada.pulls.update(**WHERE, pull_number=number, state="open")
    checkout("commit", "--quiet", "--amend", "-m", "Again")
    checkout("push", "--quiet", "--force", "origin", "topic")
    head = checkout("rev-parse", "HEAD")
    ada.issues.create_comment(**WHERE, issue_number=number, body="hello")
    assert ada.issues.list_comments_for_repo(**WHERE, sort="updated").parsed_data
    ada.pulls.merge(**WHERE, pull_number=number, sha=head)
    # GitHub's list for this route leaves out the events of a plain state change, such as `closed`.
    models = importlib.import_module(f"githubkit_schemas.v{version.replace('-', '_')}.models")
    kinds = set()
    for each in ada.issues.list_events(**WHERE, issue_number=number).json():
        models.IssueEvent.model_validate(each)
        kind = OF_ITS_OWN.get(each["event"], "StateChangeIssueEvent")
        getattr(models, kind).model_validate(each)
        kinds.add(each["event"])
    plain = {"base_ref_changed", "head_ref_force_pushed", "merged", "closed", "reopened"}
    assert kinds == {*OF_ITS_OWN, *plain}
    issue = ada.issues.create(**WHERE, title="i", labels=["incident"]).parsed_data
    closed = ada.issues.update(**WHERE, issue_number=issue.number, state="closed").parsed_data
    assert closed.closed_by.login == "ada"
    assert ada.issues.list_for_repo(
        **WHERE, labels="incident", state="closed", creator="ada"
    ).parsed_data
    assert ada.repos.list_pull_requests_associated_with_commit(**WHERE, commit_sha=head).parsed_data


def test_refs_comparisons_collaborators_and_forks(
    forge: Forge, app: App, checkout: Checkout, version: str
) -> None:
    kits = [kit(forge, token_of(forge, login)) for login in ("ada", "eve")]
    ada, eve = (each.rest(version) for each in kits)
    main = ada.repos.get_branch(**WHERE, branch="main").parsed_data.commit.sha
    tag = ada.git.create_tag(
        **WHERE, tag="v1", message="One", object_=main, type="commit"
    ).parsed_data
    assert ada.git.get_tag(**WHERE, tag_sha=tag.sha).parsed_data.object_.sha == main
    assert ada.git.create_ref(**WHERE, ref="refs/tags/v1", sha=tag.sha).parsed_data
    assert ada.git.list_matching_refs(**WHERE, ref="tags/v").parsed_data[0].object_.type == "tag"
    ada.git.delete_ref(**WHERE, ref="tags/v1")
    checkout.change("topic", {"x.txt": "x\n"})
    compared = ada.repos.compare_commits(**WHERE, basehead="main...topic", per_page=1).parsed_data
    assert (compared.status, len(compared.commits)) == ("ahead", 1)
    assert ada.repos.list_collaborators(**WHERE).parsed_data[0].role_name == "write"
    forked = eve.repos.create_fork(**WHERE).parsed_data
    assert (forked.full_name, forked.fork) == ("eve/support", True)
    assert eve.repos.get(owner="eve", repo=REPO).parsed_data.parent.full_name == NAME
    assert ada.repos.list_forks(**WHERE).parsed_data[0].full_name == "eve/support"
    eve.git.create_ref(owner="eve", repo=REPO, ref="refs/heads/hers", sha=main)
    change = eve.repos.create_or_update_file_contents(
        owner="eve", repo=REPO, path="y.txt", message="y", content="eQ==", branch="hers"
    ).parsed_data
    pull = eve.pulls.create(**WHERE, title="t", head="eve:hers", base="main").parsed_data
    assert pull.head.sha == change.commit.sha
    eve.repos.delete(owner="eve", repo=REPO)
    assert ada.pulls.get(**WHERE, pull_number=pull.number).parsed_data.head.repo is None
    assert ada.pulls.list(**WHERE).parsed_data[0].head.label == "eve:hers"
    forge.require_merge_queue(NAME, "main")
    rules = ada.repos.get_branch_rules(**WHERE, branch="main").parsed_data
    assert "merge_queue" in [rule.type for rule in rules]


def test_reruns(forge: Forge, checkout: Checkout, version: str) -> None:
    client_of_ada = kit(forge, token_of(forge, "ada"))
    ada = client_of_ada.rest(version)
    checkout.change("wf", {".github/workflows/tiny.yml": WORKFLOW})
    ada.pulls.create(**WHERE, title="t", head="wf", base="main")
    forge.idle(30)
    (run,) = ada.actions.list_workflow_runs_for_repo(**WHERE).parsed_data.workflow_runs
    ada.actions.re_run_workflow(**WHERE, run_id=run.id)
    forge.idle(30)
    assert ada.actions.get_workflow_run(**WHERE, run_id=run.id).parsed_data.run_attempt == 2
    past: dict[str, Any] = {**WHERE, "run_id": run.id, "attempt_number": 1}
    assert ada.actions.get_workflow_run_attempt(**past).parsed_data.run_attempt == 1
    assert ada.actions.list_jobs_for_workflow_run_attempt(**past).parsed_data.total_count == 1
    found = ada.actions.list_workflow_run_artifacts(**WHERE, run_id=run.id).parsed_data
    assert found.total_count == 2
    ada.actions.delete_artifact(**WHERE, artifact_id=found.artifacts[0].id)
    ada.actions.delete_workflow_run(**WHERE, run_id=run.id)


def test_webhooks(forge: Forge, app: App, checkout: Checkout, hook: Hook, key: str) -> None:
    forge.add_app(
        "watcher",
        webhook_url=hook.url,
        webhook_secret=SECRET,
        private_key_pem=key,
        events=["create", "delete", "status", "merge_group", "pull_request", "issues", "push"],
    )
    forge.require_merge_queue(NAME, "main")
    forge.require_checks(NAME, "main", ["countersign"])
    ada = client(forge, "ada").get_repo(NAME)
    issue = ada.create_issue("i", labels=["drift"])
    issue.remove_from_labels("drift")
    issue.edit(state="closed")
    issue.edit(state="open")
    head = checkout.change("topic", {"x.txt": "x\n"})
    pull = ada.create_pull(base="main", head="topic", title="t")
    pull.add_to_labels("emergency")
    pull.remove_from_labels("emergency")
    ada.create_git_ref("refs/heads/other", ada.get_branch("main").commit.sha)
    pull.edit(base="other")
    pull.edit(base="main")
    bot = app_client(forge, app).get_repo(NAME)
    bot.create_check_run("countersign", head, status="completed", conclusion="success")
    ada.get_commit(head).create_status("success", context="countersign")
    for state in ("failure", "success"):
        forge.enqueue(NAME, pull.number, by="ada")
        sent = [d for d in forge.deliveries if d.action == "checks_requested"][-1].json()
        group = sent["merge_group"]["head_sha"]
        ada.get_commit(group).create_status(state, context="countersign")
    eve = client(forge, "eve")
    forge.fork(NAME, by="eve")
    mine = eve.get_repo("eve/support")
    mine.create_git_ref("refs/heads/hers", mine.get_branch("main").commit.sha)
    mine.create_file("y.txt", "y", "y", branch="hers")
    eve.get_repo(NAME).create_pull(base="main", head="eve:hers", title="hers")
    forge.delete_repository("eve/support")
    client(forge, "root").get_repo(NAME).get_pull(3).edit(state="closed")
    forge.idle(20)
    for headers, body in hook.received:
        parse(headers["x-github-event"], body)
    assert hook.signed()
    for name in (
        "create",
        "delete",
        "status",
        "issues.labeled",
        "issues.unlabeled",
        "issues.closed",
        "issues.reopened",
        "pull_request.labeled",
        "pull_request.unlabeled",
        "pull_request.edited",
        "pull_request.enqueued",
        "pull_request.dequeued",
        "pull_request.closed",
        "merge_group.checks_requested",
        "merge_group.destroyed",
    ):
        assert name in hook.names(), name
    assert ada.get_pull(pull.number).merged
