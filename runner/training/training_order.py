"""The order of training rows: one list, a pure function of lengths, size and seed.

The trainer reads it in sequence. So resuming is simple (skip what was seen) and needs no random
state. Rows of similar length are in one batch, which saves padding; batches are in random order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

WINDOW_BATCHES = 50
"""Rows are sorted by length only within this many batches, so that epochs stay mixed."""


def steps_of(rows: int, batch: int, epochs: float, max_steps: int | None) -> int:
    """Return how many optimiser steps a training takes."""
    if max_steps is not None:
        return max_steps
    return max(1, math.ceil(rows * epochs / batch))


def training_order(lengths: Sequence[int], batch: int, steps: int, seed: int) -> list[int]:
    """Return `steps` times `batch` row numbers; each row comes once before any comes twice.

    In the window with an epoch's end, the two epochs mix.
    """
    rng = Random(seed)  # noqa: S311 - an order, not a secret
    visits: list[int] = []
    while len(visits) < steps * batch:
        epoch = list(range(len(lengths)))
        rng.shuffle(epoch)
        visits.extend(epoch)
    del visits[steps * batch :]
    order: list[int] = []
    window = WINDOW_BATCHES * batch
    for start in range(0, len(visits), window):
        part = sorted(visits[start : start + window], key=lambda row: lengths[row])
        batches = [part[at : at + batch] for at in range(0, len(part), batch)]
        rng.shuffle(batches)
        order.extend(row for group in batches for row in group)
    return order
