"""The bot as processes that get killed: the next one finishes the work and repeats nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from bot.settings import Settings
from tests.bot import builders as a
from tests.bot.queue_servers import SHARED, free_port, postgres_url, redis_url, url_of  # noqa: F401
from tests.bot.test_webhook import settings  # noqa: F401
from tests.bot.world import World

SCRIPT = "import sys; from countersign_ml.cli.command_table import main; sys.exit(main(['bot']))"


def environment(settings: Settings, queue: str, port: int) -> dict[str, str]:  # noqa: F811
    return {
        **os.environ,
        "COUNTERSIGN_GITHUB_API": settings.github_api,
        "COUNTERSIGN_APP_ID": str(settings.app_id),
        "COUNTERSIGN_PRIVATE_KEY": settings.private_key,
        "COUNTERSIGN_SIGNING_KEY": settings.signing_key,
        "COUNTERSIGN_WEBHOOK_SECRET": settings.webhook_secret,
        "COUNTERSIGN_SECONDS_BETWEEN_REQUESTS": "0",
        "COUNTERSIGN_SECONDS_BETWEEN_WRITES": "0",
        "COUNTERSIGN_LEASE_SECONDS": "4",
        "COUNTERSIGN_SWEEP_SECONDS": "600",
        "COUNTERSIGN_QUEUE": queue,
        "COUNTERSIGN_PORT": str(port),
    }


class Process:
    """One bot; `start` again after a kill."""

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        self.environ = environ
        self.url = f"http://127.0.0.1:{environ['COUNTERSIGN_PORT']}"
        self._log = log.open("ab")
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [sys.executable, "-c", SCRIPT]
        self.child = subprocess.Popen(words, env=self.environ, stdout=self._log, stderr=self._log)

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        self.child.wait()

    def wait_until_it_listens(self) -> None:
        wait(lambda: self.status("/livez") == 200, 60, "the bot does not listen")

    def status(self, path: str) -> int:
        try:
            return requests.get(self.url + path, timeout=5).status_code
        except requests.ConnectionError:
            return 0

    def close(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.kill()
        self._log.close()


def wait(done: Callable[[], bool], seconds: float, told: str) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(told)
        time.sleep(0.2)


@contextmanager
def bots(world: World, queue: str, number: int) -> Iterator[list[Process]]:
    found = [
        Process(environment(world.settings, queue, free_port()), world.root / f"bot{n}.log")
        for n in range(number)
    ]
    try:
        yield found
    finally:
        for each in found:
            each.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as found:
        yield found


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["sqlite", *SHARED])
def test_killed_at_every_write_the_next_process_finishes_and_repeats_nothing(
    kind: str, request: pytest.FixtureRequest, world: World
) -> None:
    """The server as shipped, with its own queue, gets SIGKILL at the first write of each kind."""
    kills: set[str] = set()
    due = threading.Event()
    with bots(world, url_of(kind, request, world.root), 1) as (bot,):

        def strike(method: str, path: str) -> None:
            what = f"{method} {path}"
            if method == "GET" or "access_tokens" in path or what in kills or due.is_set():
                return
            kills.add(what)
            assert bot.child is not None
            bot.child.kill()
            due.set()

        bot.start()
        bot.wait_until_it_listens()
        world.forge.set_webhook_url(world.app, f"{bot.url}/webhook")
        number = world.propose(1)
        world.forge.faults = strike

        def done() -> bool:
            if due.is_set():
                assert bot.child is not None
                bot.child.wait()
                due.clear()
                bot.start()
            released = world.pull(number)["commits"] == 2
            told = world.conclusion(number) == "action_required" and bool(world.comments(number))
            return released and told and not due.is_set()

        wait(done, 200, f"no verdict after {len(kills)} kills")
        world.forge.faults = None
        world.forge.idle()
    assert len(kills) >= 4
    assert world.runs() == {f"finetune {a.MODEL} {a.forward_key(1)}": 1}
    assert len(world.comments(number)) == 1


@pytest.mark.timeout(600)
@pytest.mark.parametrize("moment", ["at once", "idle", "in a slow answer"])
def test_sigterm_ends_it_within_ten_seconds_at_any_time(
    moment: str,
    tmp_path: Path,
    settings: Settings,  # noqa: F811
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and says nothing
        there = f"http://127.0.0.1:{silent.getsockname()[1]}/api/v3"
        api = there if moment == "in a slow answer" else "http://127.0.0.1:9/api/v3"
        environ = environment(settings, str(tmp_path / "queue.sqlite"), free_port())
        bot = Process({**environ, "COUNTERSIGN_GITHUB_API": api}, tmp_path / "log")
        try:
            bot.start()
            assert bot.child is not None
            if moment != "at once":
                bot.wait_until_it_listens()
                time.sleep(3)
            began = time.monotonic()
            bot.child.send_signal(signal.SIGTERM)
            status = bot.child.wait(20)
            assert time.monotonic() - began < 10
            assert status == (-signal.SIGTERM if moment == "at once" else 0)
        finally:
            bot.close()
