"""The web side: one route that takes deliveries, and two that report the state of the bot."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, Response, request
from prometheus_client import generate_latest
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from bot.web.bot_metrics import Figures
from bot.web.health import Health
from bot.web.webhook import MAX_BYTES, DeliveryError, parse, verify
from bot.web.work_queue import Queue


def create_app(
    secret: str,
    queue: Queue,
    figures: Figures,
    health: Health | None = None,
    old_secret: str = "",
) -> Flask:
    """Return the app. A delivery is verified, named and queued; the work happens elsewhere."""
    seen = health or Health(queue)
    app = Flask("countersign")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES

    @app.post("/webhook")
    def webhook() -> tuple[dict[str, str], int]:
        body = request.get_data(cache=False)
        headers = dict(request.headers.items())
        if verify(secret, body, headers, old_secret):
            figures.old_secret.inc()
        event = parse(body, headers)
        if event is None:
            figures.deliveries.labels("nothing governed").inc()
            return {"status": "nothing governed"}, 202
        try:
            queue.put(event)
        except Exception as error:  # each storage has its own family; the sweep finds the event
            raise DeliveryError(
                503, "the queue does not take it; the sweep will find it"
            ) from error
        figures.deliveries.labels("queued").inc()
        return {"status": "queued"}, 202

    @app.get("/livez")
    def livez() -> tuple[dict[str, str], int]:
        return _answer(seen.live())

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, str], int]:
        return _answer(seen.ready())

    @app.get("/metrics")
    def metrics() -> Response:
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


def _answer(checks: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """Return what each check found, with 503 unless all of them are ok."""
    return dict(checks), 200 if all(found == "ok" for found in checks.values()) else 503
