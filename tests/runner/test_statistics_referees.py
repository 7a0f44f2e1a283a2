"""scipy and statsmodels judge the statistics: the same figures on random inputs, to 1e-9.

McNemar, Wilson, Holm and the power of a mean have an independent referee. Newcombe's paired
interval is in neither package (statsmodels has only the one of two independent shares). So
tests/policy compares it with his published table, and this module with its definition, written a
second time over the referee's Wilson limits.
"""

from __future__ import annotations

import gc
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm, permutation_test
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_confint

from policy.facts.evidence import PairedCounts, PairedMeans
from policy.gates.paired_statistics import (
    compare_means,
    compare_shares,
    detectable_share,
    exact_mcnemar,
    holm,
    wilson,
)
from runner.measure.resampling import paired_means, randomisation_p

counts = st.integers(0, 2000)
same = pytest.approx
EXACT = 1e-9


@given(counts, counts)
def test_mcnemar(lost: int, won: int) -> None:
    ours = exact_mcnemar(lost, won)
    assert ours == same(mcnemar([[0, lost], [won, 0]], exact=True).pvalue, abs=EXACT)
    if lost + won:
        assert ours == same(binomtest(lost, lost + won).pvalue, rel=EXACT, abs=1e-200)


@given(counts, st.integers(1, 2000))
def test_wilson(successes: int, more: int) -> None:
    n = successes + more
    theirs = binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson(successes, n) == same((theirs.low, theirs.high), abs=EXACT)
    assert wilson(successes, n) == same(
        proportion_confint(successes, n, method="wilson"), abs=EXACT
    )


@given(counts, counts, counts, counts)
def test_newcombe(both: int, lost: int, won: int, neither: int) -> None:
    n = both + lost + won + neither
    assume(n)
    p1, p2 = (both + lost) / n, (both + won) / n
    (low1, high1), (low2, high2) = (
        proportion_confint(right, n, method="wilson") for right in (both + lost, both + won)
    )
    margins = (both + lost) * (won + neither) * (both + won) * (lost + neither)
    product = float(both * neither - lost * won)
    if product > 0:
        product = max(product - n / 2, 0.0)
    phi = product / math.sqrt(margins) if margins else 0.0
    below = (p2 - low2) ** 2 - 2 * phi * (p2 - low2) * (high1 - p1) + (high1 - p1) ** 2
    above = (high2 - p2) ** 2 - 2 * phi * (high2 - p2) * (p1 - low1) + (p1 - low1) ** 2
    found = compare_shares(
        PairedCounts(both=both, only_first=lost, only_second=won, neither=neither)
    )
    assert found.value == same(p2 - p1, abs=EXACT)
    assert found.value - found.low == same(math.sqrt(max(below, 0.0)), abs=1e-7)
    assert found.high - found.value == same(math.sqrt(max(above, 0.0)), abs=1e-7)
    assert (found.value - found.low) ** 2 == same(max(below, 0.0), abs=EXACT)
    assert (found.high - found.value) ** 2 == same(max(above, 0.0), abs=EXACT)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_holm(values: list[float]) -> None:
    gc.freeze()  # the referee collects garbage each time: a second, where torch is loaded
    try:
        theirs = multipletests(values, method="holm")[1]
    finally:
        gc.unfreeze()
    assert holm(values) == same(tuple(float(value) for value in theirs), abs=EXACT)


@settings(deadline=None)
@given(st.integers(5, 5000), st.floats(0.01, 100), st.sampled_from([0.05, 0.01, 0.001]))
def test_the_detectable_mean_has_the_power_that_it_claims(
    n: int, spread: float, alpha: float
) -> None:
    means = PairedMeans(n=n, mean_difference=0.0, sd_difference=spread)
    found = compare_means(means, alpha)
    power = NormalIndPower(ddof=0).power(found.detectable / spread, n, alpha, ratio=0)
    assert power == same(0.80, abs=1e-4)  # the other tail, which the formula leaves out
    rows = found.rows_to_show(found.detectable)
    assert rows is not None
    assert abs(rows - n) <= 1


@settings(max_examples=25)
@given(st.lists(st.lists(st.floats(-1, 1), min_size=1, max_size=6), min_size=6, max_size=30))
def test_the_error_between_clusters(rows: list[list[float]]) -> None:
    values = [value for cluster in rows for value in cluster]
    names = [f"c{at}" for at, cluster in enumerate(rows) for _ in cluster]
    found = paired_means(values, names)
    groups = [int(name[1:]) for name in names]
    fitted = OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(groups)}, use_t=True
    )
    low, high = fitted.conf_int()[0]
    half = norm.ppf(0.975) * found.sd_difference / math.sqrt(found.n)
    assert half == same((high - low) / 2, abs=EXACT)


