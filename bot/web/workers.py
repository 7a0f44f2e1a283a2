"""The threads that work the queue off, and how they end within seconds."""

from __future__ import annotations

import logging
from typing import Any

from huey.consumer import Consumer

from bot.web.work_queue import Queue

log = logging.getLogger("countersign.bot")
CUT_SECONDS = 2
"""How long a worker may take to notice that it is cut off: usually the time of one request."""


class _Consumer(Consumer):  # type: ignore[misc]
    """A consumer that leaves the signals of the process alone."""

    def _set_signal_handlers(self) -> None:
        pass


class Workers:
    """Threads that share one queue."""

    def __init__(self, queue: Queue, number: int) -> None:
        self._queue = queue
        self._consumer: Any = _Consumer(
            queue.huey, workers=number, periodic=False, initial_delay=0.05, max_delay=0.5
        )

    def start(self) -> None:
        self._consumer.start()

    def replace_dead(self) -> None:
        """Start a new thread for each that died."""
        if not self._consumer.stop_flag.is_set():
            self._consumer.check_worker_health()

    def alive(self) -> bool:
        """Return whether every worker lives; before the start and after the stop none has to."""
        threads = [thread for _, thread in self._consumer.worker_threads]
        started = any(thread.ident is not None for thread in threads)
        stopping = self._consumer.stop_flag.is_set()
        return not started or stopping or all(thread.is_alive() for thread in threads)

    def stop(self, grace_seconds: float) -> bool:
        """Take no more work, let that in hand end, then cut it off; return whether all ended.

        What does not end is left to its lease: another process takes it up when that expires.
        """
        self._consumer.stop_flag.set()
        if self._joined(grace_seconds):
            return True
        log.warning("the work in hand is cut off; it is taken up again")
        self._queue.cut_off()
        return self._joined(CUT_SECONDS)

    def _joined(self, seconds: float) -> bool:
        self._consumer.shutdown_timeout = seconds
        return bool(self._consumer._join_workers())
