"""The bot as a process: web side, workers, heartbeat and probe, from the start to SIGTERM."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from flask import Flask
from waitress import create_server

from bot.reconcile import Evaluator
from bot.settings import Settings
from bot.web.app import create_app
from bot.web.bot_metrics import Figures
from bot.web.health import Health, Probe
from bot.web.heartbeat import Heartbeat
from bot.web.queue_place import open_queue
from bot.web.webhook import MAX_BYTES
from bot.web.work_queue import Queue
from bot.web.workers import Workers
from policy.errors import UserError

log = logging.getLogger("countersign.bot")
GRACE_SECONDS = 4
"""What the work in hand has left after SIGTERM; Kubernetes kills after 30, systemd after 90."""


def run(settings: Settings) -> int:
    """Serve and work until SIGTERM or SIGINT; return 0."""
    figures = Figures()
    evaluator = Evaluator(settings)
    place = open_queue(settings.queue)
    queue = Queue(place, evaluator, figures, settings.lease_seconds)
    if not place.shared:
        queue.forget()  # whoever held a lease is dead, and the first sweep finds its work
    figures.watch(queue.state, lambda: evaluator.connection.quotas)
    workers = Workers(queue, settings.workers)
    heartbeat = Heartbeat(queue, settings.sweep_seconds, workers.replace_dead)
    health = Health(queue, settings.sweep_seconds, lambda: heartbeat.ticked, workers.alive)
    probe = Probe(evaluator.connection.check_key, health)
    app = create_app(settings.webhook_secret, queue, figures, health, settings.old_webhook_secret)
    server = _listening(app, settings)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    threading.Thread(target=server.run, name="countersign-web", daemon=True).start()
    for part in (workers, heartbeat, probe):
        part.start()
    port = getattr(server, "effective_port", settings.port)
    print(f"countersign bot listens on http://{settings.host}:{port}/webhook", flush=True)
    stopped.wait()
    log.info("stopping; the work in hand has %s seconds to end", GRACE_SECONDS)
    workers.stop(GRACE_SECONDS)
    heartbeat.stop()
    probe.stop()
    server.close()
    return 0


def _listening(app: Flask, settings: Settings) -> Any:
    try:
        return create_server(
            app,
            host=settings.host,
            port=settings.port,
            threads=4,
            max_request_body_size=MAX_BYTES,
            clear_untrusted_proxy_headers=True,
        )
    except (OSError, ValueError) as error:
        raise UserError.one(
            f"COUNTERSIGN_HOST={settings.host}, COUNTERSIGN_PORT={settings.port}",
            f"cannot listen there: {error}",
            "choose a free port and an address of this machine",
        ) from error
