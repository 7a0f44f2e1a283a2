"""`countersign bot` and `countersign evaluate-pr`: the bot as one process, or for one look."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Sequence

from bot.api import ApiError
from bot.evaluate import Evaluator
from bot.settings import Settings, read_settings
from bot.webhook import MAX_BYTES
from policy.errors import UserError

log = logging.getLogger("countersign.bot")


def serve(argv: Sequence[str] = ()) -> int:
    """Run web side, worker and sweep in one process until SIGTERM or SIGINT; return 0."""
    argparse.ArgumentParser(
        prog="countersign bot",
        description="Run the bot. It is configured by COUNTERSIGN_* variables; see bot/README.md.",
    ).parse_args(list(argv))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("huey").setLevel(logging.WARNING)
    return _serve(read_settings(os.environ))


def _serve(settings: Settings) -> int:
    from waitress import create_server

    from bot.app import Figures, create_app
    from bot.queue import Queue, Sweeper, open_queue

    figures = Figures()
    evaluator = Evaluator(settings)
    huey = open_queue(settings.queue)
    queue = Queue(huey, evaluator, figures.worked)
    queue.forget_waiting()
    app = create_app(settings.webhook_secret, queue, figures, lambda: evaluator.connection.calls)
    try:
        server = create_server(
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
    stopped = threading.Event()
    consumer = huey.create_consumer(workers=1, periodic=False, initial_delay=0.05, max_delay=0.5)
    consumer.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    web = threading.Thread(target=server.run, name="countersign-web", daemon=True)
    web.start()
    sweeper = Sweeper(queue, settings.sweep_seconds)
    sweeper.start()
    port = getattr(server, "effective_port", settings.port)
    print(f"countersign bot listens on http://{settings.host}:{port}/webhook", flush=True)
    stopped.wait()
    log.info("stopping; the work in hand is finished first")
    sweeper.stop()
    server.close()
    consumer.stop(graceful=True)
    return 0


def once(argv: Sequence[str] = ()) -> int:
    """Evaluate one pull request now and print its verdict as JSON; 0 when it is green, else 1."""
    parser = argparse.ArgumentParser(
        prog="countersign evaluate-pr",
        description="Look at one pull request now, as the bot would, and print the verdict.",
    )
    parser.add_argument("repository", metavar="OWNER/REPO")
    parser.add_argument("number", type=int)
    given = parser.parse_args(list(argv))
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", given.repository):
        raise UserError.one(given.repository, "is no OWNER/REPO", "such as acme/models")
    evaluator = Evaluator(read_settings(os.environ))
    where = f"{given.repository}#{given.number}"
    try:
        installation = evaluator.connection.installation_of(given.repository)
        if installation is None:
            raise UserError.one(
                given.repository, "the App is not installed there", "install it on the repository"
            )
        report = evaluator.pull(installation, given.repository, given.number)
    except ApiError as error:
        raise UserError.one(
            where, str(error), "check COUNTERSIGN_* and the App's rights"
        ) from error
    if report.verdict is None:
        raise UserError.one(where, "there is no such pull request", "check the number")
    json.dump(
        {"verdict": report.verdict.as_json(), "writes": report.writes, "calls": report.calls},
        sys.stdout,
        indent=1,
        ensure_ascii=False,
    )
    print()
    return 0 if report.verdict.outcome.lets_through else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand of this room: `bot` or `evaluate-pr`."""
    given = list(sys.argv[1:] if argv is None else argv)
    commands = {"bot": serve, "evaluate-pr": once}
    if not given or given[0] not in commands:
        raise UserError.one("countersign", "no such command", f"one of: {', '.join(commands)}")
    return commands[given[0]](given[1:])
