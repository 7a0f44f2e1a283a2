"""Answers in bins, and scipy as the referee of the distances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2, entropy

from policy.facts.drift_statistics import PSEUDO, by_luck, distance, jensen_shannon, psi
from policy.facts.evidence import Bin, Drift
from runner.measure.answer_drift import NAMED, drift_of
from tests.runner.test_comparing import FIELDS, LABELS, TEXT, answered, row

counts = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=30)


@given(counts)
def test_distances_are_scipys(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, dtype=float).T
    assume(first.sum() and second.sum())
    ours = jensen_shannon([a for a, _ in pairs], [b for _, b in pairs])
    assert ours == pytest.approx(jensenshannon(first, second, base=2) ** 2, abs=1e-9)
    one, other = first + PSEUDO, second + PSEUDO
    theirs = entropy(one, other) + entropy(other, one)
    assert psi([a for a, _ in pairs], [b for _, b in pairs]) == pytest.approx(theirs, abs=1e-9)


def test_luck_is_chi_square() -> None:
    bins = tuple(Bin(name=str(number), first=40, second=30) for number in range(12))
    drift = Drift(of="label", against="training", bins=bins)
    exact = chi2.ppf(0.95, 11) * (1 / 480 + 1 / 360)
    assert by_luck(drift, "psi") == pytest.approx(exact, rel=0.005)


@pytest.mark.parametrize("measure", ["psi", "jensen_shannon"])
def test_luck_is_exceeded_as_seldom_as_it_says(measure: str) -> None:
    rng = np.random.default_rng(5)
    shares = rng.dirichlet(np.ones(8) * 5)
    above = 0
    for _ in range(600):
        first, second = rng.multinomial(400, shares), rng.multinomial(300, shares)
        bins = tuple(
            Bin(name=str(number), first=int(a), second=int(b))
            for number, (a, b) in enumerate(zip(first, second, strict=True))
        )
        drift = Drift(of="label", against="incumbent", bins=bins)
        above += distance(drift, measure) > by_luck(drift, measure)  # type: ignore[arg-type] # a Literal
    assert 12 <= above <= 54


def test_labels_lengths_and_words_are_counted() -> None:
    rows = [row(number, "spam" if number % 2 else "ham") for number in range(10)]
    said = ["spam"] * 9 + ["no idea at all"]
    subjects = {
        "incumbent": answered(rows, [each.answer for each in rows], LABELS),
        "candidate": answered(rows, said, LABELS),
    }
    found = {
        (each.of, each.against): {one.name: (one.first, one.second) for one in each.bins}
        for each in drift_of(subjects, rows[:4], LABELS)  # type: ignore[arg-type] # a dict of Subject
    }
    assert found["label", "incumbent"] == {
        "spam": (5, 9),
        "ham": (5, 0),
        "no idea at all": (0, 1),
    }
    assert sum(first for first, _ in found["label", "training"].values()) == 4
    assert sum(second for _, second in found["length", "training"].values()) == 10
    assert found["vocabulary", "incumbent"]["idea"] == (0, 1)


def test_only_a_classification_has_labels_and_many_words_stand_together() -> None:
    rows = [row(number, f"word{number} and more") for number in range(100)]
    subjects = {"candidate": answered(rows, [each.answer for each in rows], TEXT)}
    found = drift_of(subjects, rows, TEXT)  # type: ignore[arg-type] # a dict of Subject
    assert [(each.of, each.against) for each in found] == [
        ("length", "training"),
        ("vocabulary", "training"),
    ]
    words = found[1].bins
    assert (len(words), words[-1].name) == (NAMED + 1, "(others)")
    assert sum(each.first for each in words) == 300
    assert all(distance(each, "psi") == 0 for each in found)


def test_nothing_is_held_against_nothing() -> None:
    rows = [row(1, "{}")]
    subjects = {"candidate": answered(rows, ["{}"], FIELDS)}
    assert drift_of(subjects, (), FIELDS) == ()  # type: ignore[arg-type] # a dict of Subject
