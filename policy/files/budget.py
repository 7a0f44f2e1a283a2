"""The limits on what a run may cost, and an estimate of it from the proposal alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from policy.documents import Document
from policy.files.recipe import Recipe
from policy.names import RoleName
from policy.verdict import Finding, Outcome

Positive = Annotated[float, Field(gt=0)]
BYTES_PER_TOKEN = 2.0
"""Bytes of a JSON Lines training file per token of a pass over it.

Measured (`total_tokens` of the evidence against the size of train.jsonl): 5.86 for the example's
English support tickets with the tokenizer of their own base (1,920 tokens), 4.30 for Banking77 with
the same tokenizer, which was not trained on it, and 2.49 for forty rows of the tests. Two is below
all of these, so the estimate for such data is two to three times too long. A tokenizer that spends
a token on each byte would need 1.44 and 1.28 bytes per token for the first two files (ChatML
included). So the estimate for text that a tokenizer reads badly is up to about 1.6 times too short.
"""
COUNTED = 10**15
"""Larger figures are shown as `more than 10^15`."""
NEEDED = {"max_hours": "tokens_per_second", "max_cost": "tokens_per_second and price_per_hour"}
"""The keys that a limit cannot be checked without."""


class Budget(Document):
    """Limits on the estimate of one run, and who may start a run beyond them.

    `tokens_per_second` is the runner's measured training speed. Without it hours and cost are
    unknown, and a limit on them is not met. Compute it from past evidence: `total_tokens` times
    `epochs` divided by `seconds` of the training.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    max_tokens: Positive | None = None
    """Tokens that training reads: those of the training file times the epochs."""
    max_hours: Positive | None = None
    max_cost: Positive | None = None
    """In `currency`."""
    tokens_per_second: Positive | None = None
    price_per_hour: Annotated[float, Field(ge=0)] | None = None
    currency: str = "EUR"
    roles: tuple[RoleName, ...] = ()
    """Holders of these roles may start a run beyond the limits with `/train`."""

    def limits(self) -> tuple[tuple[str, float], ...]:
        """Return the limits that are set, each with its key."""
        named = (
            ("max_tokens", self.max_tokens),
            ("max_hours", self.max_hours),
            ("max_cost", self.max_cost),
        )
        return tuple((key, value) for key, value in named if value is not None)


@dataclass(frozen=True)
class Estimate:
    """What training alone will take: None if unknown, infinite if too large for a float.

    The first sentence gives the figures, the second what they are based on.
    """

    tokens: int
    hours: float | None
    cost: float | None
    sentences: tuple[str, ...]

    def figure(self, limit: str) -> float | None:
        """Return the figure that a limit applies to."""
        figures = {"max_tokens": self.tokens, "max_hours": self.hours, "max_cost": self.cost}
        return figures[limit]


def estimate(recipe: Recipe, train_bytes: int | None, budget: Budget) -> Estimate | None:
    """Return what training by `recipe` on a file of `train_bytes` bytes will take.

    None if the size is unknown and the recipe has no `max_steps`. With `max_steps` the epochs do
    not count, as in training itself, and every row is assumed to be `max_length` tokens long: an
    upper bound, many times too high for short rows. Without `max_steps` the estimate uses
    BYTES_PER_TOKEN, which says how far off it may be. Loading, measuring and exporting are not
    included.
    """
    if recipe.max_steps is not None:
        batch = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
        tokens = recipe.max_steps * batch * recipe.max_length
        steps = _count(recipe.max_steps)
        basis = f"{steps} steps of {batch:,} rows with at most {recipe.max_length:,} tokens each"
    elif train_bytes is not None:
        epochs = recipe.num_train_epochs
        tokens = math.ceil(train_bytes / BYTES_PER_TOKEN * epochs)
        basis = (
            f"{_count(train_bytes)} bytes of rows at {BYTES_PER_TOKEN:g} bytes per token, "
            f"{epochs:g} {'epoch' if epochs == 1 else 'epochs'}"
        )
    else:
        return None
    hours = _hours(tokens, budget.tokens_per_second)
    cost = None
    if hours is not None and budget.price_per_hour is not None:
        cost = hours * budget.price_per_hour if math.isfinite(hours) else math.inf
    return Estimate(tokens, hours, cost, (_figures(tokens, hours, cost, budget.currency), basis))


def _hours(tokens: int, tokens_per_second: float | None) -> float | None:
    if tokens_per_second is None:
        return None
    try:
        return tokens / tokens_per_second / 3600
    except OverflowError:  # more steps than a floating-point number can count
        return math.inf


def _figures(tokens: int, hours: float | None, cost: float | None, currency: str) -> str:
    parts = [f"{_count(tokens)} tokens"]
    if hours is not None:
        parts.append(f"{_rounded_up(hours).rstrip('0').rstrip('.')} h")
    if cost is not None:
        parts.append(f"{_rounded_up(cost)} {currency}")
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"this run is estimated at {listed}"


def _count(value: int) -> str:
    return f"{value:,}" if value < COUNTED else "more than 10^15"


def _rounded_up(value: float) -> str:
    """Return a figure in hundredths, rounded up, so that one above a limit also looks so."""
    return f"{math.ceil(100 * value - 1e-9) / 100:,.2f}" if value < COUNTED else "more than 10^15"


def judge_budget(budget: Budget, estimate: Estimate | None) -> Finding:
    """Return whether the estimate is within every limit.

    MISSING if it is not, or if the figure of a limit is unknown: anyone in `budget.roles` may
    still start the run.
    """
    limits = budget.limits()
    if not limits:
        return Finding("budget", Outcome.PASSED, "no budget is set")
    if estimate is None:
        sentence = "the size of the training data is unknown, so the cost of this run is unknown"
        return Finding("budget", Outcome.MISSING, _beyond(sentence, budget.roles))
    broken = tuple(_broken(budget, estimate))
    if broken:
        sentence = f"{estimate.sentences[0]}, {', '.join(broken)}"
        return Finding("budget", Outcome.MISSING, _beyond(sentence, budget.roles))
    named = " and ".join(_limit(key, value, budget.currency) for key, value in limits)
    return Finding("budget", Outcome.PASSED, f"{estimate.sentences[0]}, within {named}")


def _broken(budget: Budget, estimate: Estimate) -> Iterator[str]:
    """Yield why each limit is not met; a figure that is not a number meets none."""
    for key, value in budget.limits():
        limit = _limit(key, value, budget.currency)
        figure = estimate.figure(key)
        if figure is None:
            yield f"and {limit} cannot be checked without {NEEDED[key]}"
        elif not figure <= value:
            yield f"above {limit}"


def _limit(key: str, value: float, currency: str) -> str:
    return f"{key} {value:,.10g}{f' {currency}' if key == 'max_cost' else ''}"


def _beyond(reason: str, roles: Sequence[str]) -> str:
    if not roles:
        return f"{reason}; make it smaller, or name in budget.roles who may start it"
    noun = "role" if len(roles) == 1 else "roles"
    return f"{reason}; holders of the {noun} {' or '.join(roles)} may start it"
