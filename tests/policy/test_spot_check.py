"""The sample for people to read: what binds it, and how people and judge model agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from statsmodels.stats.inter_rater import cohens_kappa

from policy.facts.spot_check import (
    MAX_CHARACTERS,
    MAX_ROWS,
    SAID,
    Agreement,
    DrawnFrom,
    Said,
    SpotCheck,
    SpotLabels,
    SpotRow,
    agreement,
    unlabelled,
)
from tests.policy import builders as b


def spot_row(number: int, **changes: Any) -> SpotRow:
    facts: dict[str, Any] = {
        "id": f"r-{number}",
        "input": "Where is it?",
        "expected": "here",
        "first": "here",
        "second": "there",
        "candidate": "first",
    }
    return SpotRow(**{**facts, **changes})


def sample(*rows: SpotRow, of: int = 300, **changes: Any) -> SpotCheck:
    facts: dict[str, Any] = {
        "seed": b.ROWS,
        "against": "incumbent",
        "candidate_outputs": b.OUTPUTS,
        "against_outputs": b.OUTPUTS,
        "drawn_from": DrawnFrom(
            rows=of,
            other_scores=3,
            other_texts=4,
            weight_of_other_scores=8,
            weight_of_other_texts=4,
        ),
        "rows": rows or (spot_row(1),),
    }
    return SpotCheck(**{**facts, **changes})


def rated(pairs: list[tuple[Said, Any]]) -> Agreement:
    """Return the agreement of a person and a judge model, pair by pair."""
    drawn = sample(*(spot_row(n, judged=judged) for n, (_, judged) in enumerate(pairs)))
    labels: dict[str, Said] = {f"r-{n}": said for n, (said, _) in enumerate(pairs)}
    return agreement(drawn, SpotLabels(sample=drawn.digest(), labels=labels))


def test_agreement_beyond_chance_is_cohens_kappa() -> None:
    # By hand: 7 of 10 agree; chance gives 0.5 * 0.4 + 0.3 * 0.4 + 0.2 * 0.2 = 0.36.
    counted: list[tuple[Said, Said, int]] = [
        ("first", "first", 4),
        ("second", "second", 2),
        ("tie", "tie", 1),
        ("first", "second", 1),
        ("second", "tie", 1),
        ("tie", "second", 1),
    ]
    found = rated([(said, judged) for said, judged, count in counted for _ in range(count)])
    assert found.rate == 0.7
    assert found.kappa == pytest.approx((0.7 - 0.36) / (1 - 0.36))


@given(st.lists(st.tuples(st.sampled_from(SAID), st.sampled_from(SAID)), min_size=1, max_size=50))
def test_kappa_is_what_statsmodels_says(pairs: list[tuple[Said, Any]]) -> None:
    found = rated(pairs)
    table = [[sum(pair == (one, other) for pair in pairs) for other in SAID] for one in SAID]
    if found.kappa is None:
        assert len(set(pairs)) == 1
        return
    assert found.kappa == pytest.approx(cohens_kappa(table, return_results=False), abs=1e-9)
    assert -1 <= found.kappa <= 1


def test_kappa_is_not_defined_if_chance_alone_agrees_on_all() -> None:
    found = rated([("first", "first"), ("first", "first")])
    assert (found.rate, found.kappa) == (1.0, None)


def test_rows_without_a_verdict_are_in_no_rate() -> None:
    found = rated([("first", "first"), ("first", "failed"), ("tie", "")])
    assert (found.rows, found.agreed) == (1, 1)
    nothing = rated([("first", "failed")])
    assert (nothing.rate, nothing.kappa) == (None, None)


def test_rows_that_nobody_labelled_are_named() -> None:
    drawn = sample(spot_row(2), spot_row(1))
    labels = SpotLabels(sample=drawn.digest(), labels={"r-1": "tie"})
    assert unlabelled(drawn, labels) == ("r-2",)


@pytest.mark.parametrize(
    "change",
    [{"first": "elsewhere"}, {"candidate": "second"}, {"judged": "tie"}, {"id": "r-9"}],
)
def test_the_digest_is_of_all_that_was_read(change: dict[str, Any]) -> None:
    assert sample(spot_row(1, **change)).digest() != sample(spot_row(1)).digest()


@pytest.mark.parametrize(
    ("rows", "of", "message"),
    [
        ([spot_row(1), spot_row(1)], 300, "twice"),
        ([spot_row(1), spot_row(2)], 1, "other_scores and other_texts are more"),
        ([spot_row(n) for n in range(8)], 7, "more rows than it was drawn from"),
        ([spot_row(n) for n in range(MAX_ROWS + 1)], 300, "at most 50"),
        (
            [spot_row(n, first="x" * 1000) for n in range(MAX_CHARACTERS // 1000 + 1)],
            300,
            "more than 40000 characters",
        ),
    ],
)
def test_a_sample_that_cannot_be_shown_is_none(rows: list[SpotRow], of: int, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        sample(*rows, of=of)
