"""What a rollback comes to, and what is said after a merge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.deciding.decide import decide
from bot.facts.actions import (
    CommitRelease,
    DispatchRun,
    Merge,
    OpenIncident,
    PostCheck,
    UpsertComment,
)
from bot.facts.snapshot import PostedCheck, Snapshot
from policy.facts.evidence import Evidence, Incumbent
from policy.verdict import Outcome
from tests.bot import builders as a
from tests.bot.builders import (
    approval,
    check_of,
    comment_of,
    conclusion,
    of_kind,
    rollback,
    signed,
    snapshot,
)


def test_a_revert_of_a_merge_takes_the_fast_lane_and_opens_an_incident() -> None:
    decision = decide(rollback())
    (run,) = of_kind(decision, DispatchRun)
    assert run.workflow == "rollback.yml"
    assert run.inputs == {"model": a.MODEL, "sha": a.HEAD, "key": a.rollback_key()}
    (incident,) = of_kind(decision, OpenIncident)
    assert incident.version == a.pointer(2).version
    assert "Root cause" in incident.body


def test_the_same_way_back_in_a_later_pull_request_is_verified_again() -> None:
    later = rollback(shown=a.recovery(), pull_changes={"number": 30})
    (run,) = of_kind(decide(later), DispatchRun)
    assert run.inputs["key"] == a.rollback_key(30) != a.rollback_key(8)
    assert conclusion(later) is None


@pytest.mark.parametrize(
    "foreign",
    [
        a.recovery(incumbent=None),
        a.recovery(incumbent=Incumbent(version="v3-33333333", artifact=a.ARTIFACTS[3])),
        a.recovery(proposal=a.head_proposal(a.facts_of(2))),
        a.recovery(measurements=(a.measured.measurement("candidate", a.ARTIFACTS[3], 0.9),)),
    ],
)
def test_a_recovery_of_something_else_under_this_key_does_not_count(foreign: Evidence) -> None:
    pull = rollback(reviews=signed(), shown=foreign)
    assert conclusion(pull) == "failure"
    assert "its evidence is about another" in check_of(pull).summary
    facts = pull.models[0]
    ours = a.run_of(a.recovery(), workflow="rollback.yml", key=a.rollback_key(), number=201)
    assert conclusion(replace(pull, models=(replace(facts, runs=(*facts.runs, ours)),))) == (
        "success"
    )


def test_a_rollback_is_known_by_content_and_not_by_title() -> None:
    named = rollback(pull_changes={"title": "Nothing to see"})
    assert of_kind(decide(named), DispatchRun)[0].workflow == "rollback.yml"


def test_a_recovered_rollback_needs_only_operations_and_the_owners() -> None:
    pull = rollback(shown=a.recovery(), codeowners="* @omar\n")
    assert conclusion(pull) == "action_required"
    done = replace(pull, reviews=(approval("omar"),))
    assert conclusion(done) == "success"
    assert of_kind(decide(done), Merge)
    assert not of_kind(decide(done), CommitRelease)


def test_a_rollback_whose_benchmark_does_not_repeat_is_red() -> None:
    pull = rollback(reviews=signed(), shown=a.recovery(share=0.8))
    assert conclusion(pull) == "failure"


def test_a_rollback_of_the_pointer_alone_is_not_whole() -> None:
    pull = rollback(
        reviews=signed(), shown=a.recovery(), facts_changes={"head_inputs": a.inputs(2)}
    )
    assert conclusion(pull) == "failure"
    assert "revert the merge as a whole" in check_of(pull).summary


def test_a_pointer_that_only_a_branch_ever_held_is_no_rollback_target() -> None:
    """It may be in the history of a merged branch, but the base branch keeps no evidence of it."""
    pull = rollback(reviews=signed(), shown=a.recovery(), facts_changes={"recorded": None})
    assert conclusion(pull) == "failure"
    assert not of_kind(decide(pull), Merge)


def test_a_rolled_back_version_stays_rolled_back() -> None:
    one, two = a.pointer(1).text(), a.pointer(2).text()
    pull = snapshot(reviews=signed(), facts_changes={"history": (one, two, one)})
    assert conclusion(pull) == "failure"
    assert "quarantined" in check_of(pull).summary


def test_a_rollback_may_not_remove_records_of_the_version_it_goes_back_to() -> None:
    pull = rollback(reviews=signed(), shown=a.recovery(), facts_changes={"head_cards": ()})
    assert conclusion(pull) == "failure"


def taken_back_to_nothing(**changes: Any) -> Snapshot:
    """A rollback from the first version to none, signed by those who sign rollbacks."""
    first = a.pointer(1).text()
    facts = {
        "head_pointer": None,
        "base_pointer": first,
        "fork_pointer": first,
        "history": (first,),
        "head_inputs": (),
        "recipe": None,
        "head_cards": (),
        "base_cards": a.cards(1),
        **changes,
    }
    return rollback(reviews=[approval("omar"), approval("grace", order=1)], facts_changes=facts)


def test_taking_back_the_first_version_leaves_nothing_live() -> None:
    pull = taken_back_to_nothing()
    assert conclusion(pull) == "success"
    assert not of_kind(decide(pull), DispatchRun)
    assert of_kind(decide(pull), OpenIncident)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (a.inputs(1), "success"),
        (a.inputs(2), "failure"),
        (a.inputs(1)[:-1], "failure"),
        (a.inputs(1, **{"contract/output.json": a.sha("{}")}), "failure"),
        (a.inputs(1, **{"recipe.yml": a.sha("base_model: mallory/base")}), "failure"),
    ],
)
def test_a_rollback_to_nothing_changes_no_input(
    head: tuple[tuple[str, str], ...], expected: str
) -> None:
    pull = taken_back_to_nothing(head_inputs=head, base_inputs=a.inputs(1))
    assert conclusion(pull) == expected


def test_the_pointer_of_a_later_version_cannot_simply_be_removed() -> None:
    pull = rollback(reviews=signed(), facts_changes={"head_pointer": None, "history": (None,)})
    assert conclusion(pull) == "failure"


# After the merge


def test_a_merged_pull_request_says_who_signed_and_what_shipped() -> None:
    merged = {"state": "closed", "merged": True, "merge_sha": "f" * 40, "merged_by": a.BOT}
    green = (PostedCheck(1, "completed", "success", "x"),)
    pull = snapshot(reviews=signed(), pull_changes=merged, checks=green)
    body = comment_of(pull)
    assert "Merged as " + "f" * 40 in body
    assert "grace (ml-lead), omar (operations)" in body
    assert not of_kind(decide(pull), OpenIncident)
    assert not of_kind(decide(pull), PostCheck)


def test_a_merge_that_nobody_sanctioned_is_said_aloud_and_opens_an_incident() -> None:
    merged = {"state": "closed", "merged": True, "merge_sha": "f" * 40, "merged_by": "omar"}
    decision = decide(snapshot(pull_changes=merged))
    assert of_kind(decision, OpenIncident)
    assert "although the policy did not allow it" in of_kind(decision, UpsertComment)[0].body
    assert decision.verdict.outcome is Outcome.FAILED
