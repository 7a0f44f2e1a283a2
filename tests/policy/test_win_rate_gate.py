"""The win-rate gate: beyond chance, on these answers, from the judge model in the policy."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.win_rate_facts import WinRateFacts
from policy.files.rules import Policy
from policy.files.win_rate_rules import JUDGE_MODEL_PROMPTS
from policy.gates.judge import judge
from policy.gates.win_rate_gate import judge_win_rate
from policy.verdict import Finding, Outcome
from tests.policy import builders as b
from tests.policy.test_spot_check import sample, spot_row

OTHER = "sha256:" + "9" * 64
JUDGE = "{base_url: 'http://127.0.0.1:1/v1/', model: tiny, decode: {repeat_penalty: 1}}"
SIGNED = "spot_check: {rows: 2, sign: {ml-lead: 1}}"


def rules(gate: str = "min: 0.5", spot_check: str = SIGNED) -> Policy:
    asked = f"  win_rate: {{judge: {JUDGE}, {gate}}}\n"
    return b.policy(f"{b.POLICY}{asked}{spot_check}\n")


def facts(wins: int, ties: int, losses: int, failed: int = 0, **changes: Any) -> WinRateFacts:
    """Return a judge model's facts in which every prompt is one pair; every tie is a flip."""
    judged = wins + ties + losses
    rate = (wins + ties / 2) / judged if judged else 0.0
    squares = wins * (1 - rate) ** 2 + ties * (0.5 - rate) ** 2 + losses * rate**2
    found: dict[str, Any] = {
        "judge": "openai tiny at http://127.0.0.1:1/v1",
        "models": ("tiny-7",),
        "prompt": "pairwise-v1",
        "prompt_digest": JUDGE_MODEL_PROMPTS["pairwise-v1"],
        "decoding": {"max_tokens": 512, "temperature": 0, "repeat_penalty": 1},
        "rows": b.ROWS,
        "first_outputs": b.OUTPUTS,
        "second_outputs": b.OUTPUTS,
        "pairs": judged + failed,
        "wins": wins,
        "losses": losses,
        "ties": ties,
        "failed": failed,
        "identical": 0,
        "flips": ties,
        "first_place": 0,
        "second_place": 0,
        "clusters": judged,
        "cluster_squares": squares,
        "longer_won": 0,
        "shorter_won": 0,
        "mean_length_first": 1,
        "mean_length_second": 1,
        "calls": 2 * (judged + failed),
        "cached_calls": 0,
        "tokens_in": 0,
        "tokens_out": 0,
        "failure_kinds": {"timeout": failed} if failed else {},
    }
    return WinRateFacts(**{**found, **changes})


def judged(
    found: WinRateFacts | None, gate: str = "min: 0.5", *, policy: Policy | None = None
) -> Finding:
    evidence = b.evidence(win_rate=found, spot_check=sample(spot_row(1), spot_row(2)))
    return judge_win_rate(policy or rules(gate), evidence)[0]


@pytest.mark.parametrize(
    ("counts", "gate", "outcome"),
    [
        ((180, 60, 60), "min: 0.5", Outcome.PASSED),
        ((150, 10, 140), "min: 0.5", Outcome.INCONCLUSIVE),
        ((140, 10, 150), "min: 0.5", Outcome.INCONCLUSIVE),
        ((60, 60, 180), "min: 0.5", Outcome.FAILED),
        ((200, 10, 90), "min: 0.65", Outcome.INCONCLUSIVE),
        ((200, 10, 90), "min: 0.65, margin: 0.05", Outcome.PASSED),
        ((200, 10, 90), "min: 0.65, margin: 1", Outcome.PASSED),
        ((190, 10, 100), "min: 0.66, margin: 1", Outcome.FAILED),
    ],
)
def test_a_rate_counts_beyond_chance(
    counts: tuple[int, int, int], gate: str, outcome: Outcome
) -> None:
    assert judged(facts(*counts), gate).outcome is outcome


