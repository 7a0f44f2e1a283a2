"""Near duplicates: planted pairs are found as often as the theory says, and others are not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_ml.rows.gating.all_gates import GATES
from countersign_ml.rows.gating.scan import scan
from countersign_ml.rows.kept.near import near_within
from countersign_ml.rows.kept.sketch import keys_of, loosened, normalised, sketch
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.read.tally import Tally
from tests.rows.files import row, said, write

PAIRS, LENGTH = 400, 60


def table(path: Path) -> Table:
    tallies = {gate.name: Tally() for gate in GATES}
    (made,) = scan([("train", Source(str(path), path.name))], RowRules(), tallies, workers=1)
    return made


@pytest.mark.parametrize(("changed", "least", "recall"), [(3, 0.8, 0.97), (1, 0.9, 0.999)])
def test_planted_pairs_are_found(tmp_path: Path, changed: int, least: float, recall: float) -> None:
    rng = random.Random(changed)
    words = [f"word{number}" for number in range(3000)]
    texts = [rng.choices(words, k=LENGTH) for _ in range(PAIRS)]
    copies = []
    for text in texts:
        copy = list(text)
        for number, at in enumerate(rng.sample(range(0, LENGTH, 2), changed)):
            copy[at] = f"other{number}x{rng.random()}"
        copies.append(copy)
    rows: list[dict[str, Any] | bytes] = [
        row(number, messages=said(("user", " ".join(text)), ("assistant", "y")))
        for number, text in enumerate([*texts, *copies])
    ]
    near = near_within(table(write(tmp_path / "rows.jsonl", rows)), least)
    right = [at for at, other in zip(near.rows, near.others, strict=True) if at - other == PAIRS]
    assert len(right) >= recall * PAIRS
    assert len(near.rows) == len(right), "pairs that nobody planted"
    assert all(least <= jaccard <= 1 for jaccard in near.jaccard)


TEXTS = st.text(max_size=30) | st.text("aB1-.,!?'()“’ \n+", max_size=14)


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_keys_are_equal_where_normalised_texts_are(texts: list[str]) -> None:
    made = sketch(texts)
    for keys, plain in (
        (made.keys, [normalised(text) for text in texts]),
        (made.loose, [loosened(text) for text in texts]),
        (keys_of(texts), [normalised(text) for text in texts]),
    ):
        for one, first in enumerate(plain):
            for two, second in enumerate(plain):
                assert (keys[one] == keys[two]) == (first == second)
