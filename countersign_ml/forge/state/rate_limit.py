"""The count of API requests per actor, and the hourly limit that GitHub sends in each answer."""

from __future__ import annotations

from dataclasses import dataclass

from countersign_ml.forge.state.account_records import Json

HOURLY = 5_000
HOUR = 3600


@dataclass(frozen=True)
class ApiRequest:
    """One REST request as it was answered; a 304 costs nothing."""

    at: float
    method: str
    path: str
    actor: str
    status: int

    @property
    def counts(self) -> bool:
        """Whether it counts against the hour's limit."""
        return self.status != 304 and self.path != "/rate_limit"


@dataclass(frozen=True)
class Write:
    """One write that took place."""

    method: str
    path: str
    actor: str


class Budget:
    """Every request so far."""

    def __init__(self) -> None:
        self.requests: list[ApiRequest] = []
        self.writes: list[Write] = []

    def used(self, actor: str, now: float) -> int:
        """Requests that counted within the hour of `now`."""
        start = now - now % HOUR
        return sum(r.counts for r in self.requests if r.actor == actor and r.at >= start)


def limits(budget: Budget, actor: str, now: float) -> Json:
    """A `rate-limit-overview`."""
    used = budget.used(actor, now)
    core = {
        "limit": HOURLY,
        "used": used,
        "remaining": max(0, HOURLY - used),
        "reset": int(now - now % HOUR + HOUR),
    }
    other = {"limit": 30, "used": 0, "remaining": 30, "reset": core["reset"]}
    return {"resources": {"core": core, "search": other, "graphql": other}, "rate": core}