def test_an_interval_that_holds_the_bar_says_how_many_pairs_would_settle_it() -> None:
    found = judged(facts(160, 10, 130))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "about 365 pairs would settle it" in found.sentence
    even = judged(facts(145, 10, 145))
    assert "no number of pairs would settle it" in even.sentence


def test_what_failed_is_told_and_blocks_where_it_is_much() -> None:
    found = judged(facts(260, 0, 0, failed=40))
    assert found.outcome is Outcome.FAILED
    assert "260 of 300 pairs" in found.sentence
    assert "not judged: 40 timeout" in found.sentence
    few = judged(facts(288, 0, 0, failed=12))
    assert few.outcome is Outcome.PASSED
    assert "96.0 % if every failed pair were lost" in few.sentence


def test_nothing_judged_never_passes() -> None:
    found = judged(facts(0, 0, 0, failed=300), "min: 0, margin: 1, min_coverage: 0.000001")
    assert found.outcome is Outcome.FAILED


def test_a_judge_that_follows_the_place_is_not_believed() -> None:
    found = judged(facts(160, 130, 10))
    assert found.outcome is Outcome.FAILED
    assert "43.3 % of verdicts change with the order" in found.sentence
    assert judged(facts(160, 130, 10), "min: 0.5, max_flip_rate: 0.5").outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"first_outputs": OTHER}, "not the measured answers of the incumbent"),
        ({"second_outputs": OTHER}, "not the measured answers of the candidate"),
        ({"rows": OTHER}, "not the measured rows"),
        ({"prompt_digest": OTHER}, "prompt 'pairwise-v1' .* is not the prompt of that name"),
        ({"prompt": "mine"}, "prompt 'mine'"),
        ({"pairs": 301, "wins": 301}, "there are 301 pairs, but 300 measured rows"),
    ],
)
def test_facts_about_anything_else_are_errored(changes: dict[str, Any], message: str) -> None:
    found = judged(facts(300, 0, 0).model_copy(update=changes))
    assert found.outcome is Outcome.ERRORED
    sentences = [leaf.sentence for leaf in found.blocking()]
    assert any(re.search(message, each) for each in sentences), sentences


@pytest.mark.parametrize(
    "changes",
    [
        {"judge": "openai other at http://127.0.0.1:1/v1"},
        {"decoding": {"max_tokens": 512}},
        {"decoding": {"max_tokens": 9, "repeat_penalty": 1}},
    ],
)
def test_another_judge_than_the_policy_names_is_missing(changes: dict[str, Any]) -> None:
    found = judged(facts(300, 0, 0, **changes))
    assert found.outcome is Outcome.MISSING
    assert "run again" in found.blocking()[0].sentence


def test_no_facts_are_missing() -> None:
    assert judged(None).outcome is Outcome.MISSING


def test_without_an_incumbent_the_base_stands_beside() -> None:
    measured = list(b.evidence().measurements)
    measured[0] = measured[0].model_copy(update={"outputs": OTHER})
    evidence = b.evidence(
        incumbent=None,
        measurements=(measured[0], measured[2]),
        comparisons=(),
        win_rate=facts(300, 0, 0, first_outputs=OTHER),
        spot_check=sample(spot_row(1), spot_row(2), against="base", against_outputs=OTHER),
    )
    found = judge_win_rate(rules(), evidence)
    assert [each.outcome for each in found] == [Outcome.PASSED, Outcome.PASSED]
    assert "preferred to the base" in found[0].sentence


