"""What is to be looked at next: a queue that may be lost, because the sweep finds it all again.

Each piece of work has up to three leases: `waiting` while it is queued, `working` while a process
is at it, `later` until it is tried again. The same work waits at most once and is never done twice
at once, by any process. When the time of a lease comes, the work is queued again: it was killed,
lost or put off.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.github import going_on
from bot.github.api import ApiError
from bot.github.going_on import CutOffError
from bot.reconcile import Evaluator
from bot.web import delivery_log
from bot.web.queue_place import QueuePlace
from bot.web.sweep_memory import SweepMemory
from bot.web.webhook import Event

log = logging.getLogger("countersign.bot")
WAITING, WORKING, LATER = "waiting:", "working:", "later:"
RETRIES = 4
RETRY_SECONDS = 15
WAITING_SECONDS = 900
"""Longer than work should wait; what waits longer is queued twice, but never done twice at once."""
BUSY_SECONDS = 3
CUT_OFF_SECONDS = 600
"""The rest for work whose process was killed again and again."""
SWEEP = "sweep"
SWEPT = "swept:"
FOREVER = 1e9
Argument = int | str


class Observer(Protocol):
    """Is told what became of each piece of work."""

    def worked(self, kind: str, outcome: str, seconds: float) -> None:
        """A piece of work ended."""

    def looked(self, repository: str, verdict: str) -> None:
        """A pull request was looked at."""


@dataclass(frozen=True)
class QueueState:
    """What the queue holds, in figures."""

    waiting: int
    working: int
    later: int
    oldest_seconds: float
    last_sweep: float
    """In seconds since 1970; 0 if there was none."""


@dataclass
class Held:
    """A lease on work in hand; `lost` once another process may have taken it."""

    name: str
    owner: str = field(default_factory=lambda: secrets.token_hex(8))
    lost: bool = False


class Queue:
    """Takes events in, and works them off."""

    def __init__(
        self,
        place: QueuePlace,
        evaluator: Evaluator,
        observer: Observer | None = None,
        lease_seconds: float = 60,
    ) -> None:
        self.lease_seconds = lease_seconds
        """How long the work of a killed process rests; renewed while its process lives."""
        self.huey = place.huey
        self.leases = place.leases
        self._evaluator = evaluator
        self._observer = observer
        self._held: dict[str, Held] = {}
        self._held_lock = threading.Lock()
        self._cut_off = threading.Event()
        self._memory = SweepMemory()
        self._urgent: set[str] = set()
        self._kinds: dict[str, Callable[..., object]] = {
            "pull": self._pull,
            "branch": evaluator.branch,
            "group": evaluator.group,
            "every_pull": self._every_pull,
            "swept_pulls": self._swept_pulls,
            "run": self._run,
            SWEEP: self.sweep,
        }

        def work(
            kind: str, arguments: list[Argument], attempt: int, urgent: bool, delivery: str
        ) -> None:
            if urgent:
                self._urgent.add(_name(kind, tuple(arguments)))
            named = dict(zip(("installation", "repository", "what"), arguments, strict=False))
            with delivery_log.about(work=kind, **named, delivery=delivery):
                self._work(kind, tuple(arguments), attempt)

        self._task = self.huey.task()(work)
        evaluator.hand_on = self._hand_on

    def put(self, event: Event) -> None:
        """Queue everything that an event names."""
        where = (event.installation, event.repository)
        work: list[tuple[str, tuple[Argument, ...]]] = [
            ("pull", (*where, number)) for number in event.pulls
        ]
        work += [("branch", where)] if event.branch else []
        work += [("every_pull", where)] if event.every_pull else []
        work += [("run", (*where, event.run_key))] if event.run_key else []
        work += [("group", (*where, event.group))] if event.group else []
        with delivery_log.about(delivery=event.delivery):
            for kind, arguments in work:
                self._enqueue(kind, arguments, urgent=event.urgent)

    def sweep(self) -> None:
        """Queue the open pull requests and the default branch of each repository.

        An installation that cannot be read does not keep the others from being swept.
        """
        connection = self._evaluator.connection
        for installation in connection.installations():
            try:
                for repository in connection.repositories(installation):
                    self._enqueue("branch", (installation, repository))
                    self._enqueue("swept_pulls", (installation, repository))
            except ApiError as error:
                log.warning("sweep of installation %s: %s", installation, error)
                self._observe(SWEEP, "api error")
        self.leases.drop(SWEPT)
        self.leases.take(SWEPT, "", FOREVER)

    def plan_sweep(self, seconds: float) -> None:
        """Have one process sweep in so many seconds, or earlier if that was planned."""
        self.leases.plan(LATER + _name(SWEEP, ()), seconds)

    def state(self) -> QueueState:
        """Return the figures of the whole queue, of every replica if it is shared."""
        rows, now = self.leases.listed(""), self.leases.now()
        named = {
            state: [row for row in rows if row.name.startswith(state)]
            for state in (WAITING, WORKING, LATER, SWEPT)
        }
        first = min((row.until for row in named[WAITING]), default=now + WAITING_SECONDS)
        swept = max((row.until - FOREVER for row in named[SWEPT]), default=0.0)
        return QueueState(
            waiting=self.size(),
            working=len(named[WORKING]),
            later=len(named[LATER]),
            oldest_seconds=max(0.0, now - first + WAITING_SECONDS),
            last_sweep=swept,
        )

    def writable(self) -> None:
        """Raise the storage's error if nothing can be written to it."""
        name = f"writable:{secrets.token_hex(4)}"
        self.leases.take(name, "", FOREVER)
        self.leases.drop(name)

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

    def take_up(self) -> int:
        """Queue the work whose time has come; return how much it was."""
        due = self.leases.due()
        for lease in due:
            state, _, name = lease.name.partition(":")
            if state + ":" not in (WAITING, WORKING, LATER):
                self.leases.drop_due(lease)
                continue
            kind, *arguments = json.loads(name)
            if state + ":" == WORKING:
                again = lease.number + 1
                log.warning("%s %s was cut off; it is taken up again", kind, arguments)
                if again > RETRIES:
                    self.leases.plan(LATER + name, CUT_OFF_SECONDS, again)
                else:
                    self._enqueue(kind, tuple(arguments), again)
            else:
                self._enqueue(kind, tuple(arguments), lease.number)
            if state + ":" != WAITING:
                self.leases.drop_due(lease)
        return len(due)

    def renew(self) -> None:
        """Keep the leases on the work in hand."""
        with self._held_lock:
            held = list(self._held.values())
        for each in held:
            each.lost = not self.leases.renew(each.owner, self.lease_seconds)

    def cut_off(self) -> None:
        """Let the work in hand end before its next request to GitHub, to be taken up again."""
        self._cut_off.set()

    def forget(self) -> None:
        """Drop every lease and all that sweeps remember; at worst something is looked at twice."""
        self.leases.clear()
        self._memory.forget()

    def _enqueue(
        self,
        kind: str,
        arguments: tuple[Argument, ...],
        attempt: int = 0,
        *,
        urgent: bool = False,
    ) -> None:
        mark = WAITING + _name(kind, arguments)
        if self.leases.take(mark, "", WAITING_SECONDS, attempt):
            self._task(kind, list(arguments), attempt, urgent, delivery_log.delivery())

    def _observe(self, kind: str, outcome: str, seconds: float = 0.0) -> None:
        if self._observer is not None:
            self._observer.worked(kind, outcome, seconds)

    def _hand_on(self, kind: str, installation: int, repository: str, what: Argument) -> None:
        """A look at one thing holds no lease on another: the other is queued."""
        self._enqueue(kind, (installation, repository, what))

    def _pull(self, installation: int, repository: str, number: int) -> None:
        key = (installation, repository, number)
        try:
            report = self._evaluator.pull(installation, repository, number)
        except BaseException:
            self._memory.forget(key)
            raise
        verdict = report.verdict
        self._memory.looked(key, green=verdict is not None and verdict.outcome.lets_through)
        if self._observer is not None:
            self._observer.looked(repository, verdict.outcome.value if verdict else "gone")

    def _swept_pulls(self, installation: int, repository: str) -> None:
        stamps = self._evaluator.stamps(installation, repository)
        for number in self._memory.choose(installation, repository, stamps):
            self._enqueue("pull", (installation, repository, number))

    def _every_pull(self, installation: int, repository: str) -> None:
        for number in self._evaluator.open_pulls(installation, repository):
            self._enqueue("pull", (installation, repository, number))

    def _run(self, installation: int, repository: str, key: str) -> None:
        for number in self._evaluator.pulls_of_run(installation, repository, key):
            self._enqueue("pull", (installation, repository, number))

    def _work(self, kind: str, arguments: tuple[Argument, ...], attempt: int) -> None:
        """Do one piece of work under its lease; what comes in meanwhile is queued again."""
        name = _name(kind, arguments)
        held = Held(WORKING + name)
        if not self.leases.take(held.name, held.owner, self.lease_seconds, attempt):
            self.leases.plan(LATER + name, BUSY_SECONDS, attempt)
            self.leases.drop(WAITING + name)
            self._observe(kind, "busy")
            return
        self.leases.drop(WAITING + name)
        with self._held_lock:
            self._held[held.owner] = held
        try:
            with (
                going_on.asking(lambda writes: self._ask(held, writes)),
                going_on.in_a_hurry(name in self._urgent),
            ):
                self._do(kind, arguments, attempt)
        finally:
            with self._held_lock:
                del self._held[held.owner]
            self.leases.drop(held.name, held.owner)

    def _ask(self, held: Held, writes: bool) -> None:
        """Raise CutOffError unless the work in hand may make its next request."""
        if self._cut_off.is_set():
            raise CutOffError("the bot stops")
        if writes and not held.lost:
            held.lost = not self.leases.renew(held.owner, self.lease_seconds)
        if held.lost:
            raise CutOffError("its lease expired")

    def _do(self, kind: str, arguments: tuple[Argument, ...], attempt: int) -> None:
        began = time.monotonic()
        try:
            self._kinds[kind](*arguments)
        except CutOffError as error:
            log.warning("%s %s is cut off: %s", kind, arguments, error)
            self.leases.plan(LATER + _name(kind, arguments), 0, attempt)
            self._observe(kind, "cut off")
        except ApiError as error:
            log.warning("%s %s: %s", kind, arguments, error)
            self._observe(kind, "put off" if error.retry_after else "api error")
            self._again(kind, arguments, attempt, error.retry_after)
        except Exception:
            self._observe(kind, "error")
            self._again(kind, arguments, attempt)
            raise  # the worker logs it, and goes on with the next piece of work
        else:
            self._urgent.discard(_name(kind, arguments))
            self._observe(kind, "done", time.monotonic() - began)

    def _again(
        self, kind: str, arguments: tuple[Argument, ...], attempt: int, after: float = 0.0
    ) -> None:
        """Try again later, some times; after that, the sweep finds it.

        Work that a quota puts off waits for the quota, however often.
        """
        if after:
            self.leases.plan(LATER + _name(kind, arguments), after, attempt)
        elif attempt < RETRIES:
            delay = RETRY_SECONDS * 2**attempt
            self.leases.plan(LATER + _name(kind, arguments), delay, attempt + 1)


def _name(kind: str, arguments: tuple[Argument, ...]) -> str:
    return json.dumps([kind, *arguments], separators=(",", ":"))
