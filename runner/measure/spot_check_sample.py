"""Draw the sample that people read: by seed, mostly rows on which two versions differ.

Nobody picks the rows. The seed comes from the proposal and from both files of outputs: an author
could try many proposals for their digest, but the files contain times that nobody knows beforehand.
Rows are drawn without replacement, each with a weight, by the keys of Efraimidis and Spirakis
(2006): the largest of u^(1/weight).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from countersign_ml.rows.read.row import Row
from policy.canonical import digest_of
from policy.facts.evidence import Subject
from policy.facts.spot_check import (
    MAX_CHARACTERS,
    MAX_ID,
    MAX_TEXT,
    DrawnFrom,
    Said,
    SpotCheck,
    SpotRow,
)
from runner.measure.scoring import Scored
from runner.measure.subject_metrics import TIMES

OTHER_SCORES, OTHER_TEXTS = 8, 4
"""Weights of rows whose scores differ, and of rows on which only the texts differ; others weigh 1.
If a tenth of the scores differ, about half of the sample does."""
MARKS = 120
"""Characters reserved for the marks of text that was cut off."""
_SAID: dict[float, Said] = {1.0: "first", 0.5: "tie", 0.0: "second"}
"""What the judge model's score of the candidate means if the candidate is first."""


@dataclass(frozen=True)
class Answered:
    """One subject's answer to each row, and the digest of their file."""

    subject: Subject
    outputs: str
    texts: tuple[str, ...]
    scores: tuple[Mapping[str, bool | float], ...]

    @classmethod
    def of(cls, subject: Subject, outputs: str, scored: Sequence[Scored]) -> Answered:
        texts = tuple(each.answer.text for each in scored)
        return cls(subject, outputs, texts, tuple(each.scores for each in scored))


def draw(
    rows: Sequence[Row],
    candidate: Answered,
    against: Answered,
    *,
    proposal: str,
    count: int,
    judged: Sequence[float | None] = (),
) -> SpotCheck:
    """Return a sample of `count` rows, or of all if there are fewer.

    `judged` is the judge model's score of the candidate on each row: 1, a half or 0, None if it
    failed; empty if no judge model was asked.
    """
    seed = digest_of([proposal, candidate.outputs, against.outputs])
    rng = Random(seed)  # noqa: S311 - repeatable, not secret
    weights = [_weight(candidate, against, number) for number in range(len(rows))]
    keys = [rng.random() ** (1 / weight) for weight in weights]
    largest = sorted(range(len(rows)), key=keys.__getitem__, reverse=True)[:count]
    drawn = sorted(largest)
    room = min(MAX_TEXT, MAX_CHARACTERS // (4 * max(1, len(drawn)))) - MARKS
    found = Counter(weights)
    shown: list[SpotRow] = []
    for number in drawn:
        stands_first = rng.random() < 0.5
        order = (candidate, against) if stands_first else (against, candidate)
        first, second = pair_shown(order[0].texts[number], order[1].texts[number], room)
        shown.append(
            SpotRow(
                id=_named(rows[number], number, {row.id for row in shown}),
                input=shown_text(rows[number].last_user_text, room),
                expected=shown_text(rows[number].answer, room),
                first=first,
                second=second,
                candidate="first" if stands_first else "second",
                judged=_judged(judged[number], stands_first) if judged else "",
            )
        )
    return SpotCheck(
        seed=seed,
        against="base" if against.subject == "base" else "incumbent",
        candidate_outputs=candidate.outputs,
        against_outputs=against.outputs,
        drawn_from=DrawnFrom(
            rows=len(rows),
            other_scores=found[OTHER_SCORES],
            other_texts=found[OTHER_TEXTS],
            weight_of_other_scores=OTHER_SCORES,
            weight_of_other_texts=OTHER_TEXTS,
        ),
        rows=tuple(shown),
    )


def shown_text(text: str, room: int) -> str:
    """Return a text's beginning, and how much of it is not shown."""
    if len(text) <= room:
        return text
    return text[:room] + f" [... {len(text) - room} more characters]"


def pair_shown(one: str, other: str, room: int) -> tuple[str, str]:
    """Return two texts from shortly before they differ, so that a reader sees the difference."""
    pairs = enumerate(zip(one, other, strict=False))
    alike = next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
    if max(len(one), len(other)) <= room or alike <= room // 2:
        return shown_text(one, room), shown_text(other, room)
    begin = alike - room // 4
    before = f"[the first {begin} characters are the same ...] "
    return before + shown_text(one[begin:], room), before + shown_text(other[begin:], room)


def _weight(candidate: Answered, against: Answered, number: int) -> int:
    mine, other = candidate.scores[number], against.scores[number]
    if any(mine[name] != other[name] for name in mine.keys() & other.keys() - TIMES):
        return OTHER_SCORES
    return OTHER_TEXTS if candidate.texts[number] != against.texts[number] else 1


def _judged(score: float | None, candidate_first: bool) -> Said | Literal["failed"]:
    if score is None:
        return "failed"
    return _SAID[score if candidate_first else 1 - score]


def _named(row: Row, number: int, taken: set[str]) -> str:
    """Return the row's id, or its place if the id is too long, empty or repeated."""
    if 0 < len(row.id) <= MAX_ID and row.id not in taken:
        return row.id
    return f"{row.id[: MAX_ID // 2]} (row {number + 1})"
