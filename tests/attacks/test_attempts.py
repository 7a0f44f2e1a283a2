"""Theme: `/retrain` without permission, in the wrong place, repeated, and hidden."""

from __future__ import annotations

import time

import pytest

from bot.github.api import Connection
from countersign_ml.attestation import sign
from policy.facts.attempt import AttemptRecord, attempt_tags
from policy.facts.evidence import Evidence
from policy.facts.proposal import run_key
from tests.attacks.conftest import SceneWith
from tests.attacks.scene import POLICY, Scene, nothing_got_through
from tests.bot import builders as a
from tests.bot.world import git
from tests.policy.builders import measurement

WHY = "the runner had a new GPU; does the result repeat?"
ASK = f"/retrain {WHY}"
LUCKY = "attempt 2"


def proposal() -> str:
    return a.evidence(1).proposal.digest


def key(attempt: int) -> str:
    return run_key(proposal(), None, attempt)


def attempt(number: int, **changes: object) -> Evidence:
    """Good evidence of the same proposal, measured again."""
    return a.evidence(1, attempt=number, **changes)


def worse(number: int = 1) -> Evidence:
    return a.evidence(
        1,
        attempt=number,
        measurements=tuple(
            measurement(m.subject, m.model, 0.1 if m.subject == "candidate" else 0.0)
            for m in a.evidence(1).measurements
        ),
    )


def tags(world: Scene) -> list[str]:
    """The tags that record an attempt."""
    store = world.forge.repository(a.REPOSITORY).store
    prefix = f"refs/tags/{attempt_tags(a.MODEL, proposal())}"
    return sorted(name for name in store.refs() if name.startswith(prefix))


def told(world: Scene, number: int) -> str:
    return "\n".join(world.comments(number))


def red(world: Scene) -> int:
    """Return a proposal whose first attempt was measured, and is red."""
    world.prepare(a.forward_key(1), worse().text())
    number = world.propose(1)
    world.settle()
    assert world.conclusion(number) == "failure"
    return number


def again(world: Scene, number: int, shown: Evidence, *, login: str = "ken") -> int:
    """Let someone request the next attempt, which produces this evidence."""
    world.prepare(key(shown.attempt), shown.text())
    said = world.say(login, number, f"/retrain {WHY} ({shown.attempt})")
    world.settle()
    return said


def test_control_a_second_attempt_that_holds_is_listed_signed_and_merged(world: Scene) -> None:
    """Ken requests it, the result repeats, and the first attempt's file ships."""
    number = world.released()
    again(world, number, attempt(2))
    assert world.conclusion(number) == "action_required", told(world, number)
    table = told(world, number)
    assert "Measured in 2 attempts" in table
    assert "does the result repeat? (2)" in table
    world.sign(number)
    assert world.live() == a.pointer(1).text()
    card = world.main(f"model_cards/{a.MODEL}/{a.pointer(1).version}.md") or ""
    assert "## Attempts" in card
    assert "| 2 | ken |" in card


def test_a_lucky_second_attempt_lets_nothing_through(world: Scene) -> None:
    """The first attempt fails, the second would pass, and someone who may write wants that."""
    number = red(world)
    again(world, number, attempt(2))
    assert "Measured in 2 attempts" in told(world, number)
    world.sign(number)
    nothing_got_through(world, number, because="exact_match")


def test_a_red_second_attempt_takes_a_green_one_back(world: Scene) -> None:
    """The first attempt was lucky; its author hopes that nobody notices the second."""
    number = world.released()
    again(world, number, worse(2), login="grace")
    world.sign(number)
    nothing_got_through(world, number, because=LUCKY)


def test_a_merge_does_not_overtake_an_attempt_that_was_asked_for(world: Scene) -> None:
    """Grace requests another attempt; the last signature comes before the bot reads it."""
    number = world.released()
    world.prepare(key(2), worse(2).text())
    world.approve(number, "grace", "omar")
    world.say("grace", number, ASK)
    world.settle()
    nothing_got_through(world, number, because=LUCKY)


def test_deleting_the_request_its_answer_and_its_run_does_not_undo_an_attempt(
    world: Scene,
) -> None:
    """The second attempt failed; every trace of it is deleted, and the bot starts from scratch."""
    number = world.released()
    asked = again(world, number, worse(2))
    listed = world.api("ada", "GET", f"/issues/{number}/comments")
    answers = [i["id"] for i in listed if "countersign:retrain" in i["body"]]
    for comment in (asked, *answers):
        world.api("omar", "DELETE", f"/issues/comments/{comment}")
    for run in world.api("ada", "GET", "/actions/runs?event=workflow_dispatch")["workflow_runs"]:
        if run["display_title"].endswith(key(2)):
            world.api("ada", "DELETE", f"/actions/runs/{run['id']}")
    world.evaluator.connection = Connection(world.settings)  # the bot starts again
    world.prepare(key(2), attempt(2).text())
    world.sign(number)
    nothing_got_through(world, number, because=LUCKY)


def test_another_pull_request_of_the_same_proposal_has_the_same_attempts(world: Scene) -> None:
    """The second attempt failed; the same files are proposed again from a new branch."""
    number = world.released()
    again(world, number, worse(2))
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    head = world.head(number)
    world.api("ada", "POST", "/git/refs", {"ref": "refs/heads/once-more", "sha": head})
    other = world.open("once-more")
    world.settle()
    world.sign(other)
    nothing_got_through(world, other, because=LUCKY)


