"""People whom only trailers name: who cannot sign, who stands in for them, what that costs."""

from __future__ import annotations

from typing import Any

import pytest

from policy.people.co_authors import Credit, Lift
from policy.people.owner_lint import lint_owners
from policy.people.sign_off import Review, SignOffFacts, judge_sign_off, lifted, signers
from policy.verdict import Finding, Outcome

HEAD, OLD = "a" * 40, "b" * 40
QUORUM = {"ml-lead": 1, "operations": 1}
GRACE = Credit(who="grace", account=True, commits=(OLD,))
STRANGER = Credit(who="x@home.example", account=False, commits=(OLD,))


def lift(credit: Credit, user: str, number: int = 1, **changes: Any) -> Lift:
    facts = {"who": credit.who, "digest": credit.digest, "user": user, "comment": number}
    return Lift(**{**facts, "reason": "she only reviewed it", "stated": "", **changes})


def facts(*approving: str, **changes: Any) -> SignOffFacts:
    known: dict[str, Any] = {
        "head": HEAD,
        "author": "ada",
        "contributors": frozenset({"ada"}),
        "reviews": tuple(Review(user, "APPROVED", HEAD, n) for n, user in enumerate(approving)),
        "writers": frozenset({"ada", "grace", "omar", "olga", "ken"}),
        "roles": {"ml-lead": frozenset({"grace"}), "operations": frozenset({"omar", "olga"})},
        "credits": (GRACE,),
    }
    return SignOffFacts(**{**known, **changes})


def judged(*approving: str, **changes: Any) -> Finding:
    return judge_sign_off(QUORUM, facts(*approving, **changes))


def told(finding: Finding) -> str:
    return "\n".join(leaf.sentence for leaf in finding.leaves())


def test_a_person_whom_a_trailer_names_cannot_sign_and_the_finding_says_what_helps() -> None:
    found = judged("grace", "omar")
    assert found.outcome is Outcome.MISSING
    assert f"`/stand-in @grace {GRACE.digest} WHY`" in told(found)


def test_with_somebody_who_stands_in_the_person_may_sign() -> None:
    found = judged("grace", "omar", "olga", lifts=(lift(GRACE, "olga"),))
    assert found.outcome.lets_through, told(found)
    assert "the approval of @olga covers that part" in told(found)


def test_who_stands_in_fills_no_other_place() -> None:
    found = judged("grace", "omar", lifts=(lift(GRACE, "omar"),))
    assert found.outcome is Outcome.MISSING
    assert signers(facts("grace", "omar", lifts=(lift(GRACE, "omar"),))) == {"grace"}


@pytest.mark.parametrize(
    ("by", "approving"),
    [
        ("grace", ("grace", "omar", "olga")),
        ("ada", ("grace", "omar", "ada")),
        ("ken", ("grace", "omar", "ken")),
        ("eve", ("grace", "omar", "eve")),
        ("olga", ("grace", "omar")),
    ],
    ids=["the named one", "the author", "no role", "no write access", "without approving"],
)
def test_only_somebody_with_a_role_and_no_part_who_approves_stands_in(
    by: str, approving: tuple[str, ...]
) -> None:
    assert not judged(*approving, lifts=(lift(GRACE, by),)).outcome.lets_through


@pytest.mark.parametrize(
    "changes", [{"digest": "0" * 12}, {"who": "omar"}], ids=["other commits", "another person"]
)
def test_a_lift_covers_exactly_what_it_names(changes: dict[str, Any]) -> None:
    found = judged("grace", "omar", "olga", lifts=(lift(GRACE, "olga", **changes),))
    assert not found.outcome.lets_through


def test_another_commit_with_the_trailer_makes_another_digest() -> None:
    more = GRACE.model_copy(update={"commits": (OLD, HEAD)})
    assert more.digest != GRACE.digest
    found = judged("grace", "omar", "olga", credits=(more,), lifts=(lift(GRACE, "olga"),))
    assert not found.outcome.lets_through


def test_nobody_stands_in_for_two() -> None:
    omar = Credit(who="omar", account=True, commits=(OLD,))
    both = (lift(GRACE, "olga"), lift(omar, "olga", 2))
    assert lifted(facts("grace", "olga", credits=(GRACE, omar), lifts=both)).keys() == {"grace"}


def test_two_whom_trailers_name_cannot_stand_in_for_each_other() -> None:
    omar = Credit(who="omar", account=True, commits=(OLD,))
    both = (lift(GRACE, "omar"), lift(omar, "grace", 2))
    assert not lifted(facts("grace", "omar", credits=(GRACE, omar), lifts=both))


def test_who_made_a_commit_stays_out_whoever_stands_in() -> None:
    found = judged(
        "grace", "omar", "olga",
        contributors=frozenset({"ada", "grace"}), lifts=(lift(GRACE, "olga"),),
    )  # fmt: skip
    assert not found.outcome.lets_through


def test_an_address_of_nobody_blocks_until_somebody_stands_in_who_then_does_not_sign() -> None:
    found = judged("grace", "omar", credits=(STRANGER,))
    assert found.outcome is Outcome.FAILED
    assert f"`/stand-in x@home.example {STRANGER.digest} WHY`" in told(found)
    own = (lift(STRANGER, "omar"),)
    assert not judged("grace", "omar", credits=(STRANGER,), lifts=own).outcome.lets_through
    by = (lift(STRANGER, "olga"),)
    assert judged("grace", "omar", "olga", credits=(STRANGER,), lifts=by).outcome.lets_through


def test_a_known_assistant_blocks_nothing_in_any_case_of_letters() -> None:
    listed = {"credits": (STRANGER,), "assistants": ("X@Home.example",)}
    assert judged("grace", "omar", **listed).outcome.lets_through


def test_before_anybody_can_approve_a_pledge_is_enough_to_start_a_run() -> None:
    finding = lint_owners(QUORUM, facts(pledged=True)).finding
    assert not finding.outcome.lets_through
    promised = facts(pledged=True, lifts=(lift(GRACE, "olga"),))
    assert lint_owners(QUORUM, promised).finding.outcome.lets_through
    only = facts(pledged=True, lifts=(lift(GRACE, "omar"),), writers=frozenset({"grace", "omar"}))
    assert not lint_owners(QUORUM, only).finding.outcome.lets_through
