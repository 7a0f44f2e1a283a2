"""Who could sign at all, before a run starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policy.files import codeowners
from policy.people.owner_lint import OwnerLint, lint_owners
from policy.people.sign_off import Review, SignOffFacts, judge_sign_off
from policy.verdict import Outcome

HEAD = "a" * 40
QUORUM = {"ml-lead": 1, "operations": 1}


def facts(owners: str = "* @grace\n/models/*/pointer.json @omar\n", **changes: Any) -> SignOffFacts:
    given_facts = SignOffFacts(
        head=HEAD,
        author="ada",
        contributors=frozenset({"ada"}),
        writers=frozenset({"ada", "Grace", "omar", "eve"}),
        roles={"ml-lead": frozenset({"grace"}), "operations": frozenset({"Omar"})},
        paths=("models/m/recipe.yml", "models/m/pointer.json"),
        owners=codeowners.parse(owners),
    )
    return replace(given_facts, **changes)


def linted(
    owners: str = "* @grace\n", quorum: Mapping[str, int] = QUORUM, **changes: Any
) -> OwnerLint:
    return lint_owners(quorum, facts(owners, **changes))


def blocked(lint: OwnerLint) -> list[tuple[str, str]]:
    return [(part.name, part.sentence) for part in lint.finding.blocking()]


def test_a_proposal_that_can_be_signed_passes_without_remarks() -> None:
    lint = lint_owners(QUORUM, facts())
    assert (lint.finding.outcome, lint.remarks) == (Outcome.PASSED, ())
    assert lint.finding.sentence == "every required signature can be given"


def test_a_role_that_only_the_author_holds_is_named() -> None:
    lint = linted(author="Omar")
    assert lint.finding.outcome is Outcome.FAILED
    assert blocked(lint) == [
        (
            "role operations",
            "1 signature needed, but nobody who holds this role has write access and is not "
            "involved in the change; name others in roles",
        )
    ]


def test_a_role_without_enough_holders_says_who_there_is() -> None:
    assert blocked(linted(quorum={"ml-lead": 2})) == [
        (
            "role ml-lead",
            "2 signatures needed, but only @grace could sign; name others in roles",
        )
    ]


def test_one_person_for_two_roles_is_too_few() -> None:
    both = {"ml-lead": frozenset({"grace"}), "operations": frozenset({"grace"})}
    assert blocked(linted(roles=both)) == [
        (
            "different people",
            "ml-lead (1) and operations (1) need 2 different people, but only @grace could sign; "
            "name others in roles",
        )
    ]


def test_roles_that_nobody_fights_over_are_left_out_of_the_sentence() -> None:
    roles = {
        "audit": frozenset({"eve", "omar", "zoe"}),
        "ml-lead": frozenset({"grace"}),
        "operations": frozenset({"grace"}),
    }
    lint = linted(quorum={"audit": 1, "ml-lead": 1, "operations": 1}, roles=roles)
    assert [sentence.partition(" need ")[0] for _, sentence in blocked(lint)] == [
        "ml-lead (1) and operations (1)"
    ]


def test_a_line_says_why_each_of_its_owners_cannot_sign() -> None:
    lint = linted(
        "* @ada @nobody @acme/gone @acme/out @acme/in x@example.org bot@example.org\n",
        teams={"acme/out": frozenset({"zoe"}), "Acme/In": frozenset({"ada"})},
        emails={"bot@example.org": "helper[bot]"},
        writers=frozenset({"ada", "grace", "omar", "helper[bot]"}),
    )
    assert blocked(lint) == [
        (
            "owners of *",
            "nobody can sign for 2 files (CODEOWNERS line 1): @ada is involved in the change; "
            "@nobody has no write access; @acme/gone cannot be read, or has no write access; "
            "@acme/out has no member with write access; "
            "@acme/in has no member with write access who is not involved in the change; "
            "x@example.org belongs to no known account; bot@example.org is a bot",
        )
    ]


def test_owners_that_drop_out_are_remarked_where_others_can_sign() -> None:
    lint = linted("* @grace @ada @nobody @acme/gone\n")
    assert lint.finding.outcome is Outcome.PASSED
    assert lint.remarks == (
        "CODEOWNERS line 1: @nobody has no write access, so this owner does not count",
        "CODEOWNERS line 1: @acme/gone cannot be read, or has no write access, "
        "so this owner does not count",
    )


def test_a_skipped_line_is_remarked() -> None:
    (remark,) = linted("* @grace\n!x @omar\n").remarks
    assert remark == (
        ".github/CODEOWNERS:2: '!x' is a negation, which CODEOWNERS does not support; "
        "GitHub skips this line"
    )


def test_a_holder_without_write_access_is_remarked() -> None:
    roles = {"ml-lead": frozenset({"grace", "Zoe"}), "operations": frozenset({"omar"})}
    assert linted(roles=roles).remarks == (
        "role ml-lead: @zoe has no write access, so a signature would not count",
    )


def test_a_line_that_decides_nothing_changed_does_not_matter() -> None:
    lint = linted("/docs/ @nobody\n/models/ @grace\n")
    assert (lint.finding.outcome, lint.remarks) == (Outcome.PASSED, ())


def test_commits_of_nobody_known_are_named_before_anything_runs() -> None:
    lint = linted(unknown_contributors=("x@example.org",))
    assert [name for name, _ in blocked(lint)] == ["contributors"]


def test_who_is_many_is_not_listed_to_the_last() -> None:
    crowd = frozenset(f"p{n}" for n in range(9))
    lint = linted(quorum={"ml-lead": 1}, roles={"ml-lead": crowd}, writers=crowd | {"grace"})
    assert lint.finding.parts[0].sentence == (
        "1 signature needed; @p0, @p1, @p2, @p3, @p4 and 4 more could sign"
    )


PEOPLE = ("ada", "bob", "Cy", "dee")
groups = st.frozensets(st.sampled_from(PEOPLE))
lines = st.lists(
    st.tuples(
        st.sampled_from(["*", "/models/", "*.json", "/docs/"]),
        st.lists(
            st.sampled_from(["@ada", "@Bob", "@cy", "@acme/one", "@acme/two", "d@example.org"]),
            max_size=3,
        ),
    ),
    max_size=3,
).map(lambda found: "".join(f"{pattern} {' '.join(owners)}\n" for pattern, owners in found))
worlds = st.builds(
    facts,
    owners=lines,
    author=st.sampled_from(PEOPLE),
    contributors=groups,
    writers=groups,
    roles=st.dictionaries(st.sampled_from(["x", "y", "z"]), groups),
    teams=st.dictionaries(st.sampled_from(["acme/one", "acme/two"]), groups),
    emails=st.sampled_from([{}, {"d@example.org": "dee"}]),
    unknown_contributors=st.sampled_from([(), (), (), ("who@example.org",)]),
)
quorums = st.dictionaries(st.sampled_from(["x", "y", "z"]), st.integers(1, 3))


def passes(quorum: Mapping[str, int], world: SignOffFacts, approving: tuple[str, ...]) -> bool:
    reviews = tuple(Review(user, "APPROVED", HEAD, 1) for user in approving)
    finding = judge_sign_off(quorum, replace(world, reviews=reviews))
    return finding.outcome is Outcome.PASSED


@settings(max_examples=400, deadline=None)
@given(quorums, worlds)
def test_impossible_is_what_no_set_of_approvals_makes_pass(
    quorum: dict[str, int], world: SignOffFacts
) -> None:
    sets = [some for n in range(len(PEOPLE) + 1) for some in combinations(PEOPLE, n)]
    possible = any(passes(quorum, world, some) for some in sets)
    lint = lint_owners(quorum, world)
    assert lint.finding.outcome is (Outcome.PASSED if possible else Outcome.FAILED)
    assert passes(quorum, world, PEOPLE) == possible
