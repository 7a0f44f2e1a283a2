"""Whose marks count for a sample, who is missing, and how people and judge model agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.facts.evidence import Evidence
from policy.facts.spot_check import MAX_ROWS
from policy.files.win_rate_rules import SpotCheckRules
from policy.people.sign_off import SignOffFacts
from policy.people.spot_check_signatures import (
    MARKS,
    SpotCheckSignature,
    is_signed,
    judge_spot_check,
    signers,
)
from policy.verdict import Finding, Outcome
from tests.policy import builders as measured
from tests.policy import spot_checks as a

SHOWN = measured.evidence(spot_check=a.sample())


def judged(
    *signatures: SpotCheckSignature,
    rules: SpotCheckRules = a.RULES,
    shown: Evidence | None = SHOWN,
    people: SignOffFacts | None = None,
) -> Finding:
    return judge_spot_check(rules, measured.MODEL, shown, signatures, people or a.people())


def leaf(finding: Finding, name: str) -> Finding:
    return next(part for part in finding.leaves() if part.name == name)


def test_without_a_signature_it_is_missing_and_says_who_could_give_it() -> None:
    finding = judged()
    assert finding.outcome is Outcome.MISSING
    assert leaf(finding, "role ml-lead").sentence == (
        "1 reader missing; @grace, @linus could sign the sample"
    )
    assert not is_signed(finding)


def test_a_signature_is_told_with_who_when_and_which_agreement() -> None:
    finding = judged(a.signature(SHOWN))
    assert finding.outcome is Outcome.PASSED
    assert is_signed(finding)
    assert leaf(finding, "role ml-lead").sentence == f"read and signed by @grace ({a.WHEN})"
    assert leaf(finding, "agreement of grace").sentence == (
        "@grace and the judge model agree on 3 of 3 rows (100 %, Cohen's kappa 1.00)"
    )


def test_evidence_without_a_sample_cannot_be_signed() -> None:
    finding = judged(a.signature(SHOWN), shown=measured.evidence())
    assert finding.outcome is Outcome.FAILED


def test_before_there_is_evidence_it_says_who_will_have_to_sign() -> None:
    assert judged(shown=None).outcome is Outcome.MISSING


@pytest.mark.parametrize(
    "changes",
    [
        {"user": "ada"},
        {"user": "ken"},
        {"user": "mallory"},
        {"sample": "sha256:" + "0" * 64},
        {"evidence": "sha256:" + "0" * 64},
        {"model": "spam-filter"},
        {"marks": "AB="},
        {"marks": "AB=?A"},
        {"marks": "????"},
        {"marks": "A???"},
    ],
)
def test_a_signature_that_is_not_of_this_sample_by_these_people_counts_for_nothing(
    changes: dict[str, Any],
) -> None:
    assert judged(a.signature(SHOWN, **changes)).outcome is Outcome.MISSING


@pytest.mark.parametrize(
    "changes",
    [
        {"contributors": frozenset({"GRACE"})},
        {"writers": frozenset({"linus"})},
        {"roles": {"ml-lead": frozenset({"linus"})}},
        {"author": "Grace"},
    ],
)
def test_who_has_a_part_in_it_or_may_not_write_or_lost_the_role_does_not_count(
    changes: dict[str, Any],
) -> None:
    finding = judged(a.signature(SHOWN), people=a.people(**changes))
    assert finding.outcome is Outcome.MISSING


def test_a_bot_does_not_read() -> None:
    people = a.people(
        writers=frozenset({"helper[bot]"}), roles={"ml-lead": frozenset({"helper[bot]"})}
    )
    assert judged(a.signature(SHOWN, "helper[bot]"), people=people).outcome is Outcome.MISSING


def test_two_readers_are_two_people() -> None:
    rules = a.RULES.model_copy(update={"sign": {"ml-lead": 2}})
    twice = (a.signature(SHOWN), a.signature(SHOWN, comment=61))
    assert judged(*twice, rules=rules).outcome is Outcome.MISSING
    assert judged(*twice, a.signature(SHOWN, "linus"), rules=rules).outcome is Outcome.PASSED


def test_what_the_judge_said_is_not_told_while_somebody_still_has_to_read() -> None:
    rules = a.RULES.model_copy(update={"sign": {"ml-lead": 2}})
    told = [part.sentence for part in judged(a.signature(SHOWN), rules=rules).leaves()]
    assert told == [f"1 reader missing; @linus could sign the sample (signed: @grace ({a.WHEN}))"]


def test_of_two_signatures_by_one_person_the_first_counts() -> None:
    once = judged(a.signature(SHOWN))
    assert judged(a.signature(SHOWN), a.signature(SHOWN, marks="BA=A", comment=61)) == once


def test_agreement_below_what_the_policy_asks_fails_for_each_who_signed() -> None:
    rules = a.RULES.model_copy(update={"min_agreement": 0.8})
    against = a.signature(SHOWN, "linus", marks="BA=A")
    assert judged(a.signature(SHOWN), rules=rules).outcome is Outcome.PASSED
    finding = judged(a.signature(SHOWN), against, rules=rules)
    assert finding.outcome is Outcome.FAILED
    assert "at least 80 % required" in leaf(finding, "agreement of linus").sentence
    assert is_signed(finding)


def test_no_row_to_compare_is_inconclusive_only_where_agreement_is_asked() -> None:
    rows = tuple(a.row(number, judged="failed") for number in range(1, 5))
    shown = measured.evidence(spot_check=a.sample(rows=4).model_copy(update={"rows": rows}))
    asking = a.RULES.model_copy(update={"min_agreement": 0.5})
    assert judged(a.signature(shown), shown=shown).outcome is Outcome.PASSED
    found = judged(a.signature(shown), shown=shown, rules=asking)
    assert found.outcome is Outcome.INCONCLUSIVE


marks = st.text(st.sampled_from(tuple(MARKS)), min_size=1, max_size=MAX_ROWS)


@given(st.lists(st.tuples(st.sampled_from(("ada", "grace", "linus", "ken")), marks), max_size=5))
def test_more_signatures_never_make_a_missing_reader(said: list[tuple[str, str]]) -> None:
    signatures = [a.signature(SHOWN, user, marks=text) for user, text in said]
    counted = signers(a.RULES, SHOWN, signatures, a.people())
    assert counted.keys() <= {"grace", "linus"}
    assert all(len(one.marks) == 4 and set(one.marks) != {"?"} for one in counted.values())
    assert is_signed(judged(*signatures)) == bool(counted)
