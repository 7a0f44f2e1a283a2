"""What a run may cost."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import documents
from policy.errors import UserError
from policy.files.budget import BYTES_PER_TOKEN, Budget, Estimate, estimate, judge_budget
from policy.files.recipe import Recipe
from policy.verdict import Finding, Outcome

GPU: dict[str, Any] = {"tokens_per_second": 1000, "price_per_hour": 2.5, "roles": ("ml-lead",)}


def recipe(**changes: Any) -> Recipe:
    return Recipe(base_model="models/support-triage/base", **changes)


def judged(train_bytes: int | None, budget: Budget, **changes: Any) -> Finding:
    return judge_budget(budget, estimate(recipe(**changes), train_bytes, budget))


def test_without_limits_there_is_no_budget() -> None:
    finding = judged(None, Budget(**GPU))
    assert finding == Finding("budget", Outcome.PASSED, "no budget is set")


def test_a_file_is_estimated_by_its_bytes_and_epochs() -> None:
    found = estimate(recipe(num_train_epochs=3), 962_464, Budget(**GPU))
    assert found is not None
    assert found.tokens == 3 * 962_464 / BYTES_PER_TOKEN
    assert found.hours == pytest.approx(found.tokens / 3_600_000)
    assert found.cost == pytest.approx(2.5 * found.tokens / 3_600_000)
    assert found.sentences == (
        "this run is estimated at 1,443,696 tokens, 0.41 h and 1.01 EUR",
        "962,464 bytes of rows at 2 bytes per token, 3 epochs",
    )


def test_a_run_within_its_limits_says_what_it_is_estimated_at() -> None:
    finding = judged(10_000, Budget(**GPU, max_hours=2, max_cost=5))
    assert finding.outcome is Outcome.PASSED
    assert finding.sentence == (
        "this run is estimated at 5,000 tokens, 0.01 h and 0.01 EUR, "
        "within max_hours 2 and max_cost 5 EUR"
    )


def test_a_run_above_a_limit_says_which_and_who_may_start_it() -> None:
    finding = judged(24_480_000, Budget(**GPU, max_hours=2, max_tokens=10**8))
    assert finding.outcome is Outcome.MISSING
    assert finding.sentence == (
        "this run is estimated at 12,240,000 tokens, 3.4 h and 8.50 EUR, above max_hours 2; "
        "holders of the role ml-lead may start it"
    )


def test_where_no_role_may_spend_more_the_sentence_says_what_to_do() -> None:
    finding = judged(1000, Budget(max_tokens=10))
    assert finding.sentence.endswith("make it smaller, or name in budget.roles who may start it")


@pytest.mark.parametrize(
    ("given_budget", "needed"),
    [
        ({"max_hours": 1}, "max_hours 1 cannot be checked without tokens_per_second"),
        ({"max_cost": 1}, "max_cost 1 EUR cannot be checked without tokens_per_second and price"),
        (
            {"max_cost": 1, "tokens_per_second": 5},
            "max_cost 1 EUR cannot be checked without tokens_per_second and price_per_hour",
        ),
    ],
)
def test_a_limit_on_what_is_not_known_is_not_met(given_budget: dict[str, Any], needed: str) -> None:
    finding = judged(2, Budget(**given_budget))
    assert finding.outcome is Outcome.MISSING
    assert needed in finding.sentence


def test_rows_of_unknown_size_meet_no_limit() -> None:
    finding = judged(None, Budget(max_tokens=10**9, roles=("ml-lead",)))
    assert finding.outcome is Outcome.MISSING
    assert finding.sentence.startswith("the size of the training data is unknown")


def test_max_steps_counts_in_place_of_the_epochs() -> None:
    """Training obeys max_steps whatever the epochs are, so few epochs hide nothing."""
    changes = {"max_steps": 1000, "per_device_train_batch_size": 4, "max_length": 512}
    found = estimate(
        recipe(num_train_epochs=0.1, gradient_accumulation_steps=2, **changes), 100, Budget()
    )
    assert found is not None
    assert found.tokens == 1000 * 8 * 512
    assert estimate(recipe(**changes), None, Budget()) is not None


def test_a_cost_just_above_the_limit_also_looks_so() -> None:
    finding = judged(14_402_000, Budget(**GPU, max_hours=2))
    assert "2.01 h" in finding.sentence


@pytest.mark.parametrize("steps", [10**18, 10**400, int("9" * 4000)])
def test_more_steps_than_can_be_counted_meet_no_limit(steps: int) -> None:
    for limit in ("max_tokens", "max_hours", "max_cost"):
        limits: dict[str, Any] = {limit: 1e300 if steps > 10**300 else 1}
        finding = judged(None, Budget(**GPU, **limits), max_steps=steps)
        assert finding.outcome is Outcome.MISSING
        assert "more than 10^15" in finding.sentence


def test_a_machine_that_costs_nothing_has_no_limit_on_endless_hours() -> None:
    free = Budget(tokens_per_second=5e-324, price_per_hour=0, max_cost=1)
    assert judged(10**6, free).outcome is Outcome.MISSING


@pytest.mark.parametrize("value", [".nan", ".inf", "-1", "0"])
def test_a_limit_is_a_number_above_nothing(value: str) -> None:
    with pytest.raises(UserError):
        documents.parse(Budget, f"max_hours: {value}", "p.yml")


figures = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))
limits = st.one_of(st.none(), st.floats(min_value=1e-3, max_value=1e12))


@given(st.integers(0, 10**30), figures, figures, limits, limits, limits)
def test_only_figures_that_keep_within_every_limit_pass(
    tokens: int,
    hours: float | None,
    cost: float | None,
    max_tokens: float | None,
    max_hours: float | None,
    max_cost: float | None,
) -> None:
    budget = Budget(max_tokens=max_tokens, max_hours=max_hours, max_cost=max_cost)
    finding = judge_budget(budget, Estimate(tokens, hours, cost, ("this run", "")))
    pairs = ((tokens, max_tokens), (hours, max_hours), (cost, max_cost))
    holds = all(
        limit is None or (figure is not None and not math.isnan(figure) and figure <= limit)
        for figure, limit in pairs
    )
    assert finding.outcome is (Outcome.PASSED if holds else Outcome.MISSING)


@given(
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.floats(0.01, 1000),
    st.floats(1e-3, 1e9),
)
def test_more_bytes_are_never_estimated_at_less(
    fewer: int, more: int, epochs: float, speed: float
) -> None:
    budget = Budget(tokens_per_second=speed, price_per_hour=1)
    fewer, more = sorted((fewer, more))
    small = estimate(recipe(num_train_epochs=epochs), fewer, budget)
    large = estimate(recipe(num_train_epochs=epochs), more, budget)
    assert small is not None
    assert large is not None
    assert small.hours is not None
    assert large.hours is not None
    assert small.tokens <= large.tokens
    assert small.hours <= large.hours