@pytest.mark.parametrize("login", ["mallory", "ada"])
def test_an_attempt_that_somebody_may_not_ask_for_is_not_started(
    scene_with: SceneWith, login: str
) -> None:
    """An outsider requests one; so does the author, under a policy that allows only leads."""
    rules = POLICY + "attempts: {max: 3, roles: [ml-lead]}\n"
    world = scene_with({"policy/policy.yml": rules})
    number = red(world)
    again(world, number, attempt(2), login=login)
    assert tags(world) == []
    assert ("may ask for another attempt" in told(world, number)) == (login == "ada")
    world.sign(number)
    nothing_got_through(world, number)


def test_an_attempt_that_is_quoted_pasted_or_edited_in_is_not_started(world: Scene) -> None:
    """The command in code, in a quotation, in a list, or edited into someone's comment later."""
    number = red(world)
    for body in (f"```\n{ASK}\n```", f"    {ASK}", f"> {ASK}", f"- {ASK}", f"`{ASK}`"):
        world.say("ken", number, body)
    harmless = world.say("ken", number, "Looks good to me.")
    time.sleep(1.1)  # GitHub's times have whole seconds
    world.api("omar", "PATCH", f"/issues/comments/{harmless}", {"body": ASK})
    world.settle()
    assert tags(world) == []
    nothing_got_through(world, number)


@pytest.mark.parametrize("text", ["/retrain", "/retrain because", f"/retrain {'x' * 501}"])
def test_an_attempt_without_a_reason_is_answered_and_not_started(world: Scene, text: str) -> None:
    """No word, one word, or far too many."""
    number = red(world)
    world.say("ken", number, text)
    world.settle()
    assert tags(world) == []
    assert "Give the reason, in 10 to 500 characters" in told(world, number)
    nothing_got_through(world, number)


def test_attempts_come_to_an_end(world: Scene) -> None:
    """Ken repeats until an attempt passes; the policy allows three."""
    number = red(world)
    for count in (2, 3, 4, 5):
        again(world, number, attempt(count))
    assert len(tags(world)) == 2
    assert sum(runs for title, runs in world.runs().items() if title.startswith("finetune")) == 3
    assert "allows at most 3 measurements of one proposal" in told(world, number)
    world.sign(number)
    nothing_got_through(world, number, because="exact_match")


def test_an_attempt_after_the_merge_starts_nothing(world: Scene) -> None:
    """The version is live; someone wants better figures for its card."""
    number = world.shipped()
    card = world.main(f"model_cards/{a.MODEL}/{a.pointer(1).version}.md")
    again(world, number, attempt(2))
    assert tags(world) == []
    assert world.main(f"model_cards/{a.MODEL}/{a.pointer(1).version}.md") == card
    nothing_got_through(world, live=a.pointer(1).text())


def test_evidence_of_the_first_attempt_does_not_stand_for_the_second(world: Scene) -> None:
    """The second run uploads the first one's good evidence under its own name."""
    number = world.released()
    world.prepare(key(2), attempt(1).text())
    world.say("ken", number, ASK)
    world.settle()
    world.sign(number)
    nothing_got_through(world, number, because=LUCKY)


def test_a_tag_in_the_place_of_an_attempt_is_named_and_nothing_passes(world: Scene) -> None:
    """Ken pushes a tag with the name of the second attempt's record."""
    number = world.released()
    name = f"{attempt_tags(a.MODEL, proposal())}2"
    world.api("ken", "POST", "/git/refs", {"ref": f"refs/tags/{name}", "sha": world.head(number)})
    world.sign(number)
    nothing_got_through(world, number, because=name)


def test_an_attempt_that_the_bot_recorded_elsewhere_starts_nothing_here(world: Scene) -> None:
    """Ken copies the bot's record of an attempt from a repository of his own."""
    number = world.released()
    record = AttemptRecord(
        repository="ken/playground",
        model=a.MODEL,
        proposal=proposal(),
        number=2,
        user="grace",
        reason=WHY,
        comment=7,
        asked="2026-03-01T10:00:00Z",
        at="2026-03-01T10:00:05Z",
    )
    signed = sign(record.payload(), world.settings.signing_key)
    git(world.clone, "tag", "--annotate", "--message", signed, record.tag())
    git(world.clone, "push", "--quiet", "origin", f"refs/tags/{record.tag()}")
    world.evaluator.connection = Connection(world.settings)  # the bot looks with nothing in mind
    world.sign(number)
    assert not any(title.endswith(key(2)) for title in world.runs())
    nothing_got_through(world, number, because=record.tag())


def test_an_attempt_above_the_budget_waits_for_a_new_permission(scene_with: SceneWith) -> None:
    """Grace allowed the first run to cost more; that does not cover the second."""
    rules = POLICY + ("budget: {max_hours: 0.000001, tokens_per_second: 1, roles: [ml-lead]}\n")
    world = scene_with({"policy/policy.yml": rules})
    number = world.propose(1)
    world.settle()
    world.say("grace", number, f"/train {world.head(number)}")
    world.settle()
    assert world.conclusion(number) == "action_required", told(world, number)
    time.sleep(1.1)  # GitHub's times have whole seconds
    again(world, number, attempt(2))
    assert sum(runs for title, runs in world.runs().items() if title.startswith("finetune")) == 1
    world.sign(number)
    nothing_got_through(world, number)
