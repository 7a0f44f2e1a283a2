"""Facts of one run that cannot all be true."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.facts.evidence import Evidence, Metric, PairedMeans, ParityFacts, RowFinding
from policy.gates.consistency import contradictions
from tests.policy import builders as b

counts = st.integers(min_value=0, max_value=400)


def measured(subject: str, **changes: Any) -> Evidence:
    """Return good evidence in which one subject's measurement says otherwise."""
    good = b.evidence()
    return good.model_copy(
        update={
            "measurements": tuple(
                each.model_copy(update=changes) if each.subject == subject else each
                for each in good.measurements
            )
        }
    )


def figured(subject: str, **changes: Any) -> Evidence:
    """Return good evidence in which one subject's figure says otherwise."""
    found = b.evidence().measurement(subject)  # type: ignore[arg-type]  # a subject by name
    assert found is not None
    return measured(subject, metrics=(found.metrics[0].model_copy(update=changes),))


def with_means(means: PairedMeans, **changes: Any) -> Evidence:
    """Return evidence of a mean that rose from 0.5 to 0.75."""
    values = {"base": 0.0, "incumbent": 0.5, "candidate": 0.75}
    measurements = tuple(
        each.model_copy(
            update={
                "metrics": (Metric(name="rouge_l", kind="mean", value=values[each.subject], n=300),)
            }
        )
        for each in b.evidence().measurements
    )
    comparison = b.compared().model_copy(
        update={"metric": "rouge_l", "counts": None, "means": means, **changes}
    )
    return b.evidence(measurements=measurements, comparisons=(comparison,))


def test_good_evidence_holds_together() -> None:
    assert contradictions(b.evidence()) == ()
    assert contradictions(b.evidence(incumbent=None)) == ()
    good = PairedMeans(n=300, mean_difference=0.25, sd_difference=0.1)
    assert contradictions(with_means(good)) == ()


@given(counts, counts, counts, counts)
def test_figures_of_the_same_rows_never_contradict(
    both: int, lost: int, won: int, neither: int
) -> None:
    assert contradictions(b.facing(both, lost, won, neither)) == ()


def changed(part: Any, **changes: Any) -> Any:
    return part.model_copy(update=changes)


GATE = b.data().gates[0]
ROW = RowFinding(file="train.jsonl", line=1, message="x")


@pytest.mark.parametrize(
    ("evidence", "what"),
    [
        (figured("candidate", successes=900), "900 of 300 rows right"),
        (figured("candidate", successes=None), "None of 300 rows right"),
        (figured("candidate", value=0.99), "given as 0.99"),
        (figured("candidate", value=float("nan")), "given as nan"),
        (figured("base", n=1, successes=0), "kind, row count or direction"),
        (figured("incumbent", higher_is_better=False), "kind, row count or direction"),
        (figured("candidate", n=400, successes=360), "400, but there are only 300"),
        (measured("incumbent", rows=b.OUTPUTS), "other rows than the candidate"),
        (measured("incumbent", model=b.OUTPUTS), "the measured incumbent is"),
        (measured("base", model=b.OUTPUTS), "the measured base is"),
        (
            b.evidence(comparisons=(b.compared(both=1, lost=0, won=0, neither=0),)),
            "match the measured figures",
        ),
        (b.evidence(comparisons=(b.compared(both=149, lost=4),)), "match the measured figures"),
        (b.evidence(comparisons=(changed(b.compared(), counts=None),)), "either counts or means"),
        (b.evidence(measurements=b.evidence().measurements[2:]), "not both were measured"),
        (b.evidence(training=b.training(rows=1001)), "1001, but there are only 1000"),
        (b.evidence(training=b.training(trained_tokens=10**6)), "trained tokens"),
        (
            b.evidence(data=changed(b.data(), gates=(changed(GATE, findings=(ROW,)),))),
            "1, but there are only 0",
        ),
        (b.evidence(data=changed(b.data(), splits=b.data().splits * 2)), "is listed twice"),
        (b.evidence(proposal=changed(b.proposal(), base_revision="f" * 40)), "the listed inputs"),
        (b.evidence(model="other"), "its proposal about"),
        (
            b.evidence(
                parity=ParityFacts(
                    prompts=1, prompts_with_equal_tokens=1, answers=1, equal_answers=1
                )
            ),
            "only 1 answers were compared",
        ),
        (
            b.evidence(
                parity=ParityFacts(
                    prompts=300, prompts_with_equal_tokens=300, answers=300, equal_answers=301
                )
            ),
            "equal answers: 301",
        ),
        (
            with_means(PairedMeans(n=300, mean_difference=0.5, sd_difference=0.1)),
            "match the measured figures",
        ),
        (
            with_means(PairedMeans(n=300, mean_difference=0.25, sd_difference=-0.1)),
            "match the measured figures",
        ),
    ],
)
def test_what_cannot_all_be_true_is_said(evidence: Evidence, what: str) -> None:
    found = contradictions(evidence)
    assert any(what in sentence for sentence in found), found
