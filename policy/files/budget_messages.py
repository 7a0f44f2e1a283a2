"""Every sentence about what a run may cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

NO_BUDGET = "no budget is set"
NO_SIZE = "the size of the training data is not known, so nobody can say what this run costs"
COUNTED = 10**15
"""Beyond this a figure's digits tell nothing."""
NEEDED = {"max_hours": "tokens_per_second", "max_cost": "tokens_per_second and price_per_hour"}


def figures(tokens: int, hours: float | None, cost: float | None, currency: str) -> str:
    parts = [f"{_count(tokens)} tokens"]
    if hours is not None:
        parts.append(f"{_round_up(hours)} h")
    if cost is not None:
        parts.append(_money(cost, currency))
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"this run is estimated at {listed}"


def from_bytes(size: int, bytes_per_token: float, epochs: float) -> str:
    noun = "epoch" if epochs == 1 else "epochs"
    return f"{_count(size)} bytes of rows at {bytes_per_token:g} bytes a token, {epochs:g} {noun}"


def from_steps(steps: int, batch: int, max_length: int) -> str:
    return f"{_count(steps)} steps of {batch:,} rows with at most {max_length:,} tokens each"


def limit(key: str, value: float, currency: str) -> str:
    return f"{key} {value:,.10g}{f' {currency}' if key == 'max_cost' else ''}"


def above(key: str, value: float, currency: str) -> str:
    return f"above {limit(key, value, currency)}"


def unknown(key: str, value: float, currency: str) -> str:
    return f"and {limit(key, value, currency)} cannot be checked without {NEEDED[key]}"


def within(figures: str, limits: Sequence[str]) -> str:
    return f"{figures}, within {' and '.join(limits)}"


def beyond(reason: str, roles: Sequence[str]) -> str:
    if not roles:
        return f"{reason}; make it smaller, or name in budget.roles who may start it"
    noun = "role" if len(roles) == 1 else "roles"
    return f"{reason}; holders of the {noun} {' or '.join(roles)} may start it"


def _count(value: int) -> str:
    return f"{value:,}" if value < COUNTED else "more than 10^15"


def _round_up(value: float) -> str:
    """Return a figure in hundredths, rounded up: what is above a limit also looks so."""
    if not value < COUNTED:
        return "more than 10^15"
    return f"{math.ceil(100 * value - 1e-9) / 100:,.2f}".rstrip("0").rstrip(".")


def _money(value: float, currency: str) -> str:
    if not value < COUNTED:
        return f"more than 10^15 {currency}"
    return f"{math.ceil(100 * value - 1e-9) / 100:,.2f} {currency}"
