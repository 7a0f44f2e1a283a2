"""The paired statistics: published examples and laws."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.facts.evidence import PairedCounts, PairedMeans
from policy.gates.paired_statistics import compare_means, compare_shares, exact_mcnemar, wilson

counts = st.integers(min_value=0, max_value=500)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, 2635-2650, table II, method 10.
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((36, 14, 0, 0), 0.1528, 0.4174),
    ],
)
def test_newcombes_published_intervals(
    table: tuple[int, int, int, int], low: float, high: float
) -> None:
    a, lost, won, d = table
    found = compare_shares(PairedCounts(both=a, only_first=lost, only_second=won, neither=d))
    assert (-found.high, -found.low) == pytest.approx((low, high), abs=1e-3)


def test_wilsons_published_interval() -> None:
    # Newcombe (1998), Statistics in Medicine 17, 857-872: 81 of 263.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


@given(counts, counts)
def test_mcnemar_is_the_binomial_tail(first: int, second: int) -> None:
    n, k = first + second, min(first, second)
    exact = min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n)
    assert exact_mcnemar(first, second) == pytest.approx(exact, rel=1e-9)


def test_mcnemar_of_millions_of_rows_is_the_normal_approximation() -> None:
    first, second = 500_000_000, 500_050_000
    z = (second - first - 1) / math.sqrt(first + second)
    assert exact_mcnemar(first, second) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-3)


@given(counts, counts, counts, counts)
def test_swapping_the_two_subjects_turns_the_difference_round(
    both: int, first: int, second: int, neither: int
) -> None:
    one = compare_shares(
        PairedCounts(both=both, only_first=first, only_second=second, neither=neither)
    )
    other = compare_shares(
        PairedCounts(both=both, only_first=second, only_second=first, neither=neither)
    )
    if one.n:
        assert one.value == pytest.approx(-other.value, abs=1e-12)
        assert one.low == pytest.approx(-other.high, abs=1e-9)
        assert one.p == other.p
        assert one.low <= one.value <= one.high


def test_two_means_without_spread_differ_for_certain_or_not_at_all() -> None:
    same = compare_means(PairedMeans(n=10, mean_difference=0.0, sd_difference=0.0))
    other = compare_means(PairedMeans(n=10, mean_difference=0.1, sd_difference=0.0))
    assert (same.p, other.p) == (1.0, 0.0)


def test_one_row_shows_nothing() -> None:
    assert compare_means(PairedMeans(n=1, mean_difference=1.0, sd_difference=0.0)).p == 1.0
