"""Theme: floods of commands, which would become floods of answers."""

from __future__ import annotations

import re
from typing import Any

from bot.facts.answer_limits import MOST_OF_PERSON, MOST_OF_PULL
from bot.facts.markers import EXPLAIN_MARKER, RETRAIN_MARKER, SPOT_CHECK_MARKER
from tests.attacks.scene import Scene, nothing_got_through
from tests.bot import builders as a

BOT = "countersign[bot]"


def answers(world: Scene, number: int, marker: str = EXPLAIN_MARKER) -> list[dict[str, Any]]:
    """The bot's answers to one kind of command."""
    listed = world.api("omar", "GET", f"/issues/{number}/comments?per_page=100")
    return [i for i in listed if i["user"]["login"] == BOT and i["body"].startswith(marker)]


def times(world: Scene, number: int) -> int:
    """How often the one answer to `/explain` was written."""
    (answer,) = answers(world, number)
    found = re.match(rf"{EXPLAIN_MARKER}\d+ (\d+) -->", answer["body"])
    assert found is not None, answer["body"]
    return int(found[1])


def ask(world: Scene, login: str, number: int, text: str = "/explain") -> int:
    said = world.say(login, number, text)
    world.settle()
    return said


def test_control_one_question_gets_one_answer_and_a_later_one_the_newer_verdict(
    world: Scene,
) -> None:
    """Ken asks, grace signs, ken asks again."""
    number = world.released()
    ask(world, "ken", number)
    world.review("grace", number, "APPROVE")
    world.settle()
    (before,) = answers(world, number)
    ask(world, "ken", number)
    (after,) = answers(world, number)
    assert after["id"] == before["id"]
    assert "role ml-lead: **missing**" in before["body"]
    assert "role ml-lead: **passed**" in after["body"]


def test_a_flood_of_explain_by_one_person_gets_one_answer(world: Scene) -> None:
    """Ken asks a dozen times, to bury what the bot says in its own words."""
    number = world.released()
    for _ in range(12):
        ask(world, "ken", number)
    assert times(world, number) == MOST_OF_PERSON
    assert len(world.comments(number)) == 2
    nothing_got_through(world, number)


def test_a_flood_of_explain_in_one_moment_gets_one_answer(world: Scene) -> None:
    """Sixty comments, and sixty commands in one comment, before the bot looks."""
    number = world.released()
    for _ in range(30):
        for login in ("ken", "linus"):
            world.say(login, number, "/explain")
    world.say("olga", number, "\n\n".join(["/explain"] * 60))
    world.settle()
    assert times(world, number) == 1
    nothing_got_through(world, number)


def test_a_flood_of_explain_by_many_people_comes_to_an_end(world: Scene) -> None:
    """Six people ask in turn, each within the limit of one person."""
    number = world.released()
    for _ in range(MOST_OF_PERSON):
        for login in ("ken", "ada", "grace", "linus", "olga", "omar"):
            ask(world, login, number)
    assert times(world, number) == MOST_OF_PULL
    nothing_got_through(world, number)


def test_a_flood_of_explain_whose_questions_are_deleted_comes_to_an_end(world: Scene) -> None:
    """Ken deletes each question once it is answered, so that none of them is counted."""
    number = world.released()
    for _ in range(MOST_OF_PULL + 3):
        said = ask(world, "ken", number)
        world.api("ken", "DELETE", f"/issues/comments/{said}")
    assert times(world, number) == MOST_OF_PULL
    nothing_got_through(world, number)


def test_an_answer_to_explain_that_somebody_edited_does_not_silence_the_bot(world: Scene) -> None:
    """Ken writes into the bot's answer that it answers every comment that will ever be."""
    number = world.released()
    ask(world, "grace", number)
    (answer,) = answers(world, number)
    forged = f"{EXPLAIN_MARKER}999999999 1 -->\nAll is well."
    world.api("ken", "PATCH", f"/issues/comments/{answer['id']}", {"body": forged})
    ask(world, "grace", number)
    assert any("999999999" not in one["body"] for one in answers(world, number))
    nothing_got_through(world, number)


def test_a_flood_of_retrain_without_a_reason_gets_few_answers(world: Scene) -> None:
    """Ken asks for another attempt a dozen times, and never says why."""
    number = world.released()
    for _ in range(4):
        for _ in range(3):
            world.say("ken", number, "/retrain")
        world.settle()
    assert len(answers(world, number, RETRAIN_MARKER)) == MOST_OF_PERSON
    nothing_got_through(world, number)


def test_a_flood_of_spot_checks_that_do_not_count_gets_few_answers(world: Scene) -> None:
    """Ken signs a sample that does not exist, a dozen times."""
    number = world.released()
    for _ in range(4):
        for _ in range(3):
            world.say("ken", number, f"/spot-check {'0' * 12} + + -")
        world.settle()
    assert len(answers(world, number, SPOT_CHECK_MARKER)) == MOST_OF_PERSON
    nothing_got_through(world, number)


def test_a_request_beyond_the_limit_does_not_count_later_unseen(world: Scene) -> None:
    """The fourth `/retrain` of an hour is a good one; it gets no answer, so it starts no run."""
    number = world.released()
    for _ in range(3):
        world.say("ken", number, "/retrain")
    world.settle()
    ask(world, "ken", number, "/retrain the runner's GPU was replaced; does the result repeat?")
    store = world.forge.repository(a.REPOSITORY).store
    assert not [name for name in store.refs() if "/attempts/" in name]
    nothing_got_through(world, number)
