"""Recall and precision on the labelled set."""

from __future__ import annotations

import pytest

from countersign_ml.rows.detect import KINDS
from tests.rows.detect.labelled.score import Score, score
from tests.rows.detect.labelled.sentences import build


@pytest.fixture(scope="module")
def scores() -> dict[str, Score]:
    return score(build(seed=7, count=15))


def test_kinds_with_check_digits_reach_98_percent(scores: dict[str, Score]) -> None:
    checked = {kind: one for kind, one in scores.items() if KINDS[kind].checked}
    assert len(checked) > 40
    recall = sum(one.found for one in checked.values()) / sum(one.true for one in checked.values())
    false = sum(one.false for one in checked.values())
    assert recall >= 0.98
    assert false <= 0.02 * sum(one.found for one in checked.values())
    low = {kind: one.missed[:3] for kind, one in checked.items() if one.recall < 0.98}
    assert low == {}
    doubtful = {kind: one.wrong[:3] for kind, one in checked.items() if one.false > 1}
    assert doubtful == {}


def test_the_other_kinds_reach_95_percent(scores: dict[str, Score]) -> None:
    others = {kind: one for kind, one in scores.items() if not KINDS[kind].checked}
    assert {k: one.missed[:3] for k, one in others.items() if one.recall < 0.95} == {}
    assert {k: one.wrong[:3] for k, one in others.items() if one.precision < 0.95} == {}
