"""The verdict on evidence under a policy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.facts.evidence import Evidence, GateFacts, PairedMeans, StageFacts, parse_evidence
from policy.facts.pointer import Pointer, PointerArtifact, PointerEvidence
from policy.gates.judge import DATA_GATES, RECOVERY_STAGES, STAGES, judge, judge_recovery
from policy.verdict import Finding, Outcome
from tests.policy import builders as b


def verdict(evidence: Evidence, incumbent: str | None = b.INCUMBENT) -> Finding:
    return judge(b.policy(), evidence, proposal_digest=b.proposal().digest, incumbent=incumbent)


def leaf(finding: Finding, name: str) -> Finding:
    return next(part for part in finding.leaves() if part.name == name)


def test_good_evidence_passes() -> None:
    assert verdict(b.evidence()).outcome is Outcome.PASSED


def test_evidence_of_another_proposal_fails() -> None:
    other = b.evidence(proposal=b.proposal(base_revision="f" * 40))
    assert leaf(verdict(other), "proposal").outcome is Outcome.FAILED


def test_evidence_against_another_incumbent_fails() -> None:
    assert verdict(b.evidence(), incumbent=None).outcome is Outcome.FAILED
    assert verdict(b.evidence(), incumbent="sha256:" + "9" * 64).outcome is Outcome.FAILED


def test_recovery_evidence_does_not_promote() -> None:
    assert verdict(b.evidence(kind="recovery")).outcome is Outcome.FAILED


def test_an_unpinned_base_outside_the_proposal_fails() -> None:
    outside = b.evidence(proposal=b.proposal(base_model="/data/llama"))
    finding = judge(
        b.policy(),
        outside,
        proposal_digest=outside.proposal.digest,
        incumbent=b.INCUMBENT,
    )
    assert [part.name for part in finding.blocking()] == ["base model"]


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        ({"data": None}, "data"),
        ({"training": None}, "training"),
        ({"parity": None}, "parity"),
        ({"measurements": ()}, "exact_match"),
        ({"comparisons": ()}, "incumbent"),
        ({"stages": ()}, "train"),
    ],
)
def test_what_was_not_measured_is_missing_and_blocks(missing: dict[str, object], name: str) -> None:
    finding = verdict(b.evidence(**missing))
    assert not finding.outcome.lets_through
    assert any(part.name == name for part in finding.blocking())


def test_a_data_gate_that_was_not_run_is_missing() -> None:
    facts = b.data()
    less = facts.model_copy(update={"gates": facts.gates[:-1]})
    assert leaf(verdict(b.evidence(data=less)), DATA_GATES[-1]).outcome is Outcome.MISSING


def test_one_finding_in_the_data_stops_it_before_training_is_judged() -> None:
    finding = verdict(b.evidence(data=b.data(contract=1), training=None))
    assert [part.name for part in finding.blocking()] == ["contract"]


def test_a_file_that_was_not_measured_does_not_ship() -> None:
    artifact = b.evidence().artifacts[0].model_copy(update={"digest": b.OUTPUTS})
    finding = verdict(b.evidence(artifacts=(artifact,)))
    assert [part.name for part in finding.blocking()] == ["artifact"]


def test_a_metric_that_is_not_a_number_fails() -> None:
    measured = b.measurement("candidate", b.CANDIDATE, 0.9)
    bad = measured.metrics[0].model_copy(update={"value": float("nan")})
    broken = measured.model_copy(update={"metrics": (bad,)})
    finding = verdict(b.evidence(measurements=(broken,)))
    assert leaf(finding, "exact_match").outcome is Outcome.FAILED


def test_a_worse_copy_of_a_fact_beside_the_good_one_changes_nothing_to_green() -> None:
    good = b.evidence()
    worse = b.measurement("candidate", b.CANDIDATE, 0.1)
    gates = (b.data(contract=9).gates[0], *b.data().gates)
    for doubled in (
        {"measurements": (*good.measurements, worse)},
        {"comparisons": (b.compared(), b.compared(both=0, lost=200))},
        {"data": b.data().model_copy(update={"gates": gates})},
        {"artifacts": good.artifacts * 2},
    ):
        assert verdict(b.evidence(**doubled)).outcome is Outcome.FAILED


def test_findings_of_a_gate_that_the_policy_does_not_know_block() -> None:
    gates = (*b.data().gates, GateFacts(gate="horoscope", count=1))
    finding = verdict(b.evidence(data=b.data().model_copy(update={"gates": gates})))
    assert [part.name for part in finding.blocking()] == ["horoscope"]


def test_rows_that_were_let_through_with_findings_count_neither_as_trained_nor_as_measured() -> (
    None
):
    few = b.facing(both=20, lost=0, won=60, neither=10, data=b.data(), training=b.training(rows=99))
    assert {part.sentence for part in verdict(few).blocking()} == {
        "only 99 trained rows, at least 100 required",
        "only 90 measured rows, at least 100 required",
    }


def test_a_clear_drop_fails() -> None:
    finding = verdict(b.facing(both=200, lost=60, won=10, neither=30))
    names = {part.name: part.outcome for part in finding.blocking()}
    assert names == {"incumbent": Outcome.FAILED}


def test_a_drop_that_the_rows_cannot_show_is_inconclusive() -> None:
    finding = verdict(b.facing(both=80, lost=10, won=6, neither=10))
    assert {part.outcome for part in finding.blocking()} == {Outcome.INCONCLUSIVE}


def test_a_drop_of_exactly_the_margin_fails() -> None:
    finding = verdict(b.facing(both=1650, lost=150, won=0, neither=1200))  # 0.6 to 0.55
    assert {part.name: part.outcome for part in finding.blocking()} == {"incumbent": Outcome.FAILED}


def test_a_gain_of_exactly_the_bar_passes() -> None:
    text = b.POLICY.replace("min: 0.5", "min: 0.1").replace(", max_drop: 0.05", "")
    measurements = (
        b.measurement("base", b.BASE, 0.4),
        b.measurement("incumbent", b.INCUMBENT, 0.51),
        b.measurement("candidate", b.CANDIDATE, 0.6),
    )
    evidence = b.evidence(measurements=measurements, comparisons=())
    finding = judge(
        b.policy(text), evidence, proposal_digest=b.proposal().digest, incumbent=b.INCUMBENT
    )
    assert finding.outcome is Outcome.PASSED


def test_a_figure_just_below_its_bar_does_not_read_like_the_bar() -> None:
    finding = verdict(b.facing(both=4998, lost=0, won=0, neither=5002))
    assert leaf(finding, "min").sentence == "49.98 %, at least 50.0 % required"


@pytest.mark.parametrize(
    "means",
    [
        PairedMeans(n=300, mean_difference=float("nan"), sd_difference=1.0),
        PairedMeans(n=300, mean_difference=-0.5, sd_difference=float("nan")),
        PairedMeans(n=300, mean_difference=-0.5, sd_difference=-1.0),
        PairedMeans(n=0, mean_difference=0.0, sd_difference=0.0),
    ],
)
def test_a_difference_that_is_no_number_does_not_pass(means: PairedMeans) -> None:
    comparison = b.compared().model_copy(update={"counts": None, "means": means})
    finding = verdict(b.evidence(comparisons=(comparison,)))
    assert "incumbent" in [part.name for part in finding.blocking()]


def test_the_first_version_has_no_incumbent_to_fall_behind() -> None:
    finding = verdict(b.evidence(incumbent=None, comparisons=()), incumbent=None)
    assert finding.outcome is Outcome.PASSED


@pytest.mark.parametrize(
    "change",
    [
        {"trained_tokens": 0},
        {"rows_without_trained_tokens": 1},
        {"stop_token_trained": False},
        {"rows_truncated": 1},
        {"final_loss": float("nan")},
        {"steps": 0},
    ],
)
def test_silent_failures_of_training_are_errors(change: dict[str, object]) -> None:
    assert verdict(b.evidence(training=b.training(**change))).outcome is Outcome.FAILED


counts = st.integers(min_value=0, max_value=400)


@given(counts, counts, counts, counts, st.integers(1, 200))
def test_losing_more_rows_never_turns_red_to_green(
    both: int, lost: int, won: int, neither: int, more: int
) -> None:
    before = verdict(b.facing(both + more, lost, won, neither))
    after = verdict(b.facing(both, lost + more, won, neither))
    assert before.outcome.lets_through or not after.outcome.lets_through


@given(st.sampled_from(DATA_GATES), counts)
def test_more_findings_never_improve_a_verdict(gate: str, count: int) -> None:
    fewer = verdict(b.evidence(data=b.data(**{gate: count})))
    more = verdict(b.evidence(data=b.data(**{gate: count + 1})))
    assert fewer.outcome.lets_through or not more.outcome.lets_through


def test_evidence_survives_its_own_text() -> None:
    evidence = b.evidence()
    again = parse_evidence(evidence.text(), "evidence.json")
    assert again == evidence
    assert again.digest() == evidence.digest()


def ran(stages: tuple[str, ...]) -> tuple[StageFacts, ...]:
    return tuple(StageFacts(stage=stage, outcome="done", seconds=1.0) for stage in stages)


@pytest.mark.parametrize("left_out", STAGES)
def test_evidence_that_leaves_a_stage_out_is_not_whole(left_out: str) -> None:
    stages = ran(tuple(stage for stage in STAGES if stage != left_out))
    finding = verdict(b.evidence(stages=stages))
    assert [part.name for part in finding.blocking()] == [left_out]


def test_what_follows_a_stage_that_stopped_is_not_missing() -> None:
    stopped = StageFacts(stage="validate", outcome="stopped", seconds=1.0)
    finding = verdict(b.evidence(stages=(stopped,), data=b.data(contract=1), training=None))
    assert [part.name for part in finding.blocking()] == ["validate", "contract"]


def pointer() -> Pointer:
    return Pointer(
        model=b.MODEL,
        version="v1-11111111",
        artifact=PointerArtifact(digest=b.INCUMBENT, size=1, uri="file:///r", quantisation="Q8_0"),
        evidence=PointerEvidence(path="model_cards/x.json", digest=b.OUTPUTS),
        proposal=b.proposal().digest,
    )


def recovered(share: float, model: str = b.INCUMBENT) -> Evidence:
    return b.evidence(
        kind="recovery",
        stages=ran(RECOVERY_STAGES),
        measurements=(b.measurement("candidate", model, share),),
    )


def recorded() -> Evidence:
    return b.evidence(measurements=(b.measurement("candidate", b.INCUMBENT, 0.51),))


def test_a_rollback_that_repeats_its_benchmark_passes() -> None:
    finding = judge_recovery(b.policy(), recorded(), recovered(0.51), target=pointer())
    assert finding.outcome is Outcome.PASSED


def test_a_rollback_that_loses_exactly_the_tolerance_passes() -> None:
    finding = judge_recovery(b.policy(), recorded(), recovered(0.5), target=pointer())
    assert finding.outcome is Outcome.PASSED


def test_a_rollback_that_answers_worse_than_recorded_fails() -> None:
    finding = judge_recovery(b.policy(), recorded(), recovered(0.45), target=pointer())
    assert finding.outcome is Outcome.FAILED


def test_a_rollback_with_an_impossible_benchmark_fails() -> None:
    measured = b.measurement("candidate", b.INCUMBENT, 0.51)
    metric = measured.metrics[0].model_copy(update={"value": 0.99})
    found = b.evidence(
        kind="recovery",
        stages=ran(RECOVERY_STAGES),
        measurements=(measured.model_copy(update={"metrics": (metric,)}),),
    )
    finding = judge_recovery(b.policy(), recorded(), found, target=pointer())
    assert [part.name for part in finding.blocking()] == ["contradiction"]


def test_a_rollback_to_another_artifact_fails() -> None:
    finding = judge_recovery(b.policy(), recorded(), recovered(0.51, b.CANDIDATE), target=pointer())
    assert finding.outcome is Outcome.FAILED


def test_a_rollback_without_a_record_is_missing() -> None:
    finding = judge_recovery(b.policy(), None, recovered(0.51), target=pointer())
    assert finding.outcome is Outcome.MISSING
