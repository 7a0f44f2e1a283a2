"""The spot-check: a random sample for people to read, their marks, and how well they agree.

The runner draws the sample and stores it in the evidence. People mark which answer of each row is
better, without knowing whose answers they are. Their signature names the sample's digest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from policy.canonical import digest_of
from policy.documents import Document
from policy.names import Digest

MAX_ROWS = 50
MAX_TEXT = 1_200
"""Characters of one text, including the mark of a cut."""
MAX_CHARACTERS = 40_000
"""Characters of all texts together: a GitHub comment is limited to 65,536 in total."""
MAX_ID = 200

Place = Literal["first", "second"]
Said = Literal["first", "second", "tie"]
"""Which of the two answers is better, in the sample's order."""
SAID: tuple[Said, ...] = ("first", "second", "tie")

_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Text = Annotated[str, Field(max_length=MAX_TEXT)]
RowId = Annotated[str, Field(min_length=1, max_length=MAX_ID)]


class SpotRow(Document):
    """One held-out row with two answers in a seeded random order."""

    id: RowId
    input: _Text
    expected: _Text
    first: _Text
    second: _Text
    candidate: Place
    """Which answer is the candidate's. No reader sees this before all signatures are given."""
    judged: Said | Literal["failed", ""] = ""
    """The judge model's verdict over both orders, in terms of this row's order; empty if no judge
    model was called."""


class DrawnFrom(Document):
    """What the rows were drawn from: how many there were, and the weights of the draw."""

    rows: _Count
    other_scores: _Count
    """Rows on which the two versions' scores differ."""
    other_texts: _Count
    """Rows with equal scores on which the answers are not the same text."""
    weight_of_other_scores: Annotated[int, Field(ge=1)]
    weight_of_other_texts: Annotated[int, Field(ge=1)]
    """A row on which nothing differs has weight 1."""

    @property
    def disagreements(self) -> int:
        """Return on how many rows the versions differ in any way."""
        return self.other_scores + self.other_texts

    @model_validator(mode="after")
    def _counts_agree(self) -> DrawnFrom:
        if self.disagreements > self.rows:
            raise ValueError("other_scores and other_texts are more than the rows")
        return self


class SpotCheck(Document):
    """A sample of rows with the candidate's and another version's answers, for people to read."""

    seed: str
    against: Literal["incumbent", "base"]
    """The version that the candidate is compared with."""
    candidate_outputs: Digest
    against_outputs: Digest
    """Digests of the two versions' output files, as in their measurements."""
    drawn_from: DrawnFrom
    rows: Annotated[tuple[SpotRow, ...], Field(min_length=1, max_length=MAX_ROWS)]

    @model_validator(mode="after")
    def _can_be_shown(self) -> SpotCheck:
        ids = [row.id for row in self.rows]
        if len(set(ids)) < len(ids):
            raise ValueError("a row is in the sample twice")
        if len(ids) > self.drawn_from.rows:
            raise ValueError("the sample has more rows than it was drawn from")
        texts = ((row.input, row.expected, row.first, row.second) for row in self.rows)
        if sum(len(text) for four in texts for text in four) > MAX_CHARACTERS:
            raise ValueError(f"the sample's texts are more than {MAX_CHARACTERS} characters")
        return self

    def digest(self) -> str:
        """Return the digest that a signature names: of this sample's canonical JSON."""
        return digest_of(self.plain())


class SpotLabels(Document):
    """One person's marks of a sample's rows, by row id."""

    sample: Digest
    """The digest of the sample that the person read."""
    labels: Annotated[dict[RowId, Said], Field(min_length=1, max_length=MAX_ROWS)]


@dataclass(frozen=True)
class Agreement:
    """How well two raters agree on the rows that both judged."""

    rows: int
    agreed: int
    by_luck: int
    """`rows` squared times the agreement that is expected by chance."""

    @property
    def rate(self) -> float | None:
        """Return the share of rows on which both agree; None if there are no rows."""
        return self.agreed / self.rows if self.rows else None

    @property
    def kappa(self) -> float | None:
        """Return Cohen's kappa; None if there are no rows, or chance alone agrees on every row.

        kappa = (p_o - p_e) / (1 - p_e), where p_o is the observed and p_e the expected agreement:
        the sum over all marks of the product of both raters' shares (Cohen 1960).
        """
        most = self.rows**2
        if self.by_luck == most:
            return None
        return (self.rows * self.agreed - self.by_luck) / (most - self.by_luck)


def agreement(sample: SpotCheck, labels: SpotLabels) -> Agreement:
    """Return how well a person and the judge model agree on a sample.

    Both judge the answers blind, in the sample's order, so chance agreement means guessing places.
    Rows on which the judge model failed, or that the person left out, do not count.
    """
    pairs = Counter(
        (labels.labels[row.id], row.judged)
        for row in sample.rows
        if row.id in labels.labels and row.judged in SAID
    )
    person: Counter[str] = Counter()
    judge: Counter[str] = Counter()
    for (said, judged), count in pairs.items():
        person[said] += count
        judge[judged] += count
    return Agreement(
        rows=pairs.total(),
        agreed=sum(pairs[said, said] for said in SAID),
        by_luck=sum(person[said] * judge[said] for said in SAID),
    )


def unlabelled(sample: SpotCheck, labels: SpotLabels) -> tuple[str, ...]:
    """Return the ids of the rows that a person did not judge, in the sample's order."""
    return tuple(row.id for row in sample.rows if row.id not in labels.labels)
