"""Recall and precision by kind: a find counts only with the right kind at the right place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from countersign_ml.rows.detect import scan
from tests.rows.detect.labelled.sentences import Sample


@dataclass
class Score:
    """Counts for one kind, and the texts that went wrong."""

    true: int = 0
    found: int = 0
    false: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.found / self.true if self.true else 1.0

    @property
    def precision(self) -> float:
        hits = self.found + self.false
        return self.found / hits if hits else 1.0


def score(samples: Iterable[Sample]) -> dict[str, Score]:
    """Return the score of each kind; a hit that is not the labelled span exactly is a false one."""
    scores: dict[str, Score] = {}
    for text, truth in samples:
        hits = Counter((hit.kind, hit.start, hit.end) for hit in scan(text))
        for kind, start, end in truth:
            one = scores.setdefault(kind, Score())
            one.true += 1
            if hits.pop((kind, start, end), 0):
                one.found += 1
            else:
                one.missed.append(text)
        for kind, start, end in hits:
            one = scores.setdefault(kind, Score())
            one.false += 1
            one.wrong.append(f"{text[start:end]!r} in {text!r}")
    return dict(sorted(scores.items()))
