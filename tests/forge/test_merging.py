"""Required checks, reverts, limits of lists, and merges that happen by push."""

from __future__ import annotations

import github
import pytest

from countersign_ml.forge import Forge
from countersign_ml.forge.git import git_history
from countersign_ml.forge.request.answers import ApiError
from countersign_ml.forge.state.account_records import App
from tests.forge.conftest import NAME, Checkout, app_client, client


def test_a_required_check_counts_only_from_the_app_it_is_pinned_to(
    forge: Forge, app: App, checkout: Checkout
) -> None:
    forge.require_checks(NAME, "main", ["countersign"], app.app_id)
    head = checkout.change("topic", {"x.txt": "x\n"})
    ada = client(forge, "ada").get_repo(NAME)
    pull = ada.create_pull(base="main", head="topic", title="t")
    ada.get_commit(head).create_status("success", context="countersign")
    other = app_client(forge, forge.add_app("forger")).get_repo(NAME)
    other.create_check_run("countersign", head, conclusion="success")
    assert ada.get_pull(pull.number).mergeable_state == "blocked"
    with pytest.raises(github.GithubException, match="is expected") as refused:
        pull.merge(sha=head)
    assert refused.value.status == 405

    mine = app_client(forge, app).get_repo(NAME)
    mine.create_check_run(
        "countersign", head, conclusion="failure", output={"title": "no", "summary": "no"}
    )
    with pytest.raises(github.GithubException, match="is failing"):
        pull.merge(sha=head)
    mine.create_check_run("countersign", head, conclusion="success")
    assert pull.merge(sha=head).merged


def test_administrators_bypass_required_checks(forge: Forge, app: App, checkout: Checkout) -> None:
    forge.require_checks(NAME, "main", ["countersign"], app.app_id)
    checkout.change("topic", {"x.txt": "x\n"})
    pull = client(forge, "ada").get_repo(NAME).create_pull(base="main", head="topic", title="t")
    assert client(forge, "root").get_repo(NAME).get_pull(pull.number).merge().merged


def test_revert_opens_a_pull_request_with_the_inverse(forge: Forge, checkout: Checkout) -> None:
    store = forge.repository(NAME).store
    before = store.commit(store.ref("refs/heads/main") or "").tree
    checkout.change("topic", {"rows.txt": None, "models/p.json": "{}\n"})
    ada = client(forge, "ada").get_repo(NAME)
    pull = ada.create_pull(base="main", head="topic", title="Promote triage 1.1.0")
    pull.merge()
    thread = forge.revert(NAME, pull.number, "linus")
    revert = ada.get_pull(thread.number)
    assert revert.title == 'Revert "Promote triage 1.1.0"'
    assert revert.body == f"Reverts {NAME}#{pull.number}"
    assert revert.head.ref == f"revert-{pull.number}-topic"
    assert revert.user.login == "linus"
    assert store.commit(revert.head.sha).tree == before
    revert.merge()
    assert store.commit(store.ref("refs/heads/main") or "").tree == before
    assert forge.revert(NAME, revert.number, "linus").title == 'Reapply "Promote triage 1.1.0"'


def test_a_revert_that_conflicts_is_refused(forge: Forge, checkout: Checkout) -> None:
    ada = client(forge, "ada").get_repo(NAME)
    numbers = []
    for word in ("one", "two"):
        checkout("fetch", "--quiet")
        checkout("checkout", "--quiet", "origin/main")
        checkout.change(word, {"README.md": f"{word}\n"})
        pull = ada.create_pull(base="main", head=word, title=word)
        pull.merge()
        numbers.append(pull.number)
    with pytest.raises(ApiError, match="conflicts"):
        forge.revert(NAME, numbers[0], "ada")


def test_pushing_a_pull_requests_commits_to_its_base_merges_it(
    forge: Forge, checkout: Checkout
) -> None:
    checkout.change("topic", {"x.txt": "x\n"})
    ada = client(forge, "ada").get_repo(NAME)
    pull = ada.create_pull(base="main", head="topic", title="t")
    root = forge.actor("root").token.value
    checkout("push", "--quiet", f"http://root:{root}@{forge.url[7:]}/{NAME}.git", "topic:main")
    merged = ada.get_pull(pull.number)
    assert (merged.merged, merged.merged_by.login) == (True, "root")


def test_mergeable_may_be_unknown_for_some_reads(forge: Forge, checkout: Checkout) -> None:
    forge.world.mergeable_unknown_reads = 2
    checkout.change("topic", {"x.txt": "x\n"})
    ada = client(forge, "ada").get_repo(NAME)
    pull = ada.create_pull(base="main", head="topic", title="t")
    assert pull.mergeable is None
    assert [ada.get_pull(pull.number).mergeable for _ in range(2)] == [None, True]


def test_a_pull_request_keeps_the_base_it_was_opened_on_until_its_head_moves(
    forge: Forge, checkout: Checkout
) -> None:
    ada = client(forge, "ada").get_repo(NAME)
    checkout.change("topic", {"x.txt": "x\n"})
    pull = ada.create_pull(base="main", head="topic", title="t")
    checkout("checkout", "--quiet", "origin/main")
    checkout.change("other", {"y.txt": "y\n"})
    ada.create_pull(base="main", head="other", title="o").merge()
    assert ada.get_pull(pull.number).base.sha == pull.base.sha
    checkout.change("topic", {"z.txt": "z\n"})
    assert ada.get_pull(pull.number).base.sha == ada.get_branch("main").commit.sha


def test_lists_end_where_githubs_end(forge: Forge, checkout: Checkout) -> None:
    checkout.change("many", {f"f/{n}.txt": f"{n}\n" for n in range(3_010)})
    ada = client(forge, "ada").get_repo(NAME)
    pull = ada.create_pull(base="main", head="many", title="t")
    assert pull.changed_files == 3_010
    assert len({file.filename for file in pull.get_files()}) == 3_000

    store = forge.repository(NAME).store
    tip = store.ref("refs/heads/many") or ""
    tree, who = store.commit(tip).tree, store.commit(tip).author
    for n in range(255):
        tip = store.write_commit(tree, [tip], f"{n}\n", who, who)
    ada.get_git_ref("heads/many").edit(tip)
    again = ada.get_pull(pull.number)
    assert again.commits == 256
    assert len(list(again.get_commits())) == 250
    assert git_history.distance(store, again.base.sha, tip) == (256, 0)
