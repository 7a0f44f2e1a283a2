"""GitHub's own description judges each response and webhook, through githubkit's models."""

from __future__ import annotations

from typing import Any

import pytest
from githubkit import GitHub
from githubkit.auth import AppAuthStrategy, AppInstallationAuthStrategy
from githubkit.cache import MemCacheStrategy
from githubkit.webhooks import parse

from countersign_ml.forge import Forge
from countersign_ml.forge.state.account_records import App
from tests.forge.conftest import EVENTS, NAME, Checkout, Hook

WORKFLOW = """
name: tiny
on:
  pull_request:
  workflow_dispatch:
    inputs:
      word: {type: string, required: true}
jobs:
  hello:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ inputs.word }}" > word.txt
      - uses: actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02
        with: {name: words, path: word.txt}
"""


@pytest.fixture(params=["2022-11-28", "2026-03-10"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def kit(forge: Forge, auth: Any) -> GitHub[Any]:
    # A cache of its own: githubkit would reuse the token of an earlier test's App of the same id.
    return GitHub(
        auth,
        base_url=forge.api_url,
        auto_retry=False,
        http_cache=False,
        cache_strategy=MemCacheStrategy(),
    )


def token_of(forge: Forge, login: str) -> str:
    account = forge.world.account(login)
    assert account is not None
    return account.token


def test_every_response_has_the_shape_that_github_publishes(
    forge: Forge, app: App, checkout: Checkout, version: str
) -> None:
    owner, repo = NAME.split("/")
    where = {"owner": owner, "repo": repo}
    checkout.change("wf", {".github/workflows/tiny.yml": WORKFLOW})
    kits = [kit(forge, token_of(forge, login)) for login in ("root", "ada", "linus")]
    kits.append(
        kit(
            forge, AppInstallationAuthStrategy(app.app_id, app.private_key_pem, app.installation_id)
        )
    )
    kits.append(kit(forge, AppAuthStrategy(app.app_id, app.private_key_pem)))
    root, ada, linus, bot, own = (each.rest(version) for each in kits)
    parsed: list[Any] = []

    def see(response: Any) -> Any:
        parsed.append(response.parsed_data)
        return response.parsed_data

    see(own.apps.get_authenticated())
    see(own.apps.get_repo_installation(**where))
    see(ada.users.get_authenticated())
    see(ada.users.get_by_username("linus"))
    see(ada.repos.get(**where))
    see(ada.rate_limit.get())
    first = see(ada.pulls.create(**where, title="Workflow", head="wf", base="main"))
    forge.idle(30)
    see(ada.pulls.merge(**where, pull_number=first.number, sha=first.head.sha))
    head = checkout.change(
        "topic",
        {
            "rows.txt": None,
            "moved.txt": "".join(f"row {n}\n" for n in range(40)),
            "new.txt": "new\n",
        },
    )
    pull = see(ada.pulls.create(**where, title="Move rows", head="topic", base="main", body="why"))
    number = pull.number
    see(ada.pulls.list(**where, state="all"))
    see(ada.pulls.get(**where, pull_number=number))
    see(ada.pulls.list_files(**where, pull_number=number))
    see(ada.pulls.list_commits(**where, pull_number=number))
    see(ada.pulls.request_reviewers(**where, pull_number=number, data={"reviewers": ["linus"]}))
    see(ada.pulls.list_requested_reviewers(**where, pull_number=number))
    review = see(linus.pulls.create_review(**where, pull_number=number, event="APPROVE", body="ok"))
    see(linus.pulls.list_reviews(**where, pull_number=number))
    see(linus.pulls.dismiss_review(**where, pull_number=number, review_id=review.id, message="no"))
    comment = see(bot.issues.create_comment(**where, issue_number=number, body="**hi**"))
    see(bot.issues.update_comment(**where, comment_id=comment.id, body="changed"))
    see(bot.issues.list_comments(**where, issue_number=number))
    see(ada.issues.create(**where, title="An issue", labels=["incident"], body="text"))
    see(ada.issues.list_for_repo(**where, state="all"))
    see(ada.issues.get(**where, issue_number=number))
    see(ada.issues.list_labels_for_repo(**where))
    check = see(
        bot.checks.create(
            **where,
            data={
                "name": "countersign",
                "head_sha": head,
                "status": "completed",
                "conclusion": "success",
                "output": {
                    "title": "fine",
                    "summary": "all fine",
                    "annotations": [
                        {
                            "path": "new.txt",
                            "start_line": 1,
                            "end_line": 1,
                            "annotation_level": "notice",
                            "message": "look",
                        }
                    ],
                },
            },
        )
    )
    see(bot.checks.get(**where, check_run_id=check.id))
    see(
        bot.checks.update(
            **where, check_run_id=check.id, data={"output": {"title": "finer", "summary": "yes"}}
        )
    )
    see(bot.checks.list_for_ref(**where, ref=head))
    see(bot.checks.list_annotations(**where, check_run_id=check.id))
    see(ada.repos.create_commit_status(**where, sha=head, state="success", context="ci"))
    see(ada.repos.get_combined_status_for_ref(**where, ref=head))
    see(ada.repos.list_commit_statuses_for_ref(**where, ref=head))
    deployment = see(bot.repos.create_deployment(**where, ref="main", required_contexts=[]))
    see(
        bot.repos.create_deployment_status(
            **where, deployment_id=deployment.id, state="success", log_url="https://example.com"
        )
    )
    see(bot.repos.list_deployments(**where))
    see(bot.repos.list_deployment_statuses(**where, deployment_id=deployment.id))
    see(ada.repos.list_branches(**where))
    see(ada.repos.get_branch(**where, branch="main"))
    see(ada.repos.list_commits(**where, path="README.md"))
    see(ada.repos.get_commit(**where, ref=head))
    see(ada.repos.compare_commits(**where, basehead=f"main...{head}"))
    see(ada.repos.get_content(**where, path="README.md"))
    see(ada.repos.get_content(**where, path=".github"))
    see(ada.repos.get_collaborator_permission_level(**where, username="linus"))
    see(ada.repos.list_collaborators(**where))
    blob = see(bot.git.create_blob(**where, content="hello", encoding="utf-8"))
    see(bot.git.get_blob(**where, file_sha=blob.sha))
    tree = see(
        bot.git.create_tree(
            **where,
            base_tree=head,
            tree=[{"path": "models/x.json", "mode": "100644", "type": "blob", "sha": blob.sha}],
        )
    )
    see(bot.git.get_tree(**where, tree_sha=tree.sha, recursive="1"))
    commit = see(bot.git.create_commit(**where, message="Release", tree=tree.sha, parents=[head]))
    assert commit.verification.verified is True
    see(bot.git.get_commit(**where, commit_sha=commit.sha))
    see(bot.git.update_ref(**where, ref="heads/topic", sha=commit.sha))
    see(bot.git.get_ref(**where, ref="heads/topic"))
    see(bot.git.create_ref(**where, ref="refs/heads/other", sha=commit.sha))
    see(ada.teams.list_members_in_org(org=owner, team_slug="ml-leads"))
    see(ada.teams.get_membership_for_user_in_org(org=owner, team_slug="ml-leads", username="linus"))
    see(ada.teams.get_by_name(org=owner, team_slug="ml-leads"))
    see(ada.actions.list_repo_workflows(**where))
    see(ada.actions.get_workflow(**where, workflow_id="tiny.yml"))
    ada.actions.create_workflow_dispatch(
        **where, workflow_id="tiny.yml", ref="main", inputs={"word": "hello"}
    )
    forge.idle(30)
    runs = see(ada.actions.list_workflow_runs(**where, workflow_id="tiny.yml"))
    run = runs.workflow_runs[0]
    assert (run.event, run.status, run.conclusion) == ("workflow_dispatch", "completed", "success")
    see(ada.actions.list_jobs_for_workflow_run(**where, run_id=run.id))
    see(ada.actions.list_workflow_run_artifacts(**where, run_id=run.id))
    see(ada.actions.list_artifacts_for_repo(**where, name="words"))
    forge.require_checks(NAME, "main", ["countersign"], app.app_id)
    see(root.repos.get_branch_protection(**where, branch="main"))
    see(root.repos.get_branch_rules(**where, branch="main"))
    assert len(parsed) > 60


def test_every_webhook_has_the_shape_that_github_publishes(
    forge: Forge, app: App, checkout: Checkout, hook: Hook
) -> None:
    from tests.forge.conftest import app_client, client

    checkout.change("wf", {".github/workflows/tiny.yml": WORKFLOW})
    ada, linus = (client(forge, login).get_repo(NAME) for login in ("ada", "linus"))
    bot = app_client(forge, app).get_repo(NAME)
    pull = ada.create_pull(base="main", head="wf", title="Workflow", body="b")
    head = checkout.change("wf", {"more.txt": "x\n"})
    pull.edit(title="Better")
    pull.edit(state="closed")
    pull.edit(state="open")
    review = linus.get_pull(pull.number).create_review(event="APPROVE", body="ok")
    review.dismiss("changed my mind")
    pull.create_issue_comment("hello").edit("hello there")
    ada.create_issue(title="i", body="b").edit(state="closed")
    check = bot.create_check_run("countersign", head, status="in_progress")
    check.edit(status="completed", conclusion="failure", output={"title": "t", "summary": "s"})
    ada._requester.requestJsonAndCheck("POST", f"{check.url}/rerequest")
    forge.idle(30)
    pull.merge(sha=head)
    deployment = bot.create_deployment("main", required_contexts=[])
    deployment.create_status("success")
    forge.idle(30)

    for headers, body in hook.received:
        event = parse(headers["x-github-event"], body)
        if headers["x-github-event"] != "ping":
            assert event.installation.id == app.installation_id  # type: ignore[union-attr]
            assert event.repository.full_name == NAME  # type: ignore[union-attr]
    assert hook.signed()
    names = hook.names()
    assert set(EVENTS) <= {name.split(".")[0] for name in names}
    for name in (
        "ping",
        "push",
        "pull_request.opened",
        "pull_request.synchronize",
        "pull_request.edited",
        "pull_request.closed",
        "pull_request.reopened",
        "pull_request_review.submitted",
        "pull_request_review.dismissed",
        "issue_comment.created",
        "issue_comment.edited",
        "issues.opened",
        "issues.closed",
        "check_run.created",
        "check_run.completed",
        "check_run.rerequested",
        "workflow_run.requested",
        "workflow_run.in_progress",
        "workflow_run.completed",
        "deployment.created",
        "deployment_status.created",
    ):
        assert name in names, name
