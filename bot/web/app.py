"""The web side: one route that takes deliveries, and two that report the state of the bot."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, request
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from bot.web.webhook import MAX_BYTES, DeliveryError, parse, verify
from bot.web.work_queue import Queue


class Figures:
    """What is counted for Prometheus."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "countersign_deliveries",
            "Webhook deliveries by what became of them",
            ["result"],
            registry=self.registry,
        )
        self.work = Counter(
            "countersign_work",
            "Pieces of work by kind and outcome",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.waiting = Gauge(
            "countersign_queue_length", "Pieces of work that wait", registry=self.registry
        )
        self.calls = Gauge(
            "countersign_api_calls",
            "Requests made to GitHub since the start",
            registry=self.registry,
        )

    def worked(self, kind: str, outcome: str) -> None:
        self.work.labels(kind, outcome).inc()


def create_app(
    secret: str, queue: Queue, figures: Figures, calls: Callable[[], int] = lambda: 0
) -> Flask:
    """Return the app. A delivery is verified, named and queued; the work happens elsewhere."""
    app = Flask("countersign")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES

    @app.post("/webhook")
    def webhook() -> tuple[dict[str, str], int]:
        body = request.get_data(cache=False)
        headers = dict(request.headers.items())
        verify(secret, body, headers)
        event = parse(body, headers)
        if event is None:
            figures.deliveries.labels("nothing governed").inc()
            return {"status": "nothing governed"}, 202
        queue.put(event)
        figures.deliveries.labels("queued").inc()
        return {"status": "queued"}, 202

    @app.get("/healthz")
    def healthz() -> tuple[dict[str, int | str], int]:
        return {"status": "ok", "waiting": queue.size()}, 200

    @app.get("/metrics")
    def metrics() -> Response:
        figures.waiting.set(queue.size())
        figures.calls.set(calls())
        return Response(generate_latest(figures.registry), mimetype="text/plain; version=0.0.4")

    @app.errorhandler(DeliveryError)
    def refused(error: DeliveryError) -> tuple[dict[str, str], int]:
        figures.deliveries.labels(f"refused {error.status}").inc()
        return {"error": str(error)}, error.status

    @app.errorhandler(HTTPException)
    def not_served(error: HTTPException) -> tuple[dict[str, str], int]:
        if isinstance(error, RequestEntityTooLarge):
            figures.deliveries.labels("refused 413").inc()
        return {"error": str(error.description)}, error.code or 500

    return app
