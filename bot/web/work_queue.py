"""What is to be looked at next: a queue that may be lost, because the sweep finds it all again.

The same pull request waits at most once. Work on one pull request never overlaps, also where
several consumers share one queue.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from huey import MemoryHuey, SqliteHuey
from huey.api import Huey
from huey.exceptions import TaskLockedException

from bot.github.api import ApiError
from bot.reconcile import Evaluator
from bot.web.webhook import Event
from policy.errors import UserError

log = logging.getLogger("countersign.bot")
WAITING = "waiting:"
RETRIES = 4
RETRY_SECONDS = 15


def open_queue(place: str) -> Huey:
    """Return the queue at a path, or in memory for `:memory:`; raise UserError if it cannot be."""
    if place == ":memory:":
        return MemoryHuey("countersign")
    file = Path(place)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return SqliteHuey("countersign", filename=str(file), results=False)
    except Exception as error:  # sqlite3.Error and OSError have no common parent
        raise UserError.one(
            f"COUNTERSIGN_QUEUE={place}", f"cannot be opened: {error}", "name a writable file"
        ) from error


class Queue:
    """Takes events in, and works them off one by one."""

    def __init__(
        self,
        huey: Huey,
        evaluator: Evaluator,
        observe: Callable[[str, str], None] = lambda kind, outcome: None,
    ) -> None:
        self.huey = huey
        self._evaluator = evaluator
        self._observe = observe
        task = huey.task(retries=RETRIES, retry_delay=RETRY_SECONDS)

        def pull(installation: int, repository: str, number: int) -> None:
            self._once("pull", (installation, repository, number), evaluator.pull)

        def branch(installation: int, repository: str) -> None:
            self._once("branch", (installation, repository), evaluator.branch)

        def every_pull(installation: int, repository: str) -> None:
            self._forget("every_pull", (installation, repository))
            for number in evaluator.open_pulls(installation, repository):
                self._enqueue("pull", (installation, repository, number))

        def run(installation: int, repository: str, key: str) -> None:
            self._forget("run", (installation, repository, key))
            for number in evaluator.pulls_of_run(installation, repository, key):
                self._enqueue("pull", (installation, repository, number))

        def group(installation: int, repository: str, ref: str) -> None:
            self._once("group", (installation, repository, ref), evaluator.group)

        self._tasks = {
            function.__name__: task(function) for function in (pull, branch, every_pull, run, group)
        }

    def put(self, event: Event) -> None:
        """Queue everything that an event names."""
        where = (event.installation, event.repository)
        for number in event.pulls:
            self._enqueue("pull", (*where, number))
        if event.branch:
            self._enqueue("branch", where)
        if event.every_pull:
            self._enqueue("every_pull", where)
        if event.run_key:
            self._enqueue("run", (*where, event.run_key))
        if event.group:
            self._enqueue("group", (*where, event.group))

    def sweep(self) -> None:
        """Queue every open pull request and every default branch of every installation."""
        connection = self._evaluator.connection
        for installation in connection.installations():
            for repository in connection.repositories(installation):
                self._enqueue("branch", (installation, repository))
                self._enqueue("every_pull", (installation, repository))

    def size(self) -> int:
        """Return how many pieces of work wait."""
        return int(self.huey.storage.queue_size())

    def drain(self) -> int:
        """Work off everything that waits, here and now; return how much it was."""
        done = 0
        while (task := self.huey.dequeue()) is not None:
            self.huey.execute(task)
            done += 1
        return done

    def forget_waiting(self) -> None:
        """Drop marks and locks of a killed process; at worst something is looked at twice."""
        self.huey.flush_locks()
        storage = self.huey.storage
        for key in list(storage.result_items()):
            name = key.decode() if isinstance(key, bytes) else str(key)
            if name.startswith(WAITING):
                storage.delete_data(name)

    def _enqueue(self, kind: str, arguments: tuple[int | str, ...]) -> None:
        if self.huey.storage.put_if_empty(_mark(kind, arguments), b"1"):
            self._tasks[kind](*arguments)

    def _forget(self, kind: str, arguments: tuple[int | str, ...]) -> None:
        self.huey.storage.delete_data(_mark(kind, arguments))

    def _once(
        self, kind: str, arguments: tuple[int | str, ...], work: Callable[..., object]
    ) -> None:
        """Do one piece of work under its lock; what comes in meanwhile is queued again."""
        self._forget(kind, arguments)
        try:
            with self.huey.lock_task(_mark(kind, arguments)):
                work(*arguments)
            self._observe(kind, "done")
        except TaskLockedException:
            self._observe(kind, "busy")
            raise
        except ApiError as error:
            log.warning("%s %s: %s", kind, arguments, error)
            self._observe(kind, "api error")
            raise


def _mark(kind: str, arguments: tuple[int | str, ...]) -> str:
    return WAITING + "/".join(str(part) for part in (kind, *arguments))


class Sweeper(threading.Thread):
    """Calls `sweep` at once and then every so many seconds, until told to stop."""

    def __init__(self, queue: Queue, seconds: int) -> None:
        super().__init__(name="countersign-sweep", daemon=True)
        self._queue = queue
        self._seconds = seconds
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while True:
            try:
                self._queue.sweep()
            except ApiError as error:
                log.warning("sweep: %s", error)
            except Exception:  # the next sweep may find what was lost; a dead thread finds nothing
                log.exception("sweep")
            if self._stop_asked.wait(self._seconds):
                return

    def stop(self) -> None:
        self._stop_asked.set()
