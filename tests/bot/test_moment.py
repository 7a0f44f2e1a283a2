"""A merge is judged by the facts of its moment, and a stop is not lost between two looks."""

from __future__ import annotations

from dataclasses import replace

from bot.deciding import stops
from bot.facts.comment_commands import MOST_CHARACTERS, lines
from bot.facts.late import Freeze
from bot.facts.markers import HOLD_LABEL
from bot.facts.moment import LateThen, as_it_was
from bot.facts.snapshot import Comment, IssueEvent
from policy.people.sign_off import Review
from tests.bot import builders as a
from tests.bot.stateful_deeds import PLAIN
from tests.policy.builders import policy


def at(second: int) -> str:
    return f"2026-03-02T10:00:{second:02}Z"


def said(number: int, body: str, second: int, author: str = "omar") -> Comment:
    return Comment(number, author, by_bot=False, body=body, created=at(second), updated=at(second))


def label(kind: str, second: int) -> IssueEvent:
    return IssueEvent(kind, a.BOT, at(second), label=HOLD_LABEL)


def test_an_objection_that_was_dismissed_after_the_merge_stood_at_its_moment() -> None:
    snapshot = a.snapshot()
    snapshot = replace(
        snapshot,
        pull=replace(snapshot.pull, merged=True, merged_at=at(5)),
        reviews=(Review("omar", "DISMISSED", snapshot.pull.head_sha, 1, id=7, submitted=at(1)),),
        events=(IssueEvent("review_dismissed", "ada", at(6), review=7, was="changes_requested"),),
    )
    assert [review.state for review in as_it_was(snapshot).reviews] == ["CHANGES_REQUESTED"]
    earlier = replace(snapshot.events[0], created=at(4))
    before = as_it_was(replace(snapshot, events=(earlier,)))
    assert [review.state for review in before.reviews] == ["DISMISSED"]


def test_a_freeze_of_then_is_not_forgotten_for_a_newer_one() -> None:
    class Two:
        def freeze(self, until: str = "") -> Freeze | None:
            old = Freeze(1, "old", at(1), is_open=False, closed_by="omar", closed=at(8))
            new = Freeze(2, "new", at(9), is_open=True)
            return new if not until or until >= at(9) else old

        def attempts_changed(self) -> bool:
            return False

    found = LateThen(Two(), at(5)).freeze()
    assert found is not None
    assert (found.number, found.is_open) == (1, True)


def test_a_hold_written_while_the_bot_removes_the_label_holds() -> None:
    """Also in the same second: the last command counts, not when the label went."""
    rules = policy(PLAIN)
    snapshot = replace(
        a.snapshot(),
        roles={"ml-lead": frozenset({"grace"}), "operations": frozenset({"omar"})},
        comments=(said(1, "/hold", 1), said(2, "/unhold", 3), said(3, "/hold", 5)),
        events=(label("labeled", 2), label("unlabeled", 5)),
    )
    for second in (5, 6):
        events = (snapshot.events[0], label("unlabeled", second))
        assert stops.hold(replace(snapshot, events=events), rules).finding is not None
    ended = replace(snapshot, comments=snapshot.comments[:2])
    assert stops.hold(ended, rules).finding is None


def test_a_freeze_written_while_the_bot_closes_one_freezes() -> None:
    rules = policy(PLAIN)
    snapshot = replace(
        a.snapshot(),
        roles={"ml-lead": frozenset({"grace"}), "operations": frozenset({"omar"})},
        comments=(said(1, "/unfreeze", 3), said(2, "/freeze it burns", 4)),
    )
    closed = Freeze(1, "old", at(1), is_open=False, closed_by=a.BOT, closed=at(5))
    assert stops.freeze(snapshot, rules, closed).finding is not None
    only = replace(snapshot, comments=snapshot.comments[:1])
    assert stops.freeze(only, rules, closed).finding is None


def test_a_comment_that_takes_long_to_read_gives_no_command() -> None:
    assert lines("/hold") == ("/hold",)
    assert lines("[" * MOST_CHARACTERS + "\n\n/hold") == ()
