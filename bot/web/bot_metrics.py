"""What the bot shows to Prometheus. Names, types and units follow Prometheus' own rules.

Counters can be added up over replicas. What the queue holds is the same in every replica: take the
maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.github.quota import Quota
from bot.web.work_queue import QueueState

BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Figures:
    """Counters of this process; `watch` adds what is read at each scrape."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "countersign_deliveries_total",
            "Webhook deliveries by result",
            ["result"],
            registry=self.registry,
        )
        self.old_secret = Counter(
            "countersign_deliveries_old_secret_total",
            "Deliveries signed with the secret that is being replaced",
            registry=self.registry,
        )
        self.work = Counter(
            "countersign_work_total",
            "Pieces of work by kind and outcome",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "countersign_work_duration_seconds",
            "Time of one piece of work",
            ["kind"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.looks = Counter(
            "countersign_looks_total",
            "Looks at pull requests by repository and verdict",
            ["repository", "verdict"],
            registry=self.registry,
        )

    def worked(self, kind: str, outcome: str, seconds: float = 0.0) -> None:
        self.work.labels(kind, outcome).inc()
        if seconds:
            self.seconds.labels(kind).observe(seconds)

    def looked(self, repository: str, verdict: str) -> None:
        self.looks.labels(repository, verdict).inc()

    def watch(
        self, state: Callable[[], QueueState], quotas: Callable[[], dict[str, Quota]]
    ) -> None:
        """Show the queue and the quotas in every scrape."""
        self.registry.register(_Read(state, quotas))


class _Read(Collector):
    """Figures that others keep."""

    def __init__(
        self, state: Callable[[], QueueState], quotas: Callable[[], dict[str, Quota]]
    ) -> None:
        self._state = state
        self._quotas = quotas

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        state = self._state()
        for name, told, value in (
            ("countersign_queue_length", "Pieces of work that wait", state.waiting),
            (
                "countersign_work_in_hand",
                "Pieces of work in all replicas' hands",
                state.working,
            ),
            ("countersign_work_put_off", "Pieces of work put off until later", state.later),
            (
                "countersign_oldest_waiting_seconds",
                "Age of the work that waits longest",
                state.oldest_seconds,
            ),
            (
                "countersign_last_sweep_timestamp_seconds",
                "When a sweep last ended, in seconds since 1970; 0 if never",
                state.last_sweep,
            ),
        ):
            yield GaugeMetricFamily(name, told, value=value)
        yield from self._of_quotas()

    def _of_quotas(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        names = ["installation"]
        requests = CounterMetricFamily(
            "countersign_api_requests", "Requests to GitHub", labels=[*names, "charged"]
        )
        left = GaugeMetricFamily(
            "countersign_quota_remaining", "Requests left in this hour", labels=names
        )
        limit = GaugeMetricFamily(
            "countersign_quota_limit", "Requests that GitHub allows in an hour", labels=names
        )
        for installation, quota in self._quotas().items():
            requests.add_metric([installation, "yes"], quota.charged)
            requests.add_metric([installation, "no"], quota.free)
            if quota.limit:
                left.add_metric([installation], quota.remaining)
                limit.add_metric([installation], quota.limit)
        yield from (requests, left, limit)
