"""What a run may cost, estimated before it starts from what the proposal says alone."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from policy.documents import Document
from policy.people_rules import RoleName

Positive = Annotated[float, Field(gt=0)]


class Budget(Document):
    """Limits on the estimate of one run, and who may start a run beyond them.

    `tokens_per_second` is what the runner trains at, measured; without it hours and cost are not
    known, and a limit on them is not met.
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
