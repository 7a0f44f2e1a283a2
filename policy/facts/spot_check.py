"""The spot-check: a drawn sample that people read, what they said of it, and how they agree.

The runner draws the sample and keeps it in the evidence. People say of each row which answer is
better, without being told whose it is; their signature names the sample's digest.
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
"""Characters of one text, with the mark where it was cut."""
MAX_CHARACTERS = 40_000
"""Characters of all texts together: a comment on GitHub holds 65,536 with all that is around."""
MAX_ID = 200

Place = Literal["first", "second"]
Said = Literal["first", "second", "tie"]
"""Which of the two answers is better, as they stand in the sample."""
SAID: tuple[Said, ...] = ("first", "second", "tie")

_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Text = Annotated[str, Field(max_length=MAX_TEXT)]
RowId = Annotated[str, Field(min_length=1, max_length=MAX_ID)]


class SpotRow(Document):
    """One held-out row with two answers; which of them is the candidate's was drawn by the seed."""

    id: RowId
    input: _Text
    expected: _Text
    first: _Text
    second: _Text
    candidate: Place
    """Where the candidate's answer stands. No reader is shown this before everything is signed."""
    judged: Said | Literal["failed", ""] = ""
    """What the judge model said of the answers as they stand here, both orders taken together;
    empty where none was asked."""


class DrawnFrom(Document):
    """What the rows were drawn from: how many there were, and how much likelier some were."""

    rows: _Count
    other_scores: _Count
    """Rows on which the two versions' scores differ."""
    other_texts: _Count
    """Rows with equal scores on which the answers are not the same text."""
    weight_of_other_scores: Annotated[int, Field(ge=1)]
    weight_of_other_texts: Annotated[int, Field(ge=1)]
    """A row on which nothing differs has the weight 1."""

    @property
    def disagreements(self) -> int:
        """Return on how many rows the versions differ in anything."""
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
    """Whose answers stand beside the candidate's."""
    candidate_outputs: Digest
    against_outputs: Digest
    """Digests of the two versions' files of outputs, as their measurements name them."""
    drawn_from: DrawnFrom
    rows: Annotated[tuple[SpotRow, ...], Field(min_length=1, max_length=MAX_ROWS)]

    @model_validator(mode="after")
    def _can_be_shown(self) -> SpotCheck:
        ids = [row.id for row in self.rows]
        if len(set(ids)) < len(ids):
            raise ValueError("a row stands in the sample twice")
        if len(ids) > self.drawn_from.rows:
            raise ValueError("the sample has more rows than it was drawn from")
        texts = ((row.input, row.expected, row.first, row.second) for row in self.rows)
        if sum(len(text) for four in texts for text in four) > MAX_CHARACTERS:
            raise ValueError(f"the sample's texts are more than {MAX_CHARACTERS} characters")
        return self

    def digest(self) -> str:
        """Return what a signature names: the digest of the canonical JSON of all of this."""
        return digest_of(self.plain())


class SpotLabels(Document):
    """What one person said of a sample's rows, by row id."""

    sample: Digest
    """The digest of the sample that was read."""
    labels: Annotated[dict[RowId, Said], Field(min_length=1, max_length=MAX_ROWS)]


@dataclass(frozen=True)
class Agreement:
    """How far two raters agree on the rows that both said something of."""

    rows: int
    agreed: int
    by_luck: int
    """`rows` squared times the share on which two who only kept their habits would agree."""

    @property
    def rate(self) -> float | None:
        """Return the share of rows on which both said the same; None where there are none."""
        return self.agreed / self.rows if self.rows else None

    @property
    def kappa(self) -> float | None:
        """Return Cohen's kappa; None where luck alone would agree on every row, or none is there.

        kappa = (p_o - p_e) / (1 - p_e), with p_o the observed and p_e the expected agreement, the
        latter the sum over what can be said of the product of both raters' shares (Cohen 1960).
        """
        most = self.rows**2
        if self.by_luck == most:
            return None
        return (self.rows * self.agreed - self.by_luck) / (most - self.by_luck)


def agreement(sample: SpotCheck, labels: SpotLabels) -> Agreement:
    """Return how far a person and the judge model agree on a sample.

    Both speak of the answers as they stand, blind to whose they are, so that agreeing by luck means
    guessing places. Rows that the judge failed on, or that the person left out, are not counted.
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
    """Return the ids of the rows that a person said nothing of, in the sample's order."""
    return tuple(row.id for row in sample.rows if row.id not in labels.labels)
