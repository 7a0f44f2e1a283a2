"""Who may do what: roles, branches, Apps and their tokens."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import github
import jwt
import pytest
import requests
from github.Repository import Repository

from countersign_ml.forge import Forge
from countersign_ml.forge.state.account_records import App
from tests.forge.conftest import NAME, Checkout, app_client, client


@pytest.mark.parametrize(
    "act",
    [
        lambda repo, number: repo.get_pull(number).merge(),
        lambda repo, number: repo.create_git_ref("refs/heads/x", repo.get_pull(number).head.sha),
        lambda repo, number: repo.get_pull(number).edit(title="mine now"),
        lambda repo, number: repo.get_pull(number).get_issue_comments()[0].edit("forged"),
        lambda repo, number: repo.get_commit("main").create_status(
            "success", context="countersign"
        ),
        lambda repo, number: repo.create_deployment("main"),
        lambda repo, number: repo.create_check_run("countersign", repo.get_pull(number).head.sha),
    ],
)
def test_without_write_access_nothing_changes(
    forge: Forge, checkout: Checkout, act: Callable[[Repository, int], Any]
) -> None:
    checkout.change("topic", {"x.txt": "x\n"})
    pull = client(forge, "ada").get_repo(NAME).create_pull(base="main", head="topic", title="t")
    pull.create_issue_comment("Ada's words")
    before = len(forge.writes)
    with pytest.raises(github.GithubException) as refused:
        act(client(forge, "eve").get_repo(NAME), pull.number)
    assert refused.value.status in (403, 404)
    assert len(forge.writes) == before


def test_anyone_may_comment_and_review_but_a_writer_may_edit_others_words(
    forge: Forge, checkout: Checkout
) -> None:
    checkout.change("topic", {"x.txt": "x\n"})
    pull = client(forge, "ada").get_repo(NAME).create_pull(base="main", head="topic", title="t")
    eve = client(forge, "eve").get_repo(NAME).get_pull(pull.number)
    assert eve.create_review(event="APPROVE", body="me too").state == "APPROVED"
    said = eve.create_issue_comment("Eve's words")
    edited = client(forge, "linus").get_repo(NAME).get_issue(pull.number).get_comment(said.id)
    edited.edit("Linus' words")
    again = pull.get_issue_comment(said.id)
    assert (again.user.login, again.body) == ("eve", "Linus' words")


def test_a_private_repository_does_not_exist_for_strangers(forge: Forge, tmp_path: Path) -> None:
    forge.add_repository("acme/secret", private=True, collaborators={"ada": "write"})
    assert client(forge, "ada").get_repo("acme/secret").private
    with pytest.raises(github.UnknownObjectException):
        client(forge, "eve").get_repo("acme/secret")
    assert requests.get(f"{forge.api_url}/repos/acme/secret", timeout=5).status_code == 404
    eve = forge.actor("eve").token.value
    with pytest.raises(AssertionError, match="not found"):
        Checkout(tmp_path / "stolen", f"{forge.url}/acme/secret.git", "eve", eve)


def test_pushes_need_write_access_and_the_default_branch_an_administrator(
    forge: Forge, checkout: Checkout, tmp_path: Path
) -> None:
    checkout.change("topic", {"x.txt": "x\n"})
    said = checkout("push", "origin", "topic:main", check=False)
    assert "GH006: Protected branch update failed" in said
    said = checkout("push", "origin", "topic:refs/pull/9/head", check=False)
    assert "deny updating a hidden ref" in said
    eve = Checkout(
        tmp_path / "eve", f"{forge.url}/{NAME}.git", "eve", forge.actor("eve").token.value
    )
    assert "403" in eve("push", "origin", "HEAD:refs/heads/hers", check=False)
    with pytest.raises(github.GithubException) as refused:
        client(forge, "ada").get_repo(NAME).get_git_ref("heads/main").edit(
            checkout("rev-parse", "HEAD")
        )
    assert refused.value.status == 422
    root = forge.actor("root").token.value
    place = f"http://root:{root}@{forge.url[7:]}/{NAME}.git"
    checkout("push", "--quiet", place, "topic:main")
    assert forge.repository(NAME).store.ref("refs/heads/main") == checkout("rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"exp": lambda now: now + 1200}, 401),
        ({"exp": lambda now: now - 10}, 401),
        ({"iat": lambda now: now + 600}, 401),
        ({"iss": lambda now: 424242}, 401),
    ],
)
def test_an_app_is_known_by_a_short_lived_jwt(
    forge: Forge, app: App, changes: dict[str, Callable[[int], int]], status: int
) -> None:
    now = int(time.time())
    claims: dict[str, Any] = {"iat": now - 60, "exp": now + 540, "iss": app.app_id}
    claims |= {name: value(now) for name, value in changes.items()}
    claims["iss"] = str(claims["iss"])
    token = jwt.encode(claims, app.private_key_pem, algorithm="RS256")
    answer = requests.get(
        f"{forge.api_url}/app", timeout=5, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == status


def test_a_jwt_of_another_key_is_no_app(forge: Forge, app: App) -> None:
    other = forge.add_app("other")
    token = jwt.encode(
        {"iat": int(time.time()), "exp": int(time.time()) + 60, "iss": str(app.app_id)},
        other.private_key_pem,
        algorithm="RS256",
    )
    answer = requests.get(
        f"{forge.api_url}/app", timeout=5, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 401


def test_an_installation_token_ends_after_an_hour(tmp_path: Path, seed: Path) -> None:
    now = [time.time()]
    with Forge(tmp_path / "clocked", clock=lambda: now[0]) as forge:
        forge.add_user("root")
        forge.add_repository(NAME, collaborators={"root": "admin"}, private=True)
        forge.seed(NAME, seed, "root")
        bot = app_client(forge, forge.add_app("countersign"))
        repo = bot.get_repo(NAME)
        token = next(t for t in forge.world.tokens.values() if t.app is not None)
        headers = {"Authorization": f"token {token.value}"}
        assert requests.get(repo.url, headers=headers, timeout=5).status_code == 200
        now[0] += 3601
        assert requests.get(repo.url, headers=headers, timeout=5).status_code == 401


def test_an_app_has_no_more_than_its_permissions(forge: Forge, checkout: Checkout) -> None:
    head = checkout.change("topic", {"x.txt": "x\n"})
    reader = forge.add_app("reader", permissions={"metadata": "read", "contents": "read"})
    repo = app_client(forge, reader).get_repo(NAME)
    assert repo.get_commit(head).sha == head
    for act in (
        lambda: repo.create_check_run("countersign", head),
        lambda: repo.create_git_ref("refs/heads/x", head),
        lambda: repo.create_issue("x"),
    ):
        with pytest.raises(github.GithubException) as refused:
            act()
        assert refused.value.status == 403


def test_one_app_cannot_change_anothers_check(forge: Forge, app: App, checkout: Checkout) -> None:
    head = checkout.change("topic", {"x.txt": "x\n"})
    mine = app_client(forge, app).get_repo(NAME).create_check_run("countersign", head)
    theirs = app_client(forge, forge.add_app("other")).get_repo(NAME).get_check_run(mine.id)
    with pytest.raises(github.GithubException) as refused:
        theirs.edit(status="completed", conclusion="success")
    assert refused.value.status == 403
