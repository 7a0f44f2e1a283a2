"""Which of several runs counts, and when one is started."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.deciding.decide import decide
from bot.facts.actions import CommitRelease, DispatchRun
from bot.facts.snapshot import Comment
from policy.facts.evidence import Evidence, Incumbent, StageFacts
from tests.bot import builders as a
from tests.bot.builders import check_of, comment_of, conclusion, of_kind, snapshot

OTHER_PROPOSAL = a.evidence(proposal=a.head_proposal(a.facts_of(3)))
OTHER_LIVE = a.evidence(incumbent=Incumbent(version="v1-33333333", artifact=a.ARTIFACTS[3]))


@pytest.mark.parametrize("other", [OTHER_PROPOSAL, OTHER_LIVE])
def test_evidence_that_is_not_of_its_run_key_is_said_and_does_not_count(other: Evidence) -> None:
    foreign = a.run_of(other, number=100)
    pull = snapshot(released=False, facts_changes={"runs": (foreign,)})
    assert conclusion(pull) == "failure"
    assert "its evidence is about another proposal" in check_of(pull).summary
    assert not of_kind(decide(pull), DispatchRun)
    asked = Comment(1, "ken", False, f"/train {a.HEAD}", "2026-01-03T00:00:00Z")
    assert of_kind(decide(replace(pull, comments=(asked,))), DispatchRun)
    ours = a.run_of(a.evidence(), number=101)
    for runs in ((foreign, ours), (replace(foreign, id=102, artifact=102), ours)):
        pull = snapshot(released=False, facts_changes={"runs": runs})
        assert of_kind(decide(pull), CommitRelease)
        assert "does not count: its evidence is about another proposal" in comment_of(pull)


def test_evidence_that_cannot_be_read_is_red_and_says_so() -> None:
    pull = snapshot(released=False, facts_changes={"runs": (a.run_of(b"{]"),)})
    assert conclusion(pull) == "failure"
    assert "cannot be read" in check_of(pull).summary


BROKEN = StageFacts(stage="train", outcome="errored", seconds=1.0, message="out of memory")


def test_the_first_evidence_counts_and_not_the_best() -> None:
    runs = (a.run_of(a.failing(), number=100), a.run_of(a.evidence(), number=101))
    assert conclusion(snapshot(released=False, facts_changes={"runs": runs})) == "failure"


def test_starting_an_old_run_again_does_not_replace_what_a_later_one_measured() -> None:
    """Its new attempt has an older run's number, but its artifact was written later."""
    broken = a.run_of(a.evidence(stages=(BROKEN,)), number=100)
    failed = a.run_of(a.failing(), number=101)
    again = a.run_of(a.evidence(), number=100, attempt=2, artifact=102)
    pull = snapshot(released=False, facts_changes={"runs": (broken, again, failed)})
    assert conclusion(pull) == "failure"
    assert "does not count: the first evidence of a run key decides" in comment_of(pull)


def test_a_run_under_way_again_takes_nothing_from_what_it_measured_first() -> None:
    first = a.run_of(a.failing(), number=100)
    under_way = replace(first, status="in_progress", conclusion=None, evidence=None, artifact=0)
    pull = snapshot(released=False, facts_changes={"runs": (first, replace(under_way, attempt=2))})
    assert conclusion(pull) == "failure"
    assert "is in progress and will not count" in comment_of(pull)


def test_a_run_under_way_is_awaited_although_a_later_one_broke() -> None:
    slow = a.run_of(None, number=100, status="in_progress", conclusion=None)
    pull = snapshot(
        released=False, facts_changes={"runs": (slow, a.run_of(OTHER_PROPOSAL, number=101))}
    )
    assert conclusion(pull) is None


def test_a_run_whose_stage_broke_says_which_and_is_started_again_on_request() -> None:
    run = a.run_of(a.evidence(stages=(BROKEN,)), conclusion="failure")
    pull = snapshot(released=False, facts_changes={"runs": (run,)})
    assert conclusion(pull) == "failure"
    assert "train broke (out of memory)" in check_of(pull).summary
    assert not of_kind(decide(pull), DispatchRun)
    asked = Comment(1, "ken", False, f"/train {a.HEAD}", "2026-01-03T00:00:00Z")
    assert of_kind(decide(replace(pull, comments=(asked,))), DispatchRun)


def test_a_run_that_broke_does_not_stand_in_the_way_of_a_later_one() -> None:
    broken = a.evidence(stages=(BROKEN,))
    runs = (a.run_of(broken, number=100), a.run_of(a.evidence(), number=101))
    assert of_kind(decide(snapshot(released=False, facts_changes={"runs": runs})), CommitRelease)


def test_a_broken_run_is_started_again_only_when_somebody_who_may_write_asks() -> None:
    run = a.run_of(None, conclusion="failure")
    pull = snapshot(released=False, facts_changes={"runs": (run,)})
    assert conclusion(pull) == "failure"
    assert not of_kind(decide(pull), DispatchRun)
    words = f"/train {a.HEAD}"
    later = "2026-01-03T00:00:00Z"
    asked = Comment(1, "ken", False, words, later)
    assert of_kind(decide(replace(pull, comments=(asked,))), DispatchRun)
    for refused in (
        replace(asked, author="mallory"),
        replace(asked, created="2026-01-01T00:00:00Z"),
        replace(asked, body=f"> {words}"),
        replace(asked, body=f"`{words}`"),
        replace(asked, body=f"    {words}"),
        replace(asked, body=f"- {words}"),
        replace(asked, body=f"/train {a.BASE}"),
        replace(asked, body=f"do not {words}"),
        replace(asked, by_bot=True),
    ):
        assert not of_kind(decide(replace(pull, comments=(refused,))), DispatchRun), refused.body
