"""The order of training is a pure function, fair to every row, and groups similar lengths."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from runner.training.training_order import steps_of, training_order

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=200)


@given(LENGTHS, st.integers(1, 9), st.integers(1, 40), st.integers(0, 99))
def test_each_row_comes_once_before_any_comes_twice(
    lengths: list[int], batch: int, steps: int, seed: int
) -> None:
    order = training_order(lengths, batch, steps, seed)
    assert len(order) == steps * batch
    visits = Counter(order)
    counts = [visits[row] for row in range(len(lengths))]
    assert max(counts) - min(counts) <= 1


@given(LENGTHS, st.integers(0, 99))
def test_the_same_seed_gives_the_same_order(lengths: list[int], seed: int) -> None:
    assert training_order(lengths, 4, 9, seed) == training_order(lengths, 4, 9, seed)


def test_another_seed_gives_another_order() -> None:
    lengths = list(range(100))
    assert training_order(lengths, 4, 25, 1) != training_order(lengths, 4, 25, 2)


def test_batches_hold_rows_of_like_length() -> None:
    lengths = [(row * 37) % 400 + 1 for row in range(400)]
    order = training_order(lengths, 8, 50, 0)
    batches = [[lengths[row] for row in order[at : at + 8]] for at in range(0, 400, 8)]
    assert max(max(batch) - min(batch) for batch in batches) < 20
    first = [batch[0] for batch in batches]
    assert first != sorted(first)


def test_steps_follow_epochs_or_are_given() -> None:
    assert steps_of(100, 8, 3, None) == 38
    assert steps_of(100, 8, 0.01, None) == 1
    assert steps_of(100, 8, 3, 7) == 7
