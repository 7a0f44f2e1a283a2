"""Refs, annotated tags, comparisons, and who has access."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import github
import pytest
import requests

from countersign_ml.forge import Forge
from countersign_ml.forge.state.account_records import App
from tests.forge.conftest import NAME, Checkout, Hook, app_client, client


def get(forge: Forge, path: str, login: str = "ada", **query: Any) -> requests.Response:
    return requests.get(
        f"{forge.api_url}/repos/{NAME}{path}",
        params=query,
        headers={"Authorization": f"Bearer {forge.actor(login).token.value}"},
        timeout=20,
    )


def test_an_annotated_tag_made_by_an_app_comes_with_a_clone(
    forge: Forge, app: App, hook: Hook, tmp_path: Path
) -> None:
    forge.add_app("watcher", webhook_url=hook.url, events=["create", "delete", "push"])
    forge.idle(10)
    hook.received.clear()
    repo = app_client(forge, app).get_repo(NAME)
    main = repo.get_branch("main").commit.sha
    tag = repo.create_git_tag("triage/1.0.0", "Triage 1.0.0\n\nEvidence abc", main, "commit")
    assert (tag.tag, tag.object.sha, tag.tagger.name) == ("triage/1.0.0", main, "countersign[bot]")
    repo.create_git_ref("refs/tags/triage/1.0.0", tag.sha)
    with pytest.raises(github.GithubException, match="Reference already exists") as twice:
        repo.create_git_ref("refs/tags/triage/1.0.0", main)
    assert twice.value.status == 422
    token = forge.actor("ada").token.value
    clone = Checkout(tmp_path / "clone", f"{forge.url}/{NAME}.git", "ada", token)
    assert clone("tag", "--list") == "triage/1.0.0"
    assert clone("cat-file", "-t", "triage/1.0.0") == "tag"
    assert clone("rev-parse", "triage/1.0.0^{commit}") == main
    assert "Evidence abc" in clone("for-each-ref", "--format=%(contents)", "refs/tags")
    again = repo.get_git_tag(tag.sha)
    assert again.message == "Triage 1.0.0\n\nEvidence abc"
    ref = repo.get_git_ref("tags/triage/1.0.0")
    assert (ref.object.type, ref.object.sha) == ("tag", tag.sha)
    repo.create_git_ref("refs/heads/one", main)
    forge.idle(10)
    assert hook.names().count("create") == 2
    ref.delete()
    with pytest.raises(github.UnknownObjectException):
        repo.get_git_ref("tags/triage/1.0.0")
    forge.idle(10)
    deleted = [d.json() for d in forge.deliveries if d.event == "delete"]
    assert [(d["ref_type"], d["ref"]) for d in deleted] == [("tag", "triage/1.0.0")]


def test_tags_and_refs_need_write_access_and_real_objects(forge: Forge, app: App) -> None:
    main = client(forge, "ada").get_repo(NAME).get_branch("main").commit
    reader = forge.add_app("reader", permissions={"metadata": "read", "contents": "read"})
    for repo in (client(forge, "eve").get_repo(NAME), app_client(forge, reader).get_repo(NAME)):
        for act in (
            lambda r: r.create_git_tag("x", "m", main.sha, "commit"),
            lambda r: r.create_git_ref("refs/tags/x", main.sha),
            lambda r: r.get_git_ref("heads/main").delete(),
        ):
            with pytest.raises(github.GithubException) as refused:
                act(repo)
            assert refused.value.status == 403
    ada = client(forge, "ada").get_repo(NAME)
    for act in (
        lambda: ada.create_git_tag("x", "m", "0" * 40, "commit"),
        lambda: ada.create_git_tag("x", "m", main.sha, "tree"),
        lambda: ada.create_git_tag("x y", "m", main.sha, "commit"),
        lambda: ada.create_git_ref("refs/heads/x", main.commit.tree.sha),
        lambda: ada.create_git_ref("refs/pull/1/head", main.sha),
        lambda: ada.create_git_ref("refs/heads/main/below", main.sha),
    ):
        with pytest.raises(github.GithubException) as wrong:
            act()
        assert wrong.value.status == 422


def test_matching_refs_are_those_that_begin_alike(forge: Forge) -> None:
    ada = client(forge, "ada").get_repo(NAME)
    main = ada.get_branch("main").commit.sha
    for name in ("a/one", "a/two", "ab"):
        ada.create_git_ref(f"refs/tags/{name}", main)
    assert [r.ref for r in ada.get_git_matching_refs("tags/a/")] == [
        "refs/tags/a/one",
        "refs/tags/a/two",
    ]
    assert get(forge, "/git/matching-refs/tags/none").json() == []
    assert get(forge, "/git/ref/tags/a").status_code == 404
    assert get(forge, "/git/ref/heads/main~0").status_code == 404


def test_a_comparison_counts_pages_and_names_both_ends(forge: Forge, checkout: Checkout) -> None:
    first = checkout.change("topic", {"x.txt": "x\n"}, "one")
    text = "".join(f"row {n}\n" for n in range(40))
    checkout.change("topic", {"rows.txt": None, "moved.txt": text}, "two")
    head = checkout.change("topic", {"y.txt": "y\n"}, "three")
    ada = client(forge, "ada").get_repo(NAME)
    start = ada.get_branch("main").commit.sha
    checkout("checkout", "--quiet", "origin/main")
    checkout.change("other", {"z.txt": "z\n"})
    ada.create_pull(base="main", head="other", title="o").merge()
    tip = ada.get_branch("main").commit.sha
    found = get(forge, "/compare/main...topic").json()
    assert (found["status"], found["ahead_by"], found["behind_by"], found["total_commits"]) == (
        "diverged",
        3,
        2,
        3,
    )
    assert found["base_commit"]["sha"] == tip
    assert found["merge_base_commit"]["sha"] == start
    assert [c["commit"]["message"] for c in found["commits"]] == ["one", "two", "three"]
    assert found["commits"][0]["author"]["login"] == "ada"
    assert "verification" in found["commits"][0]["commit"]
    pull = ada.create_pull(base="main", head="topic", title="t")
    assert found["commits"] == get(forge, f"/pulls/{pull.number}/commits").json()
    renamed = next(f for f in found["files"] if f["status"] == "renamed")
    assert (renamed["previous_filename"], renamed["filename"]) == ("rows.txt", "moved.txt")
    by_sha = get(forge, f"/compare/{tip}...{head}").json()
    assert [c["sha"] for c in by_sha["commits"]] == [c["sha"] for c in found["commits"]]
    second = get(forge, "/compare/main...topic", per_page=2, page=2)
    assert [c["sha"] for c in second.json()["commits"]] == [head]
    assert (second.json()["files"], second.json()["total_commits"]) == ([], 3)
    one = get(forge, "/compare/main...topic", per_page=2)
    assert one.json()["commits"][0]["sha"] == first
    assert len(one.json()["files"]) == 3
    assert "page=2" in one.links["next"]["url"]
    assert get(forge, f"/compare/{head}...{head}").json()["status"] == "identical"
    assert get(forge, f"/compare/{head}...{first}").json()["status"] == "behind"
    assert get(forge, "/compare/main...nowhere").status_code == 404


def test_a_long_comparison_ends_at_250_commits_and_300_files(
    forge: Forge, checkout: Checkout
) -> None:
    checkout.change("long", {f"f/{n}.txt": f"{n}\n" for n in range(310)})
    store = forge.repository(NAME).store
    tip = store.ref("refs/heads/long") or ""
    tree, who = store.commit(tip).tree, store.commit(tip).author
    for n in range(255):
        tip = store.write_commit(tree, [tip], f"{n}\n", who, who)
    store.move("refs/heads/long", tip)
    first = get(forge, "/compare/main...long")
    assert (len(first.json()["commits"]), len(first.json()["files"])) == (250, 300)
    assert first.json()["total_commits"] == 256
    rest = requests.get(
        first.links["next"]["url"],
        headers={"Authorization": f"Bearer {forge.actor('ada').token.value}"},
        timeout=20,
    ).json()
    assert (len(rest["commits"]), rest["files"]) == (6, [])
    assert rest["commits"][-1]["sha"] == tip


def test_a_commit_knows_its_pull_requests_and_an_app_opens_them(
    forge: Forge, app: App, checkout: Checkout
) -> None:
    head = checkout.change("topic", {"x.txt": "x\n"})
    bot = app_client(forge, app).get_repo(NAME)
    pull = bot.create_pull(base="main", head="topic", title="By the App", body="why")
    assert pull.user.login == "countersign[bot]"
    assert [p.number for p in bot.get_commit(head).get_pulls()] == [pull.number]
    merged = client(forge, "ada").get_repo(NAME).get_pull(pull.number).merge()
    assert [p.number for p in bot.get_commit(merged.sha).get_pulls()] == [pull.number]
    assert list(bot.get_commit(pull.base.sha).get_pulls()) == []
    weak = forge.add_app("weak", permissions={"metadata": "read", "pull_requests": "read"})
    with pytest.raises(github.GithubException) as refused:
        app_client(forge, weak).get_repo(NAME).create_pull(base="main", head="topic", title="x")
    assert refused.value.status == 403


def test_collaborators_are_listed_with_their_strongest_role(forge: Forge, app: App) -> None:
    forge.add_user("tara")
    forge.add_team("acme", "risk", ["tara", "ada"])
    forge.repository(NAME).teams["risk"] = "maintain"
    found = {
        user.login: (user.role_name, user.permissions.maintain, user.permissions.admin)
        for user in app_client(forge, app).get_repo(NAME).get_collaborators()
    }
    assert found == {
        "ada": ("maintain", True, False),
        "linus": ("maintain", True, False),
        "root": ("admin", True, True),
        "tara": ("maintain", True, False),
    }
    assert [u["login"] for u in get(forge, "/collaborators", per_page=3, page=2).json()] == ["tara"]
    assert get(forge, "/collaborators", "eve").status_code == 403