@pytest.mark.parametrize(("clusters", "known"), [(5, False), (6, True)])
def test_few_clusters_show_nothing(clusters: int, known: bool) -> None:
    values = [-0.5 - at / 100 for at in range(60)]
    names = [f"c{at % clusters}" for at in range(60)]
    found = compare_means(paired_means(values, names))
    assert (found.p < 0.05) is known
    assert math.isfinite(found.detectable) is known


def exact_power(n: int, discordant: float, drop: float, alpha: float) -> float:
    """Return the power of the exact McNemar test, summed over every number of discordant rows."""
    discordant = max(discordant, drop)
    share = (discordant - drop) / 2 / discordant
    total = 0.0
    for rows in range(1, n + 1):
        weight = float(binom.pmf(rows, n, discordant))
        if weight < 1e-12:
            continue
        worst = int(binom.ppf(alpha / 2, rows, 0.5))
        while worst >= 0 and 2 * binom.cdf(worst, rows, 0.5) >= alpha:
            worst -= 1
        if worst >= 0:
            total += weight * float(binom.cdf(worst, rows, share))
    return total


@pytest.mark.parametrize("alpha", [0.05, 0.005])
@pytest.mark.parametrize("discordant", [0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("n", [60, 100, 300, 1000])
def test_the_detectable_share_is_shown_with_80_per_cent_power(
    n: int, discordant: float, alpha: float
) -> None:
    effect = detectable_share(n, discordant, alpha)
    power = exact_power(n, discordant, effect, alpha)
    assert 0.80 <= power <= (0.975 if n < 300 or alpha < 0.05 else 0.875)


def test_the_detectable_share_by_simulation() -> None:
    n, discordant = 300, 0.10
    effect = detectable_share(n, discordant)
    rng = np.random.default_rng(7)
    shares = [(discordant - effect) / 2, (discordant + effect) / 2, 1 - discordant]
    drawn = rng.multinomial(n, shares, 4000)
    shown = np.mean([exact_mcnemar(int(lost), int(won)) < 0.05 for won, lost, _ in drawn])
    assert 0.80 <= shown <= 0.85


@pytest.mark.parametrize("n", [60, 300, 2000])
@pytest.mark.parametrize("effect", [0.02, 0.05, 0.1])
def test_rows_to_show_turns_the_power_formula_round(n: int, effect: float) -> None:
    found = compare_shares(PairedCounts(both=n, only_first=0, only_second=0, neither=0))
    rows = found.rows_to_show(effect)
    assert rows is not None
    assert detectable_share(rows, found.spread) <= effect + EXACT
    assert detectable_share(rows - 2, found.spread) > effect


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-5, 5).map(lambda value: round(value, 3)), min_size=2, max_size=10))
def test_sign_flips_of_few_rows_are_scipys(values: list[float]) -> None:
    assume(sum(map(bool, values)) > 1)

    def total(sample: np.ndarray, axis: int = -1) -> np.ndarray:
        found: np.ndarray = np.abs(sample.sum(axis=axis))
        return found

    moved = np.asarray([value for value in values if value])
    theirs = permutation_test(
        (moved,),
        total,
        permutation_type="samples",
        alternative="greater",
        n_resamples=math.inf,
        vectorized=True,
    ).pvalue
    assert randomisation_p(np.asarray(values), 9_999, 1) == same(theirs, abs=EXACT)


def test_sign_flips_of_many_rows_agree_with_the_normal_approximation() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0.05, 1, 2000)
    z = values.sum() / math.sqrt(float(values @ values))
    assert randomisation_p(values, 9_999, 1) == same(2 * norm.sf(abs(z)), abs=0.012)


def test_the_bootstrap_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        talks = [str(number // 4) for number in range(240)]
        shift = np.repeat(rng.normal(0.1, 0.5, 60), 4)
        found = paired_means((shift + rng.normal(0, 0.3, 240)).tolist(), talks).resampled
        assert found is not None
        covered += found.low <= 0.1 <= found.high
    assert 180 <= covered <= 199


def test_rows_of_their_own_have_the_usual_spread() -> None:
    values = np.random.default_rng(5).normal(0, 1, 500)
    found = paired_means(values.tolist())
    assert found.sd_difference == same(float(values.std(ddof=1)), rel=EXACT)
    assert found.mean_difference == same(float(values.mean()), abs=EXACT)
    assert found == paired_means(values.tolist())
