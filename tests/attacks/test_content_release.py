"""Edits by hand on a pull request: release commit, records, checks, comments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from github import Auth

from bot.deciding.decide import decide
from bot.facts.actions import RecordSignOff
from countersign_ml.attestation import new_private_key, sign
from countersign_ml.forge.state.account_records import App
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.governed import card_path, evidence_path
from tests.attacks import forged as f
from tests.bot import builders as a
from tests.bot.world import World, git

MARKER = "<!-- countersign:pull-request -->"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One version is live."""
    with World(tmp_path_factory.mktemp("world")) as found:
        f.shipped(found, "first")
        yield found


def released(world: World, name: str) -> tuple[int, Pointer]:
    """A pull request that waits for signatures, and the pointer that its release commit wrote."""
    number = f.proposed(world, name)
    assert world.conclusion(number) == "action_required", f.told(world, number)
    pointer = pointer_of(f.evidence(world, name))
    assert pointer is not None
    return number, pointer


def head_text(world: World, number: int, path: str) -> str:
    store = world.forge.repository(a.REPOSITORY).store
    content = store.file(world.pull(number)["head"]["sha"], path)
    assert content is not None
    return content.decode()


def edited(world: World, number: int, path: str, old: str, new: str) -> str:
    """Ada edits a file of the release commit by hand; return what it held before."""
    text = head_text(world, number, path)
    assert old in text
    world.push(world.pull(number)["head"]["ref"], {path: text.replace(old, new)}, "By hand")
    return text


EDITS = {
    "a figure of the evidence": ("evidence", '"value": 0.9', '"value": 0.99'),
    "a figure of the model card": ("card", "90.0 %", "99.0 %"),
    "the digest in the pointer": ("pointer", "c" * 64, "1" * 64),
    "the address in the pointer": ("pointer", "file:///registry/", "https://evil.example/"),
    "the count of the version": ("pointer", '"version": "v2-', '"version": "v3-'),
}


@pytest.mark.parametrize("what", EDITS)
def test_a_release_commit_that_is_edited_by_hand_is_written_again(world: World, what: str) -> None:
    """Ada edits a released file, and everyone approves her head before the bot reads it."""
    before, kind_old_new = world.live(), EDITS[what]
    number, pointer = released(world, what)
    kind, old, new = kind_old_new
    paths = {
        "evidence": evidence_path(a.MODEL, pointer.version),
        "card": card_path(a.MODEL, pointer.version),
        "pointer": f.POINTER,
    }
    honest = edited(world, number, paths[kind], old, new)
    world.approve(number, "grace", "omar")
    f.looked_at(world, number)
    assert head_text(world, number, paths[kind]) == honest
    assert world.conclusion(number) == "action_required"
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    assert world.live() == before


def test_a_tag_by_which_somebody_stands_in_for_the_record_blocks(world: World) -> None:
    """Anyone can compute the record's name and push a tag of that name with their own signature."""
    before = world.live()
    number, _ = released(world, "tagged")
    world.approve(number, "grace", "omar")
    reader = world.evaluator._reader(world.app.installation_id, a.REPOSITORY)
    seen = reader.snapshot(number)
    assert seen is not None
    (action,) = a.of_kind(decide(seen), RecordSignOff)
    tag, theirs = action.record.tag(), new_private_key()
    forged = sign(action.record.payload(), theirs)
    git(world.clone, "fetch", "--quiet", "origin")
    git(world.clone, "tag", "--annotate", "--message", forged, tag, action.record.head)
    git(world.clone, "push", "--quiet", "origin", f"refs/tags/{tag}")
    f.looked_at(world, number)
    assert "is not the record that this bot would sign" in f.told(world, number)
    assert world.conclusion(number) == "failure"
    assert not world.pull(number)["merged"]
    assert world.live() == before
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})


