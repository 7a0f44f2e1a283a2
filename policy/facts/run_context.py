"""What stands around a measurement: how the data came to be, what was expected, what was before.

Facts that a report tells and no gate reads. All of it is bounded, so that it can stand in the
evidence. File names, ids and labels in it were written by whoever wrote the rows.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from policy.documents import Document
from policy.facts.data_diff import DataDiff
from policy.names import Digest, GitSha

MAX_EARLIER = 20
"""How many versions before this one are told of, the latest."""
MAX_METRICS = 24
MAX_POINTS = 200
MAX_SPLITS = 20

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0, lt=2**53)]


class SplitFile(Document):
    """Which file holds the rows of a split, as the diff names it."""

    split: Annotated[str, Field(max_length=120)]
    file: Annotated[str, Field(max_length=500)]


class DataChange(Document):
    """The proposal's rows beside those of the base branch.

    `first`: the base branch has no data of this model. `unknown`: the runner was shown no base
    branch, or could not read its data; `why` says which.
    """

    base: Literal["branch", "first", "unknown"]
    commit: GitSha | Literal[""] = ""
    """The base branch's commit that the rows were compared with."""
    why: Annotated[str, Field(max_length=500)] = ""
    splits: Annotated[tuple[SplitFile, ...], Field(max_length=MAX_SPLITS)] = ()
    diff: DataDiff | None = None

    @model_validator(mode="after")
    def _has_a_diff_where_there_is_a_base(self) -> DataChange:
        if (self.base == "branch") != (self.diff is not None):
            raise ValueError("a difference belongs to a base branch, and to nothing else")
        return self


class Expected(Document):
    """What training was expected to take when the run began, and the budget of that day.

    Hours and cost are None where the policy named no speed or no price.
    """

    tokens: _Count
    hours: Amount | None = None
    price_per_hour: Amount | None = None
    currency: Annotated[str, Field(max_length=20)] = ""
    max_tokens: Amount | None = None
    max_hours: Amount | None = None
    max_cost: Amount | None = None

    @property
    def cost(self) -> float | None:
        """Return the price of the expected hours."""
        return self.cost_of(3600 * self.hours) if self.hours is not None else None

    def cost_of(self, seconds: float) -> float | None:
        """Return the price of so many seconds; None where no price is known."""
        return None if self.price_per_hour is None else seconds / 3600 * self.price_per_hour


class EarlierVersion(Document):
    """What the record of a version before this one says of the file that shipped."""

    model_config = ConfigDict(allow_inf_nan=False)

    version: Annotated[str, Field(max_length=120)]
    rows: Digest
    """The held-out rows of that time; figures of other rows are no like for like."""
    metrics: Annotated[dict[str, float], Field(max_length=MAX_METRICS)]


class LossPoint(Document):
    """The loss that was logged at a step, in nats a trained token."""

    step: _Count
    loss: Annotated[float, Field(allow_inf_nan=False)]


def thinned(points: tuple[LossPoint, ...]) -> tuple[LossPoint, ...]:
    """Return at most MAX_POINTS of the points: the first, the last, and between them evenly."""
    if len(points) <= MAX_POINTS:
        return points
    last = len(points) - 1
    return tuple(points[number * last // (MAX_POINTS - 1)] for number in range(MAX_POINTS))
