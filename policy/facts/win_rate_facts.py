"""A judge model's comparison of two versions: counts, from which every rate is computed.

Each pair is judged in both orders. One side wins only if both orders agree; otherwise the pair is a
tie. A pair with an order that could not be judged is failed: it is counted, but in no rate.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from policy.documents import Document
from policy.names import Digest

MAX_FAILURES = 50
Z95 = NormalDist().inv_cdf(0.975)
_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Price = Annotated[float, Field(ge=0)]


class FailedOrder(Document):
    """One order of one pair that was not judged, and why."""

    id: str
    order: Literal["first-second", "second-first"]
    kind: str
    message: str


class EndpointPrices(Document):
    """The endpoint's price per million tokens, entered by a person."""

    model_config = ConfigDict(allow_inf_nan=False)

    input_per_million: _Price
    output_per_million: _Price
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class WinRateFacts(Document):
    """One comparison of a second version with a first by a judge model."""

    model_config = ConfigDict(allow_inf_nan=False)

    judge: str
    """The requested model and its endpoint."""
    models: tuple[str, ...]
    """The names under which the endpoint's models answered."""
    prompt: str
    prompt_digest: Digest
    decoding: dict[str, int | float]
    rows: Digest
    first_outputs: Digest
    second_outputs: Digest

    pairs: _Count
    wins: _Count
    """Pairs that the second version won."""
    losses: _Count
    ties: _Count
    failed: _Count
    identical: _Count
    """Ties that needed no call: both answers are the same text."""
    flips: _Count
    """Ties in which the two orders gave different verdicts."""
    first_place: _Count
    """Verdicts for the answer shown first; with `second_place`, all verdicts except ties."""
    second_place: _Count

    clusters: _Count
    """Different prompts among the judged pairs."""
    cluster_squares: Annotated[float, Field(ge=0)]
    """The sum over prompts of the squared sum of their scores' deviations from the rate."""

    longer_won: _Count
    shorter_won: _Count
    mean_length_first: Annotated[float, Field(ge=0)]
    """In characters, over the judged pairs."""
    mean_length_second: Annotated[float, Field(ge=0)]

    calls: _Count
    cached_calls: _Count
    tokens_in: _Count
    """Of the calls that were made; cached calls cost nothing."""
    tokens_out: _Count
    prices: EndpointPrices | None = None
    failures: Annotated[tuple[FailedOrder, ...], Field(max_length=MAX_FAILURES)] = ()
    failure_kinds: dict[str, _Count] = Field(default_factory=dict)
    """All failed orders by kind, including those that are not listed."""

    @model_validator(mode="after")
    def _counts_agree(self) -> WinRateFacts:
        if self.wins + self.losses + self.ties + self.failed != self.pairs:
            raise ValueError("wins, losses, ties and failed do not add up to pairs")
        if self.identical + self.flips > self.ties:
            raise ValueError("identical and flips are more than the ties")
        if self.longer_won + self.shorter_won > self.wins + self.losses:
            raise ValueError("longer_won and shorter_won are more than the wins and losses")
        if self.clusters > self.judged or (self.clusters == 0) != (self.judged == 0):
            raise ValueError("clusters do not match the judged pairs")
        orders = sum(self.failure_kinds.values())
        if not self.failed <= orders <= 2 * self.failed or len(self.failures) > orders:
            raise ValueError("failure_kinds do not match the failed pairs")
        return self

    @property
    def judged(self) -> int:
        return self.wins + self.losses + self.ties

    @property
    def coverage(self) -> float:
        """Return the share of pairs that were judged; 0 if there are no pairs."""
        return self.judged / self.pairs if self.pairs else 0.0

    @property
    def win_rate(self) -> float | None:
        """Return how often the second version won, a tie as half; None if nothing was judged."""
        return (self.wins + self.ties / 2) / self.judged if self.judged else None

    @property
    def win_rate_at_worst(self) -> float | None:
        """Return the rate if the second version had lost every pair that failed."""
        return (self.wins + self.ties / 2) / self.pairs if self.pairs else None

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the win rate, clustered by prompt.

        Wilson's interval at the effective sample size, as in Korn and Graubard (1998) for shares of
        clustered samples. It stays within 0 and 1, and has a width even if every pair agrees: then
        the number of prompts is the sample size.
        """
        rate, groups = self.win_rate, self.clusters
        if rate is None or groups < 2:
            return 0.0, 1.0
        variance = groups / (groups - 1) * self.cluster_squares / self.judged**2
        size = rate * (1 - rate) / variance if variance > 0 else float(groups)
        size = float(groups) if size <= 0 else size
        centre = rate + Z95**2 / (2 * size)
        spread = Z95 * math.sqrt(rate * (1 - rate) / size + Z95**2 / (4 * size**2))
        scale = 1 + Z95**2 / size
        return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)

    @property
    def flip_rate(self) -> float | None:
        """Return the share of judged pairs, without identical ones, whose orders disagree."""
        asked = self.judged - self.identical
        return self.flips / asked if asked else None

    @property
    def first_place_rate(self) -> float | None:
        """Return how often the first answer was preferred; an unbiased judge model has 0.5."""
        decided = self.first_place + self.second_place
        return self.first_place / decided if decided else None

    @property
    def longer_rate(self) -> float | None:
        """Return how often the longer answer won, among wins with different lengths."""
        decided = self.longer_won + self.shorter_won
        return self.longer_won / decided if decided else None

    @property
    def cost(self) -> float | None:
        """Return the cost of the calls; None if no prices are set."""
        if self.prices is None:
            return None
        paid_in = self.tokens_in * self.prices.input_per_million
        return (paid_in + self.tokens_out * self.prices.output_per_million) / 1e6
