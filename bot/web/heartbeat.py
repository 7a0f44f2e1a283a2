"""The thread that keeps the leases of this process, and has work taken up when its time comes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from bot.web.work_queue import Queue

log = logging.getLogger("countersign.bot")
TICK_SECONDS = 1.0


class Heartbeat(threading.Thread):
    """Ticks every second until told to stop; no error ends it.

    All replicas plan the next sweep, and the queue lets one of them do it.
    """

    def __init__(
        self,
        queue: Queue,
        sweep_seconds: float,
        look_after: Callable[[], object] = lambda: None,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        super().__init__(name="countersign-heartbeat", daemon=True)
        self._queue = queue
        self._sweep_seconds = sweep_seconds
        self._look_after = look_after
        self._tick_seconds = tick_seconds
        self._stop_asked = threading.Event()
        self._every = min(queue.lease_seconds / 4, sweep_seconds)
        self._renew_at = 0.0
        self.ticked = time.monotonic()
        """When the last tick ended, by the monotonic clock."""

    def run(self) -> None:
        while True:
            try:
                self._tick()
            except Exception:  # the queue may answer again; a dead thread finds nothing
                log.exception("the queue does not answer")
            self.ticked = time.monotonic()
            if self._stop_asked.wait(self._tick_seconds):
                return

    def _tick(self) -> None:
        if time.monotonic() >= self._renew_at:
            first = not self._renew_at
            self._queue.renew()
            self._queue.plan_sweep(0 if first else self._sweep_seconds)
            self._renew_at = time.monotonic() + (0 if first else self._every)
            self._look_after()
        self._queue.take_up()

    def stop(self) -> None:
        self._stop_asked.set()
