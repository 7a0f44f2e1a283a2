"""Theme: races, replays and other ways to main, around the moment of the merge."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Literal

import pytest
import requests

from countersign_ml.forge.deeds.ref_moves import moved
from countersign_ml.forge.git.bare_repository import Person
from policy.facts.proposal import run_key
from tests.attacks.conftest import SceneWith
from tests.attacks.scene import POINTER, POLICY, TRAIN, Scene, nothing_got_through
from tests.bot import builders as a
from tests.bot.world import SECRET, inputs_of

POLICY_FILE = "policy/policy.yml"
BY_PERSON = POLICY.replace("merge: bot", "merge: person")
LIVE = {version: a.pointer(version).text() for version in (1, 2)}
UNSIGNED = "role ml-lead** (missing)"


def test_of_two_proposals_signed_at_once_only_one_merges(world: Scene) -> None:
    """Both were measured against the same live version and signed before either merged."""
    prepare_second_alone(world)
    first, second = world.propose(1), world.propose(2)
    world.settle()
    assert {world.conclusion(first), world.conclusion(second)} == {"action_required"}
    world.forge.hold_deliveries()
    world.approve(first, "grace", "omar")
    world.approve(second, "linus", "olga")
    world.forge.release()
    world.settle()
    merged = [number for number in (first, second) if world.pull(number)["merged"]]
    assert len(merged) == 1
    (left,) = {first, second} - set(merged)
    nothing_got_through(world, left, live=world.live(), because="merge main into this branch")


def test_a_head_that_moves_as_the_bot_merges_is_not_merged(world: Scene) -> None:
    """Another commit is pushed after the bot decided, at the moment of its merge request."""
    number = world.released()
    world.forge.faults = once("PUT", "/merge", lambda: push_inside(world, number))
    world.sign(number)
    world.forge.faults = None
    nothing_got_through(world, number, because=UNSIGNED)


def test_a_merge_that_took_place_and_was_answered_502_is_not_done_twice(world: Scene) -> None:
    """The answer to the merge is lost; a second proposal waits that is not signed."""
    number, other = world.released(1), world.propose(2)
    world.settle()
    world.forge.faults = once("PUT", "/merge", lambda: ("after", 502))
    world.sign(number)
    world.forge.faults = None
    nothing_got_through(world, other, live=LIVE[1])
    merges = [w for w in world.forge.writes if w.path.endswith("/merge")]
    assert len(merges) == 1


def test_control_a_merge_that_was_refused_once_is_done_later(world: Scene) -> None:
    """The forge answers 503 and does nothing; the next evaluation merges."""
    number = world.released()
    world.forge.faults = once("PUT", "/merge", lambda: 503)
    world.sign(number)
    world.forge.faults = None
    world.everything_again()
    assert world.live() == LIVE[1]


def test_deliveries_sent_again_in_any_order_do_nothing(world: Scene) -> None:
    """Every delivery of a shipped version comes again, last first, before the next."""
    world.shipped(1)
    number = world.released(2)
    ids = [delivery.id for delivery in reversed(world.forge.deliveries)]
    before = len(world.forge.writes)
    for delivery in ids:
        world.forge.redeliver(delivery)
    world.settle()
    assert [w for w in world.forge.writes[before:] if w.actor == a.BOT] == []
    nothing_got_through(world, number, live=LIVE[1], because=UNSIGNED)


@pytest.mark.parametrize("secret", [SECRET, "another secret", ""])
def test_a_delivery_that_tells_of_approvals_is_not_believed(world: Scene, secret: str) -> None:
    """Someone sends the bot an approval; even with a valid signature it only starts a read."""
    number = world.released()
    payload = {
        "action": "submitted",
        "repository": {"full_name": a.REPOSITORY, "default_branch": "main"},
        "installation": {"id": world.app.installation_id},
        "pull_request": {"number": number, "head": {"sha": world.head(number)}, "merged": True},
        "review": {"state": "approved", "user": {"login": "grace"}},
        "sender": {"login": "grace", "type": "User"},
    }
    body = json.dumps(payload).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    answer = requests.post(
        world.app.webhook_url or "",
        data=body,
        headers={
            "Content-Type": "application/json",
            "X-GitHub-Event": "pull_request_review",
            "X-Hub-Signature-256": f"sha256={signature}" if secret else "",
        },
        timeout=30,
    )
    assert answer.status_code == (202 if secret == SECRET else 401)
    world.settle()
    nothing_got_through(world, number, because=UNSIGNED)


def test_a_draft_is_neither_measured_nor_merged(world: Scene) -> None:
    """Everyone approves a draft."""
    world.push("version-1", dict(inputs_of(1)))
    number = world.open("version-1", draft=True)
    world.settle()
    world.sign(number)
    assert world.runs() == {}
    nothing_got_through(world, number, because="this is a draft")


def test_a_pull_request_that_is_closed_is_not_merged(world: Scene) -> None:
    """Ada closes her proposal, and the approvals come afterwards."""
    number = world.released()
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    world.sign(number)
    nothing_got_through(world, number)


def test_what_is_pushed_while_closed_is_not_signed_when_reopened(world: Scene) -> None:
    """Signed, closed before the bot reads it, other files pushed, reopened."""
    number = world.released()
    world.forge.hold_deliveries()
    world.approve(number, "grace", "omar")
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    world.commit("version-1", {"README.md": "Anything.\n"})
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "open"})
    world.forge.release()
    world.settle()
    nothing_got_through(world, number, because=UNSIGNED)


def test_a_pointer_pushed_to_main_is_noticed_and_taken_back(world: Scene) -> None:
    """Omar, an administrator, pushes a pointer past all rules."""
    world.shipped(1)
    world.push_main({POINTER: LIVE[2], TRAIN: "rows of 2"}, by="omar")
    world.settle()
    (incident,) = (title for title in world.incidents() if "without a pull request" in title)
    assert a.MODEL in incident
    (back,) = world.api("ada", "GET", "/pulls?state=open")
    assert back["user"]["login"] == a.BOT
    nothing_got_through(world, back["number"], live=LIVE[2])
    world.prepare(a.rollback_key(back["number"]), a.recovery().text())
    world.say("grace", back["number"], f"/train {world.head(back['number'])}")
    world.settle()
    world.sign(back["number"])
    assert world.live() == LIVE[1]


def test_a_merge_past_the_check_is_noticed_and_taken_back(world: Scene) -> None:
    """Omar, an administrator, merges an unsigned change with the button, which GitHub allows."""
    number = world.released()
    assert world.try_api("ken", "PUT", f"/pulls/{number}/merge", {}).status_code == 405
    world.api("omar", "PUT", f"/pulls/{number}/merge", {})
    world.settle()
    assert f"Incident: #{number} changed {a.MODEL} against the policy" in world.incidents()
    assert "Merged against the policy" in world.comments(number)[0]
    (back,) = world.api("ada", "GET", "/pulls?state=open")
    world.sign(back["number"])
    world.everything_again()
    assert world.live() is None


def test_the_proposer_of_a_way_back_does_not_sign_it(world: Scene) -> None:
    """Omar presses Revert and relies on his own role; then olga signs, and it rolls back."""
    world.shipped(1)
    second = world.shipped(2)
    back = world.revert(second, "omar")
    world.prepare(a.rollback_key(back), a.recovery().text())
    world.settle()
    approval = {"event": "APPROVE", "commit_id": world.head(back)}
    assert world.try_api("omar", "POST", f"/pulls/{back}/reviews", approval).status_code == 422
    world.sign(back, "grace", "linus")
    nothing_got_through(world, back, live=LIVE[2], because="role operations** (missing)")
    world.sign(back, "olga")
    assert world.live() == LIVE[1]


def test_a_merge_group_that_holds_another_change_of_the_rules_does_not_merge(
    scene_with: SceneWith,
) -> None:
    """In the queue, a proposal follows a policy change that it was not judged under."""
    world = scene_with({POLICY_FILE: BY_PERSON})
    stricter = BY_PERSON.replace("min: 0.5", "min: 0.95")
    world.push("rules", {POLICY_FILE: stricter})
    rules = world.open("rules")
    world.settle()
    world.sign(rules)
    number = world.released()
    world.sign(number)
    assert {world.conclusion(rules), world.conclusion(number)} == {"success"}
    world.forge.require_merge_queue(a.REPOSITORY, "main")
    world.forge.hold_deliveries()
    world.forge.enqueue(a.REPOSITORY, rules, by="omar")
    world.forge.enqueue(a.REPOSITORY, number, by="omar")
    world.forge.release()
    world.settle()
    assert world.pull(rules)["merged"]
    nothing_got_through(world, number, because="at least 95.0 % required")


def test_control_a_merge_group_of_one_signed_proposal_merges(scene_with: SceneWith) -> None:
    """The same queue, with nothing else in it."""
    world = scene_with({POLICY_FILE: BY_PERSON})
    number = world.released()
    world.sign(number)
    world.forge.require_merge_queue(a.REPOSITORY, "main")
    world.forge.enqueue(a.REPOSITORY, number, by="ken")
    world.settle()
    assert world.live() == LIVE[1]


def test_a_freeze_reaches_what_was_green_before_it(scene_with: SceneWith) -> None:
    """People merge here: a green check from before the freeze would still allow it."""
    world = scene_with({POLICY_FILE: BY_PERSON})
    number, other = world.released(1), world.propose(2)
    world.settle()
    world.sign(number)
    assert world.conclusion(number) == "success"
    world.say("olga", other, "/freeze the registry is being moved")
    world.settle()
    assert world.try_api("ken", "PUT", f"/pulls/{number}/merge", {}).status_code == 405
    nothing_got_through(world, number, because="promotions are frozen")


Fault = int | tuple[Literal["after"], int] | None


def once(verb: str, end: str, act: Callable[[], Fault]) -> Callable[[str, str], Fault]:
    """Return a fault that acts on the first request of this kind."""
    done: list[str] = []

    def fault(method: str, path: str) -> Fault:
        if method != verb or not path.endswith(end) or done:
            return None
        done.append(path)
        return act()

    return fault


def push_inside(world: Scene, number: int) -> None:
    """Put another commit on a pull request's branch, while a request is under way."""
    record = world.forge.repository(a.REPOSITORY)
    pull = record.issues[number].pull
    assert pull is not None
    old = pull.head_sha
    ada = Person("Ada", "ada@example.com", 1_790_000_000)
    tree = record.store.commit(old).tree
    made = record.store.write_commit(tree, [old], "Another commit\n", ada, ada)
    ref = f"refs/heads/{pull.head}"
    record.store.move(ref, made, old)
    moved(world.forge.world, record, ref, old, made, world.forge.actor("ada").account)


def prepare_second_alone(world: Scene) -> None:
    """Have evidence ready of the second version where none is live."""
    subjects = tuple(m for m in a.evidence(2).measurements if m.subject != "incumbent")
    found = a.evidence(2, incumbent=None, comparisons=(), measurements=subjects)
    world.prepare(run_key(found.proposal.digest, None), found.text())
