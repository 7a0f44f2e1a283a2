"""Who signed, who cannot, and who is still missing."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policy.files import codeowners
from policy.people.co_authors import Credit
from policy.people.sign_off import Review, SignOffFacts, judge_sign_off
from policy.verdict import Finding, Outcome

HEAD, OLD = "a" * 40, "b" * 40
QUORUM = {"ml-lead": 1, "operations": 1}
OWNERS = codeowners.parse("* @grace\n/models/*/pointer.json @omar\n")


def review(user: str, state: Any = "APPROVED", commit: str = HEAD, order: int = 1) -> Review:
    return Review(user, state, commit, order)


def facts(*reviews: Review, **changes: Any) -> SignOffFacts:
    given_facts = SignOffFacts(
        head=HEAD,
        author="ada",
        contributors=frozenset({"ada"}),
        reviews=reviews,
        writers=frozenset({"ada", "Grace", "omar", "eve"}),
        roles={"ml-lead": frozenset({"grace"}), "operations": frozenset({"omar"})},
        paths=("models/m/recipe.yml", "models/m/pointer.json"),
        owners=OWNERS,
    )
    return replace(given_facts, **changes)


def judged(*reviews: Review, **changes: Any) -> Finding:
    return judge_sign_off(QUORUM, facts(*reviews, **changes))


def outcome(*reviews: Review, **changes: Any) -> Outcome:
    return judged(*reviews, **changes).outcome


def test_both_roles_and_all_owners_signed() -> None:
    assert outcome(review("grace"), review("omar")) is Outcome.PASSED


def test_logins_do_not_depend_on_case() -> None:
    assert outcome(review("GRACE"), review("Omar")) is Outcome.PASSED


def test_one_role_is_missing_and_the_sentence_says_who_could_sign() -> None:
    finding = judged(review("grace"))
    assert finding.outcome is Outcome.MISSING
    assert any("@omar could sign" in part.sentence for part in finding.blocking())


def test_the_author_cannot_sign_off_their_own_proposal() -> None:
    assert outcome(review("grace"), review("omar"), author="grace") is Outcome.MISSING


def test_a_contributor_cannot_sign() -> None:
    both = frozenset({"ada", "OMAR"})
    assert outcome(review("grace"), review("omar"), contributors=both) is Outcome.MISSING


def test_a_commit_of_nobody_known_fails_closed() -> None:
    finding = judged(review("grace"), review("omar"), unknown_contributors=("x@example.org",))
    assert finding.outcome is Outcome.FAILED


def test_an_assistants_trailer_blocks_nothing_if_the_policy_knows_its_address() -> None:
    named = Credit(who="Assistant@tools.example", account=False, commits=(OLD,))
    who = {"credits": (named,)}
    signed = (review("grace"), review("omar"))
    assert outcome(*signed, **who) is Outcome.FAILED
    assert outcome(*signed, **who, assistants=("assistant@tools.example",)) is Outcome.PASSED
    own = {"unknown_contributors": ("assistant@tools.example",)}
    assert outcome(*signed, **own, assistants=("assistant@tools.example",)) is Outcome.FAILED


def test_an_approval_of_an_older_commit_does_not_count() -> None:
    assert outcome(review("grace", commit=OLD), review("omar")) is Outcome.MISSING


def test_an_approval_without_write_access_does_not_count() -> None:
    assert outcome(review("grace"), review("omar"), writers=frozenset({"grace"})) is Outcome.MISSING


def test_a_bot_does_not_sign() -> None:
    roles = {"ml-lead": frozenset({"grace"}), "operations": frozenset({"helper[bot]"})}
    found = outcome(
        review("grace"),
        review("helper[bot]"),
        roles=roles,
        owners=None,
        writers=frozenset({"grace", "helper[bot]"}),
    )
    assert found is Outcome.MISSING


def test_one_person_fills_one_role() -> None:
    roles = {"ml-lead": frozenset({"grace"}), "operations": frozenset({"grace", "omar"})}
    alone = outcome(review("grace"), roles=roles, owners=None)
    both = outcome(review("grace"), review("omar"), roles=roles, owners=None)
    assert (alone, both) == (Outcome.MISSING, Outcome.PASSED)


def test_who_holds_two_roles_never_stands_in_the_way() -> None:
    roles = {"ml-lead": frozenset({"grace", "omar"}), "operations": frozenset({"grace"})}
    found = outcome(review("grace"), review("omar"), roles=roles, owners=None)
    assert found is Outcome.PASSED


def test_a_dismissed_approval_does_not_revive_an_older_one() -> None:
    found = outcome(
        review("grace", order=1), review("grace", "DISMISSED", order=2), review("omar", order=3)
    )
    assert found is Outcome.MISSING


def test_a_comment_changes_nothing() -> None:
    found = outcome(review("grace"), review("grace", "COMMENTED", order=9), review("omar"))
    assert found is Outcome.PASSED


def test_changes_requested_by_an_owner_block() -> None:
    finding = judged(review("grace"), review("omar", "CHANGES_REQUESTED", commit=OLD))
    assert finding.outcome is Outcome.FAILED


def test_changes_requested_by_a_bystander_do_not_block() -> None:
    found = outcome(review("grace"), review("omar"), review("eve", "CHANGES_REQUESTED"))
    assert found is Outcome.PASSED


def test_a_team_that_cannot_be_read_has_nobody() -> None:
    owners = codeowners.parse("* @acme/leads\n")
    assert outcome(review("grace"), review("omar"), owners=owners) is Outcome.MISSING
    teams = {"Acme/Leads": frozenset({"grace"})}
    assert outcome(review("grace"), review("omar"), owners=owners, teams=teams) is Outcome.PASSED


def test_a_line_without_owners_asks_nobody() -> None:
    owners = codeowners.parse("* @nobody\n/models/\n")
    assert outcome(review("grace"), review("omar"), owners=owners) is Outcome.PASSED


reviews = st.builds(
    Review,
    user=st.sampled_from(["ada", "grace", "omar", "eve"]),
    state=st.sampled_from(["APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED"]),
    commit=st.sampled_from([HEAD, OLD]),
    order=st.integers(0, 100),
)


@given(st.lists(reviews, max_size=4, unique_by=lambda r: r.order))
def test_the_order_in_which_reviews_are_listed_does_not_matter(given_reviews: list[Review]) -> None:
    found = {outcome(*order) for order in permutations(given_reviews)}
    assert len(found) == 1


@given(st.lists(reviews, max_size=6, unique_by=lambda r: r.order), st.data())
def test_removing_an_approval_never_turns_red_to_green(
    given_reviews: list[Review], data: st.DataObject
) -> None:
    """Removing an approval that is its reviewer's latest word cannot bring an older one back."""
    approvals = [r for r in given_reviews if r.state == "APPROVED"]
    if not approvals:
        return
    gone = data.draw(st.sampled_from(approvals))
    turned = [replace(r, state="DISMISSED") if r is gone else r for r in given_reviews]
    before, after = outcome(*given_reviews), outcome(*turned)
    if not before.lets_through and after.lets_through:
        # Only taking back one's own older objection can do that, never losing a signature.
        raise AssertionError((before, after))
