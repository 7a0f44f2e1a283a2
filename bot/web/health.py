"""Whether the bot lives, and whether it can do its work: what /livez and /readyz answer.

`/livez` fails if a restart helps: a thread is dead. `/readyz` fails if a person has to look: GitHub
does not answer or does not accept the key, the queue takes no work, no sweep ended for long.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from bot.github.api import ApiError
from bot.web.work_queue import Queue

log = logging.getLogger("countersign.bot")
PROBE_SECONDS = 30.0
STALE_SECONDS = 90.0
"""How old an answer of GitHub, or a tick of the heartbeat, may be."""


class Health:
    """What is known about the bot; the command that runs it sets the parts."""

    def __init__(
        self,
        queue: Queue,
        sweep_seconds: float = 300,
        ticked: Callable[[], float] = time.monotonic,
        workers_alive: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._sweep_seconds = sweep_seconds
        self._ticked = ticked
        self._workers_alive = workers_alive
        self._clock = clock
        self._began = clock()
        self._github = "not asked yet"
        self._asked_at = clock()

    def github_answered(self, problem: str = "") -> None:
        """Note what the last question to GitHub found."""
        self._github, self._asked_at = problem or "ok", self._clock()

    def live(self) -> dict[str, str]:
        """Return each part of the process and `ok`, or what is wrong with it."""
        beats = self._clock() - self._ticked() < STALE_SECONDS
        return {
            "heartbeat": "ok" if beats else "the heartbeat thread is dead or blocked",
            "workers": "ok" if self._workers_alive() else "a worker thread is dead",
        }

    def ready(self) -> dict[str, str]:
        """Return each thing that the bot needs and `ok`, or what is wrong with it."""
        stale = self._clock() - self._asked_at > STALE_SECONDS
        found = {"github": "no answer for long" if stale else self._github}
        try:
            self._queue.writable()
            found["queue"] = "ok"
            found["sweep"] = self._swept()
        except Exception as error:  # each storage has its own family
            found["queue"] = f"not writable: {type(error).__name__}"
            found["sweep"] = "unknown"
        return found

    def _swept(self) -> str:
        """Sweeps may be late by two intervals and a minute."""
        most = 3 * self._sweep_seconds + 60
        last = self._queue.state().last_sweep
        if last and self._queue.leases.now() - last <= most:
            return "ok"
        if self._clock() - self._began <= most and not last:
            return "none since the start"
        return "none for long"


class Probe(threading.Thread):
    """Asks GitHub now and then whether it accepts the App's key."""

    def __init__(
        self, ask: Callable[[], None], health: Health, seconds: float = PROBE_SECONDS
    ) -> None:
        super().__init__(name="countersign-probe", daemon=True)
        self._ask = ask
        self._health = health
        self._seconds = seconds
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while True:
            try:
                self._ask()
                self._health.github_answered()
            except ApiError as error:
                self._health.github_answered(f"{error.status or 'no answer'}: {error.message}")
            except Exception:
                log.exception("GitHub could not be asked")
                self._health.github_answered("could not be asked; see the log")
            if self._stop_asked.wait(self._seconds):
                return

    def stop(self) -> None:
        self._stop_asked.set()