@pytest.mark.parametrize(
    ("drawn", "outcome"),
    [
        (sample(spot_row(1), spot_row(2)), Outcome.PASSED),
        (None, Outcome.MISSING),
        (sample(spot_row(1)), Outcome.MISSING),
        (sample(spot_row(1), spot_row(2), against="base"), Outcome.ERRORED),
        (sample(spot_row(1), spot_row(2), candidate_outputs=OTHER), Outcome.ERRORED),
        (sample(spot_row(1), spot_row(2), against_outputs=OTHER), Outcome.ERRORED),
        (sample(spot_row(1), spot_row(2), of=299), Outcome.ERRORED),
    ],
)
def test_a_sample_must_be_there_and_of_these_answers(drawn: Any, outcome: Outcome) -> None:
    evidence = b.evidence(win_rate=facts(300, 0, 0), spot_check=drawn)
    rate, spot_check = judge_win_rate(rules(), evidence)
    assert spot_check.outcome is outcome
    assert rate.outcome is Outcome.PASSED


def test_a_policy_with_a_judge_and_no_people_says_how_to_mend_it() -> None:
    with pytest.raises(UserError, match=r"add spot_check, such as spot_check: \{rows: 20"):
        rules(spot_check="")


def test_agreement_needs_a_judge_to_agree_with() -> None:
    asked = "spot_check: {sign: {ml-lead: 1}, min_agreement: 0.6}\n"
    with pytest.raises(UserError, match=r"add gates\.win_rate"):
        b.policy(b.POLICY + asked)


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ("prompt: mine", "name one of these: pairwise-v1"),
        ("base_url: 'ftp://host/v1'", "base_url"),
        ("base_url: 'https://user@host/v1'", "base_url"),
        ("key_env: lower", "key_env"),
        ("decode: {temperature: 1}", "temperature"),
    ],
)
def test_a_judge_that_cannot_be_asked_is_no_policy(gate: str, message: str) -> None:
    judge_ = f"{{base_url: 'https://host/v1', model: tiny, {gate}}}"
    if "base_url" in gate:
        judge_ = f"{{model: tiny, {gate}}}"
    with pytest.raises(UserError, match=message):
        b.policy(f"{b.POLICY}  win_rate: {{judge: {judge_}}}\n{SIGNED}\n")


def test_who_signs_must_be_a_role() -> None:
    with pytest.raises(UserError, match=r"spot_check\.sign names the role 'nobody'"):
        rules(spot_check="spot_check: {sign: {nobody: 1}}")


@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(0, 60),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_higher_bar_lets_nothing_more_through(
    wins: int, ties: int, losses: int, low: float, high: float
) -> None:
    if wins + ties + losses < 2:
        return
    found = facts(wins, ties, losses)
    low, high = sorted((low, high))
    measured = tuple(
        b.measurement(subject, model, 0.5, found.pairs)
        for subject, model in (("incumbent", b.INCUMBENT), ("candidate", b.CANDIDATE))
    )
    evidence = b.evidence(win_rate=found, measurements=measured)
    outcomes = [
        judge_win_rate(rules(f"min: {bar}, max_flip_rate: 1"), evidence)[0].outcome
        for bar in (low, high)
    ]
    if not outcomes[0].lets_through:
        assert not outcomes[1].lets_through


def test_evidence_says_nothing_where_nothing_was_judged() -> None:
    evidence = b.evidence()
    assert not {"win_rate", "spot_check", "classes"} & set(evidence.text().split('"'))
    full = b.evidence(win_rate=facts(300, 0, 0), spot_check=sample(spot_row(1), spot_row(2)))
    assert parse_evidence(full.text(), "evidence.json") == full


def test_the_whole_verdict_holds_both() -> None:
    def verdict(evidence: Evidence) -> Finding:
        return judge(
            rules(),
            evidence,
            proposal_digest=evidence.proposal.digest,
            incumbent=b.INCUMBENT,
        )

    full = b.evidence(win_rate=facts(300, 0, 0), spot_check=sample(spot_row(1), spot_row(2)))
    assert verdict(full).outcome is Outcome.PASSED, verdict(full).blocking()
    assert [leaf.name for leaf in verdict(b.evidence()).blocking()] == ["win_rate", "spot_check"]