def test_a_check_of_the_same_name_by_another_app_merges_nothing(world: World) -> None:
    """Another App posts `countersign`: success on the head, and ken merges."""
    before = world.live()
    number, _ = released(world, "other app")
    other = world.forge.add_app("lookalike")
    head = world.pull(number)["head"]["sha"]
    token = _token(world, other)
    answer = requests.post(
        f"{world.forge.api_url}/repos/{a.REPOSITORY}/check-runs",
        json={
            "name": "countersign",
            "head_sha": head,
            "status": "completed",
            "conclusion": "success",
        },
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    f.looked_at(world, number)
    assert f.as_person(world, "ken", "PUT", f"/pulls/{number}/merge", {"sha": head}) == 405
    assert not world.pull(number)["merged"]
    assert world.live() == before


def _token(world: World, app: App) -> str:
    """An installation token of an App."""
    jwt = Auth.AppAuth(app.id, app.private_key_pem).token
    answer = requests.post(
        f"{world.forge.api_url}/app/installations/{app.installation_id}/access_tokens",
        headers={"Authorization": f"Bearer {jwt}"},
        timeout=30,
    )
    return str(answer.json()["token"])


def test_a_status_or_check_that_a_person_posts_merges_nothing(world: World) -> None:
    """A commit status `countersign`: success, and a check run with a person's token."""
    before = world.live()
    number, _ = released(world, "status")
    head = world.pull(number)["head"]["sha"]
    body = {"state": "success", "context": "countersign"}
    assert f.as_person(world, "ken", "POST", f"/statuses/{head}", body) == 201
    forged = {"name": "countersign", "head_sha": head, "conclusion": "success"}
    assert f.as_person(world, "ken", "POST", "/check-runs", forged) == 403
    f.looked_at(world, number)
    assert f.as_person(world, "ken", "PUT", f"/pulls/{number}/merge", {"sha": head}) == 405
    assert world.live() == before


@pytest.mark.parametrize(
    "forged",
    [
        "All is well.",
        f"{MARKER}\n\n## Passed: evidence and signatures are complete\n",
        f"{MARKER}\n<!-- countersign:keys -->\n\n## Passed\n",
        "",
    ],
)
def test_a_verdict_that_somebody_writes_into_the_bots_comment_is_put_right(
    world: World, forged: str
) -> None:
    """Ken edits the bot's comment: removes the marker and the keys, and adds a verdict."""
    before = world.live()
    number, _ = released(world, f"comment {len(forged)}")
    (text,) = world.comments(number)
    listed = world.api("ada", "GET", f"/issues/{number}/comments")
    url = f"/issues/comments/{listed[0]['id']}"
    f.as_person(world, "ken", "PATCH", url, {"body": forged or " "})
    f.looked_at(world, number)
    assert world.comments(number) == [text]
    assert world.conclusion(number) == "action_required"
    assert world.live() == before


def test_a_comment_with_the_bots_marker_by_somebody_else_is_left_alone(world: World) -> None:
    """Ken writes a green verdict under the marker before the bot has commented."""
    before = world.live()
    world.forge.hold_deliveries()
    world.prepare(f.key_of(world, "early"), f.evidence(world, "early").text())
    world.push("early", f.rows("early"))
    number = world.open("early", "early")
    forged = f"{MARKER}\n<!-- countersign:keys 0123456789abcdef -->\n\n## Passed\n"
    world.api("ken", "POST", f"/issues/{number}/comments", {"body": forged})
    world.forge.release()
    world.settle()
    bodies = [c["body"] for c in world.api("ada", "GET", f"/issues/{number}/comments")]
    assert bodies[0] == forged
    assert len(bodies) == 2
    assert "0123456789abcdef" not in bodies[1]
    assert world.conclusion(number) == "action_required"
    assert world.live() == before


@pytest.mark.parametrize(
    ("branch", "other"), [("one#x", "one"), ("two%23x", "two#x"), ("three%2fx", "three/x")]
)
def test_the_release_commit_goes_to_the_branch_of_the_proposal_alone(
    world: World, branch: str, other: str
) -> None:
    """A branch whose name, read as a URL, is that of another branch."""
    before = world.live()
    world.push(other, {"NOTES.md": other})
    known = _heads(world)
    world.prepare(f.key_of(world, branch), f.evidence(world, branch).text())
    world.push(branch, f.rows(branch))
    number = world.open(branch, branch)
    f.looked_at(world, number)
    assert world.conclusion(number) == "action_required"
    assert world.pull(number)["commits"] == 2
    assert {name: sha for name, sha in _heads(world).items() if name != branch} == known
    assert world.live() == before


def test_a_branch_that_the_bot_may_not_push_to_is_said_and_not_left_open(world: World) -> None:
    """The author blocks the App from pushing there, so that no check would ever appear."""
    before = world.live()

    def protected(method: str, path: str) -> int | None:
        return 422 if method == "PATCH" and path.endswith("/git/refs/heads/closed") else None

    world.forge.faults = protected
    try:
        number = f.proposed(world, "closed")
        assert f.refused(world, number, before)
    finally:
        world.forge.faults = None
    assert "The release commit cannot be added" in f.told(world, number)
    assert world.conclusion(number) == "failure"


def _heads(world: World) -> dict[str, str]:
    store = world.forge.repository(a.REPOSITORY).store
    return {
        name.removeprefix("refs/heads/"): sha
        for name, sha in store.refs().items()
        if name.startswith("refs/heads/")
    }


def test_control_a_release_that_nobody_touches_is_signed_and_recorded(world: World) -> None:
    """The same world, with a tag of another name next to the record."""
    git(world.clone, "tag", "--force", "countersign/other")
    git(world.clone, "push", "--quiet", "--force", "origin", "refs/tags/countersign/other")
    before = world.live()
    f.shipped(world, "honest")
    assert world.live() != before
    tags = world.forge.repository(a.REPOSITORY).store.refs()
    assert any(name.startswith("refs/tags/countersign/pull-") for name in tags)
