"""What a run may cost, estimated before it starts from what the proposal says alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from policy.documents import Document
from policy.files import budget_messages as say
from policy.files.people_rules import RoleName
from policy.files.recipe import Recipe
from policy.verdict import Finding, Outcome

Positive = Annotated[float, Field(gt=0)]
BYTES_PER_TOKEN = 2.0
"""Bytes of a training file in JSON Lines for each token that a pass takes from it.

Measured (`total_tokens` of the evidence against the size of train.jsonl): 5.86 for the example's
support tickets in English with the tokenizer of their own base (1,920 tokens), 4.30 for Banking77
with the same tokenizer, which never saw it, and 2.49 for forty rows of the tests. Two is below all,
so runs on such data are estimated two to three times too long. A tokenizer that spends a token on
each byte would take 1.44 and 1.28 bytes of the first two files for each (ChatML included), so text
that a tokenizer reads badly is estimated up to about 1.6 times too short.
"""


class Budget(Document):
    """Limits on the estimate of one run, and who may start a run beyond them.

    `tokens_per_second` is what the runner trains at, measured; without it hours and cost are not
    known, and a limit on them is not met. Past evidence tells it: `total_tokens` times `epochs`
    over `seconds` of its training.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    max_tokens: Positive | None = None
    """Tokens that pass through the model in training: those of the train file times the epochs."""
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
    """What training alone will take; None is not known, and infinite what no number holds.

    The first sentence gives the figures, the second what they rest on.
    """

    tokens: int
    hours: float | None
    cost: float | None
    sentences: tuple[str, ...]

    def figure(self, limit: str) -> float | None:
        """Return the figure that a limit is on."""
        figures = {"max_tokens": self.tokens, "max_hours": self.hours, "max_cost": self.cost}
        return figures[limit]


def estimate(recipe: Recipe, train_bytes: int | None, budget: Budget) -> Estimate | None:
    """Return what training by `recipe` on a file of `train_bytes` bytes will take, or None.

    None: the size is not known and the recipe names no `max_steps`. With `max_steps` the epochs do
    not count, as in training itself, and every row is taken to be `max_length` tokens long: the
    most that it can be, and for short rows many times too much. Without, it rests on
    BYTES_PER_TOKEN, which says how far off that may be. Loading, measuring and exporting come on
    top; they are no part of it.
    """
    if recipe.max_steps is not None:
        batch = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
        tokens = recipe.max_steps * batch * recipe.max_length
        basis = say.from_steps(recipe.max_steps, batch, recipe.max_length)
    elif train_bytes is not None:
        tokens = math.ceil(train_bytes / BYTES_PER_TOKEN * recipe.num_train_epochs)
        basis = say.from_bytes(train_bytes, BYTES_PER_TOKEN, recipe.num_train_epochs)
    else:
        return None
    hours = _hours(tokens, budget.tokens_per_second)
    cost = None
    if hours is not None and budget.price_per_hour is not None:
        cost = hours * budget.price_per_hour if math.isfinite(hours) else math.inf
    return Estimate(tokens, hours, cost, (say.figures(tokens, hours, cost, budget.currency), basis))


def _hours(tokens: int, tokens_per_second: float | None) -> float | None:
    if tokens_per_second is None:
        return None
    try:
        return tokens / tokens_per_second / 3600
    except OverflowError:  # more steps than a floating-point number can count
        return math.inf


def judge_budget(budget: Budget, estimate: Estimate | None) -> Finding:
    """Return whether the estimate keeps within every limit.

    MISSING where it does not, or where a figure that a limit is on is not known: somebody in
    `budget.roles` may start the run all the same.
    """
    limits = budget.limits()
    if not limits:
        return Finding("budget", Outcome.PASSED, say.NO_BUDGET)
    if estimate is None:
        sentence = say.beyond(say.NO_SIZE, budget.roles)
        return Finding("budget", Outcome.MISSING, sentence)
    broken = tuple(_broken(budget, estimate))
    if broken:
        sentence = say.beyond(f"{estimate.sentences[0]}, {', '.join(broken)}", budget.roles)
        return Finding("budget", Outcome.MISSING, sentence)
    named = [say.limit(key, value, budget.currency) for key, value in limits]
    return Finding("budget", Outcome.PASSED, say.within(estimate.sentences[0], named))


def _broken(budget: Budget, estimate: Estimate) -> Iterator[str]:
    """Yield what is wrong with each limit that is not met; what is no number meets none."""
    for key, value in budget.limits():
        figure = estimate.figure(key)
        if figure is None:
            yield say.unknown(key, value, budget.currency)
        elif not figure <= value:
            yield say.above(key, value, budget.currency)
