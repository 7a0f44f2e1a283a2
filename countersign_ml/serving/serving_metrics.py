"""The server's Prometheus metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from policy.facts.pointer import Pointer

_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The series of one server; each server has its own collector."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._collector = CollectorRegistry()
        labels = ["model", "version"]
        self._requests = Counter(
            "countersign_serving_requests",
            "Requests answered, by status code.",
            [*labels, "code"],
            registry=self._collector,
        )
        self._seconds = Histogram(
            "countersign_serving_request_seconds",
            "Seconds from a request's arrival to the last byte of its answer.",
            labels,
            buckets=_BUCKETS,
            registry=self._collector,
        )
        self._version = Gauge(
            "countersign_serving_version_info",
            "1 for the version that is served.",
            [*labels, "digest"],
            registry=self._collector,
        )
        self._refused = Gauge(
            "countersign_serving_pointer_refused",
            "1 while the version that the pointer names cannot be served.",
            ["model"],
            registry=self._collector,
        )
        self._swaps = Counter(
            "countersign_serving_swaps",
            "Number of times that the served version changed.",
            ["model"],
            registry=self._collector,
        )
        self.refused(False)

    def answered(self, version: str, code: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(self._model, version, str(code)).inc()
        self._seconds.labels(self._model, version).observe(seconds)

    def swapped(self, pointer: Pointer) -> None:
        """Record a swap to a new version."""
        self._version.clear()
        self._version.labels(self._model, pointer.version, pointer.artifact.digest).set(1)
        self._swaps.labels(self._model).inc()

    def refused(self, so: bool) -> None:
        """Set whether the pointer names a version that cannot be served."""
        self._refused.labels(self._model).set(int(so))

    def text(self) -> bytes:
        """Return all series in the Prometheus text format."""
        return generate_latest(self._collector)
