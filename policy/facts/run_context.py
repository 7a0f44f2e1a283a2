"""The context of a measurement: how the data changed, what was expected, what was live before.

Reports show these facts; no gate reads them. Their size is bounded, so that they fit into the
evidence. File names, ids and labels come from the author of the rows.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from policy.documents import Document
from policy.facts.data_diff import DataDiff
from policy.names import Digest, GitSha, ModelName

MAX_EARLIER = 20
"""How many earlier versions are listed; the latest ones."""
MAX_METRICS = 24
MAX_POINTS = 200
MAX_SPLITS = 20
MAX_MODELS = 50
"""How many other models are listed; those with the most equal rows."""

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0, lt=2**53)]


class SplitFile(Document):
    """The file of a split's rows, as named in the diff."""

    split: Annotated[str, Field(max_length=120)]
    file: Annotated[str, Field(max_length=500)]


class DataChange(Document):
    """The proposal's rows compared with those of the base branch.

    `first`: the base branch has no data for this model. `unknown`: the runner had no base branch,
    or could not read its data; `why` says which.
    """

    base: Literal["branch", "first", "unknown"]
    commit: GitSha | Literal[""] = ""
    """The base branch's commit that the rows were compared with."""
    why: Annotated[str, Field(max_length=500)] = ""
    splits: Annotated[tuple[SplitFile, ...], Field(max_length=MAX_SPLITS)] = ()
    diff: DataDiff | None = None

    @model_validator(mode="after")
    def _has_a_diff_if_there_is_a_base(self) -> DataChange:
        if (self.base == "branch") != (self.diff is not None):
            raise ValueError("diff requires base: branch, and the other way round")
        return self


class Expected(Document):
    """The estimate for training when the run started, and the budget at that time.

    Hours and cost are None if the policy has no speed or no price.
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
        """Return the price of this many seconds; None if there is no price."""
        return None if self.price_per_hour is None else seconds / 3600 * self.price_per_hour


class EarlierVersion(Document):
    """An earlier version's figures for the shipped file, from its record."""

    model_config = ConfigDict(allow_inf_nan=False)

    version: Annotated[str, Field(max_length=120)]
    rows: Digest
    """The held-out rows at that time; figures on other rows are not comparable."""
    metrics: Annotated[dict[str, float], Field(max_length=MAX_METRICS)]


class EqualRows(Document):
    """How many held-out rows have the question of a held-out row of another model."""

    model: ModelName
    version: Annotated[str, Field(max_length=120)] = ""
    """That model's live version; empty if it has none."""
    artifact: Digest | None = None
    """The file of that version."""
    equal: _Count = 0
    of: _Count = 0
    why: Annotated[str, Field(max_length=500)] = ""
    """Why its rows could not be read; then `equal` is unknown."""

    @model_validator(mode="after")
    def _counts_no_more_than_there_are(self) -> EqualRows:
        if self.equal > self.of:
            raise ValueError(f"counts {self.equal} equal rows of {self.of}")
        return self

    def reach(self, share: float) -> bool:
        """Return whether at least this share of the rows is equal, or may be."""
        return bool(self.why) or (self.of > 0 and self.equal / self.of >= share)


class LossPoint(Document):
    """The logged loss at a step, in nats per trained token."""

    step: _Count
    loss: Annotated[float, Field(allow_inf_nan=False)]


def thinned(points: tuple[LossPoint, ...]) -> tuple[LossPoint, ...]:
    """Return at most MAX_POINTS of the points, evenly spaced, with the first and the last."""
    if len(points) <= MAX_POINTS:
        return points
    last = len(points) - 1
    return tuple(points[number * last // (MAX_POINTS - 1)] for number in range(MAX_POINTS))
