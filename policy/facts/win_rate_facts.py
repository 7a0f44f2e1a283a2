"""What a judge model found between two versions: counts, from which every rate follows.

Each pair is judged in both orders. Only where both orders agree has one side won; where they do
not, it is a tie. A pair with an order that could not be judged is failed: it is in no rate, and
counted.
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
    """One order of one pair without a verdict, and why."""

    id: str
    order: Literal["first-second", "second-first"]
    kind: str
    message: str


class EndpointPrices(Document):
    """The endpoint's prices for a million tokens, as a person gave them."""

    model_config = ConfigDict(allow_inf_nan=False)

    input_per_million: _Price
    output_per_million: _Price
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class WinRateFacts(Document):
    """One comparison of a second version with a first by a judge model."""

    model_config = ConfigDict(allow_inf_nan=False)

    judge: str
    """The model that was asked for, and where."""
    models: tuple[str, ...]
    """What the endpoint called the model that answered."""
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
    """Ties that nobody was asked about: both answers are the same text."""
    flips: _Count
    """Ties in which the two orders gave different verdicts."""
    first_place: _Count
    """Verdicts for the answer that stood first; with `second_place` all that were no tie."""
    second_place: _Count

    clusters: _Count
    """Different prompts among the pairs that were judged."""
    cluster_squares: Annotated[float, Field(ge=0)]
    """Over prompts, the sum of squares of the summed distances of their scores from the rate."""

    longer_won: _Count
    shorter_won: _Count
    mean_length_first: Annotated[float, Field(ge=0)]
    """Characters, over the pairs that were judged."""
    mean_length_second: Annotated[float, Field(ge=0)]

    calls: _Count
    cached_calls: _Count
    tokens_in: _Count
    """Of the calls that were made; cached ones cost nothing again."""
    tokens_out: _Count
    prices: EndpointPrices | None = None
    failures: Annotated[tuple[FailedOrder, ...], Field(max_length=MAX_FAILURES)] = ()
    failure_kinds: dict[str, _Count] = Field(default_factory=dict)
    """All failed orders by kind, also those that are not listed."""

    @model_validator(mode="after")
    def _counts_agree(self) -> WinRateFacts:
        if self.wins + self.losses + self.ties + self.failed != self.pairs:
            raise ValueError("wins, losses, ties and failed are not all pairs")
        if self.identical + self.flips > self.ties:
            raise ValueError("identical and flips are more than the ties")
        if self.longer_won + self.shorter_won > self.wins + self.losses:
            raise ValueError("longer_won and shorter_won are more than the wins and losses")
        if self.clusters > self.judged or (self.clusters == 0) != (self.judged == 0):
            raise ValueError("clusters do not fit the pairs that were judged")
        orders = sum(self.failure_kinds.values())
        if not self.failed <= orders <= 2 * self.failed or len(self.failures) > orders:
            raise ValueError("failure_kinds do not fit the pairs that failed")
        return self

    @property
    def judged(self) -> int:
        return self.wins + self.losses + self.ties

    @property
    def coverage(self) -> float:
        """Return the share of pairs that were judged; 0 where there are none."""
        return self.judged / self.pairs if self.pairs else 0.0

    @property
    def win_rate(self) -> float | None:
        """Return how often the second version won, a tie half; None where nothing was judged."""
        return (self.wins + self.ties / 2) / self.judged if self.judged else None

    @property
    def win_rate_at_worst(self) -> float | None:
        """Return the rate if the second version had lost every pair that failed."""
        return (self.wins + self.ties / 2) / self.pairs if self.pairs else None

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the win rate, clustered by prompt.

        Wilson's interval at the effective sample size, as Korn and Graubard (1998) do for shares
        of clustered samples: it stays within 0 and 1, and is no point where every pair agrees.
        There the prompts themselves are the sample.
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
        """Return the share of asked and judged pairs whose verdict changed with the order."""
        asked = self.judged - self.identical
        return self.flips / asked if asked else None

    @property
    def first_place_rate(self) -> float | None:
        """Return how often the answer that stood first was preferred; a fair judge has 0.5."""
        decided = self.first_place + self.second_place
        return self.first_place / decided if decided else None

    @property
    def longer_rate(self) -> float | None:
        """Return how often the longer answer won, where lengths differ and one side won."""
        decided = self.longer_won + self.shorter_won
        return self.longer_won / decided if decided else None

    @property
    def cost(self) -> float | None:
        """Return what the calls cost; None where nobody gave the prices."""
        if self.prices is None:
            return None
        paid_in = self.tokens_in * self.prices.input_per_million
        return (paid_in + self.tokens_out * self.prices.output_per_million) / 1e6
