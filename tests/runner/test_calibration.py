"""A small calibration study: the gate is wrong no more often than its documentation says."""

from __future__ import annotations

import pytest

from benchmarks.attempts import simulate_attempts
from benchmarks.calibration import Setting, simulate, simulate_family
from policy.verdict import Outcome

TIMES = 600


@pytest.mark.parametrize("discordance", [0.05, 0.10, 0.20])
@pytest.mark.parametrize("effect", [0.0, -0.02])
@pytest.mark.parametrize("n", [100, 300, 1000])
def test_a_drop_within_the_margin_seldom_fails(n: int, effect: float, discordance: float) -> None:
    rates = simulate(Setting(n, effect, discordance), TIMES)
    assert rates.outcomes.get(Outcome.FAILED, 0.0) <= 0.05


@pytest.mark.parametrize("n", [100, 300, 1000])
def test_a_drop_of_twice_the_margin_never_slips_through(n: int) -> None:
    assert simulate(Setting(n, -0.10), TIMES).let_through <= 0.005


def test_enough_rows_decide() -> None:
    for effect in (0.0, -0.02, -0.10):
        outcomes = simulate(Setting(1000, effect), TIMES).outcomes
        assert outcomes.get(Outcome.INCONCLUSIVE, 0.0) == 0
    assert simulate(Setting(1000, 0.0), TIMES).let_through >= 0.99


def test_many_slices_are_not_blocked_for_nothing() -> None:
    plain, adjusted = simulate_family(300, 20, 150)
    assert plain > 0.15
    assert adjusted <= 0.05


@pytest.mark.parametrize("n", [300, 1000])
def test_asking_again_lets_less_through_and_not_more(n: int) -> None:
    found = simulate_attempts(Setting(n, -0.05), 300)
    assert found.all_of_them < found.first_only < found.until_one_passes
