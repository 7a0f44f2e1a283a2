"""The drift gate: distances from counts, limits, and what chance alone gives."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.errors import UserError
from policy.facts.drift_statistics import jensen_shannon, psi
from policy.facts.evidence import Bin, Drift, Evidence, parse_evidence
from policy.files.rules import Policy
from policy.gates.consistency import contradictions
from policy.gates.drift_gate import judge_drift
from policy.verdict import Finding, Outcome
from tests.policy import builders as b


def rules(gate: str) -> Policy:
    metrics = "gates:\n  metrics:\n    - {metric: exact_match, min: 0.5}\n"
    return b.policy(f"{b.POLICY[: b.POLICY.index('gates:')]}{metrics}  drift:\n    - {gate}\n")


def drifting(*counts: tuple[int, int], against: Any = "training", **changes: Any) -> Evidence:
    bins = tuple(
        Bin(name=f"label {number}", first=first, second=second)
        for number, (first, second) in enumerate(counts)
    )
    return b.evidence(drift=(Drift(of="label", against=against, bins=bins),), **changes)


def judged(gate: str, evidence: Evidence) -> Finding:
    (found,) = judge_drift(rules(gate), evidence)
    return found


LABELS = "{of: label, against: training, warn: 0.1, fail: 0.25}"


@pytest.mark.parametrize(
    ("counts", "outcome"),
    [
        (((500, 150), (500, 150)), Outcome.PASSED),
        (((500, 100), (500, 200)), Outcome.WARNED),
        (((500, 60), (500, 240)), Outcome.FAILED),
        (((500, 0), (500, 300)), Outcome.FAILED),
    ],
)
def test_a_distance_falls_into_its_band(
    counts: tuple[tuple[int, int], ...], outcome: Outcome
) -> None:
    found = judged(LABELS, drifting(*counts))
    assert found.outcome is outcome
    assert "PSI" in found.parts[0].sentence


def test_the_bin_that_moved_most_is_named() -> None:
    found = judged(LABELS, drifting((400, 150), (300, 30), (300, 120)))
    assert "label 1, 30.0 % to 10.0 %" in found.parts[0].sentence


def test_what_chance_gives_does_not_fail() -> None:
    few = [(20, 1)] * 8 + [(20, 0)] * 7 + [(20, 3)] * 4  # 20 answers in 19 bins
    found = judged(LABELS, drifting(*few))
    assert found.outcome is Outcome.WARNED


@pytest.mark.parametrize("measure", ["psi", "jensen_shannon"])
@pytest.mark.parametrize("counts", [((500, 0), (300, 0)), ((40, 0),), ((0, 200), (0, 100))])
def test_a_model_that_says_nothing_has_not_kept_its_words(
    measure: str, counts: tuple[tuple[int, int], ...]
) -> None:
    bands = f"of: vocabulary, against: training, measure: {measure}, warn: 0.1"
    bins = tuple(Bin(name=f"w{n}", first=a, second=c) for n, (a, c) in enumerate(counts))
    silent = b.evidence(drift=(Drift(of="vocabulary", against="training", bins=bins),))
    assert judged(f"{{{bands}, fail: 0.25}}", silent).outcome is Outcome.INCONCLUSIVE
    assert judged(f"{{{bands}}}", silent).outcome is Outcome.WARNED


def test_what_was_not_measured_is_missing_and_nothing_is_asked_of_no_incumbent() -> None:
    assert judged(LABELS, b.evidence()).outcome is Outcome.MISSING
    gate = "{of: length, against: incumbent, measure: jensen_shannon, fail: 0.1}"
    assert judged(gate, b.evidence()).outcome is Outcome.MISSING
    assert judged(gate, b.evidence(incumbent=None)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("{of: label, against: training}", "requires nothing"),
        ("{of: label, against: training, warn: 0.3, fail: 0.2}", "swap them"),
        ("{of: label, against: training, warn: 0}", "warn"),
        ("{of: colour, against: training, warn: 1}", "of"),
    ],
)
def test_bands_that_make_no_sense_are_refused(gate: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        rules(gate)
    assert said in str(caught.value)


def test_drift_is_read_back_and_left_out_where_there_is_none() -> None:
    shown = drifting((500, 150), (500, 150))
    assert parse_evidence(shown.text(), "e.json") == shown
    assert contradictions(shown) == ()
    assert '"drift"' not in b.evidence().text()


def test_answers_that_were_not_measured_contradict() -> None:
    assert any("counts 299 answers" in each for each in contradictions(drifting((500, 299))))
    twice = drifting((500, 300))
    assert contradictions(twice.model_copy(update={"drift": twice.drift * 2}))


counts = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=30)


@given(counts)
def test_distances_are_symmetric_and_none_between_equals(pairs: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    assert psi(first, second) == pytest.approx(psi(second, first))
    assert psi(first, first) == 0
    assert psi(first, second) >= -1e-12
    assert jensen_shannon(first, first) == pytest.approx(0, abs=1e-12)
    if sum(first) and sum(second):
        assert -1e-12 <= jensen_shannon(first, second) <= 1 + 1e-12
    assert math.isfinite(psi(first, second))
