"""Progress shows what is done, how fast, and how long it still takes."""

from __future__ import annotations

import pytest

from countersign_ml.pace import Pace


@pytest.mark.parametrize(
    ("spent", "count", "share", "text"),
    [
        (0.0, 0, 0.0, "tokenising, 0 rows"),
        (2.0, 4000, 0.5, "tokenising, 4,000 rows, 2,000 rows/s, 2 s left"),
        (4.0, 2, 0.1, "tokenising, 2 rows, 0.5 rows/s, 36 s left"),
        (60.0, 60, 0.25, "tokenising, 60 rows, 1.0 rows/s, 3 min left"),
        (3600.0, 36_000, 0.1, "tokenising, 36,000 rows, 10 rows/s, 9 h 0 min left"),
        (5.0, 100, 1.0, "tokenising, 100 rows, 20 rows/s"),
        (5.0, 100, 0.0, "tokenising, 100 rows, 20 rows/s"),
    ],
)
def test_the_pace_is_that_of_the_whole_step(
    spent: float, count: int, share: float, text: str
) -> None:
    now = [100.0]
    pace = Pace("tokenising", clock=lambda: now[0])
    now[0] += spent
    assert pace.at(count, share) == (text, share)
