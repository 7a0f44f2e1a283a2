"""Leases and queues, in memory, SQLite, Redis and PostgreSQL: the same promises everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.github import going_on
from bot.github.api import ApiError
from bot.reconcile import Evaluator, Report
from bot.settings import Settings
from bot.web import work_queue
from bot.web.heartbeat import Heartbeat
from bot.web.queue_place import QueuePlace, open_queue
from bot.web.webhook import Event
from bot.web.work_queue import WORKING, Queue
from bot.web.workers import Workers
from policy.errors import UserError
from tests.bot.queue_servers import SHARED, postgres_url, redis_url, url_of  # noqa: F401
from tests.bot.test_webhook import settings  # noqa: F401

KINDS = ["memory", "sqlite", *SHARED]
SEVEN = Event("acme/models", 5, pulls=(7,))
NAME = '["pull",5,"acme/models",7]'


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[QueuePlace]:
    found = open_queue(url_of(request.param, request, tmp_path))
    yield found
    found.close()


class Looks(Evaluator):
    """Counts looks, and does with each what a test asks for."""

    def __init__(self, settings: Settings) -> None:  # noqa: F811
        super().__init__(settings)
        self.looks: list[int] = []
        self.during: dict[int, object] = {}

    def pull(self, installation: int, repository: str, number: int) -> Report:
        self.looks.append(number)
        act = self.during.get(number)
        if callable(act):
            act()
        return Report(None, 0, 0)


@pytest.fixture
def looks(settings: Settings) -> Looks:  # noqa: F811
    return Looks(settings)


def test_one_holds_a_name_until_its_time_comes(place: QueuePlace) -> None:
    leases = place.leases
    assert leases.take("a", "one", 0.5)
    assert not leases.take("a", "two", 60)
    assert not leases.drop("a", "two")
    assert leases.due() == []
    assert leases.renew("one", 0.3) == {"a"}
    time.sleep(0.5)
    assert [(row.name, row.owner) for row in leases.due()] == [("a", "one")]
    assert leases.take("a", "two", 60, 3)
    assert leases.renew("one", 60) == frozenset()
    assert [(row.owner, row.number) for row in leases.listed("a")] == [("two", 3)]
    assert leases.drop("a", "two")
    assert leases.listed("") == []


def test_a_plan_is_never_put_off_and_a_new_one_outlives_the_old(place: QueuePlace) -> None:
    leases = place.leases
    leases.plan("later:a", 60)
    leases.plan("later:a", 0.2, 2)
    leases.plan("later:a", 60, 3)
    time.sleep(0.4)
    (seen,) = leases.due()
    assert seen.number == 3
    leases.plan("later:a", 60, 4)  # by another process, between reading and dropping
    leases.drop_due(seen)
    (newer,) = leases.due()
    assert newer.number == 4
    leases.drop_due(newer)
    assert leases.listed("") == []


def test_of_many_takers_one_gets_it(place: QueuePlace) -> None:
    got: list[str] = []

    def take(owner: str) -> None:
        if place.leases.take("a", owner, 60):
            got.append(owner)

    threads = [threading.Thread(target=take, args=(str(n),)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_the_same_work_waits_once_and_again_after_a_look(place: QueuePlace, looks: Looks) -> None:
    queue = Queue(place, looks)
    for _ in range(3):
        queue.put(Event("acme/models", 5, pulls=(7, 8), branch=True))
    assert queue.size() == 3
    queue.drain()
    queue.put(SEVEN)
    assert queue.size() == 1


def test_work_of_a_killed_process_is_taken_up_when_its_lease_expires(
    place: QueuePlace, looks: Looks
) -> None:
    queue = Queue(place, looks)
    place.leases.take(WORKING + NAME, "of the dead", 0.3)
    queue.put(SEVEN)
    queue.drain()
    assert looks.looks == []  # it may still be at it
    time.sleep(0.4)
    queue.take_up()
    queue.drain()
    assert looks.looks == [7]
    assert place.leases.listed(WORKING) == []


def test_a_mark_without_its_work_silences_nothing_for_long(
    place: QueuePlace, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the mark and the queue, or with the queue emptied by somebody."""
    monkeypatch.setattr(work_queue, "WAITING_SECONDS", 0.3)
    queue = Queue(place, looks)
    queue.put(SEVEN)
    place.huey.storage.flush_queue()
    queue.put(SEVEN)
    assert queue.size() == 0
    time.sleep(0.4)
    queue.take_up()
    queue.drain()
    assert looks.looks == [7]


def test_what_comes_in_during_a_look_is_looked_at_afterwards(
    place: QueuePlace, looks: Looks
) -> None:
    queue = Queue(place, looks)
    looks.during[7] = lambda: looks.during.pop(7) and queue.put(SEVEN)
    queue.put(SEVEN)
    queue.drain()
    assert looks.looks == [7, 7]


def test_two_workers_never_look_at_one_pull_request_at_once(
    place: QueuePlace, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_queue, "BUSY_SECONDS", 0.05)
    now, most, lock = [0], [0], threading.Lock()

    def look() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        queue.put(SEVEN)
        time.sleep(0.05)
        with lock:
            now[0] -= 1

    looks.during[7] = look
    queue = Queue(place, looks)
    queue.put(SEVEN)
    workers = Workers(queue, 4)
    workers.start()
    deadline = time.monotonic() + 30
    while len(looks.looks) < 5 and time.monotonic() < deadline:
        queue.take_up()
        time.sleep(0.01)
    assert workers.stop(20)
    assert len(looks.looks) >= 5
    assert most == [1]


def test_a_look_that_lost_its_lease_writes_nothing_more(place: QueuePlace, looks: Looks) -> None:
    wrote: list[bool] = []

    def look() -> None:
        going_on.go_on(writes=True)
        wrote.append(True)
        place.leases.drop(WORKING + NAME)
        assert place.leases.take(WORKING + NAME, "somebody else", 60)
        going_on.go_on(writes=True)
        wrote.append(False)

    looks.during[7] = look
    queue = Queue(place, looks)
    queue.put(SEVEN)
    queue.drain()
    assert wrote == [True]
    assert [row.owner for row in place.leases.listed(WORKING)] == ["somebody else"]


def test_one_broken_pull_request_does_not_stop_the_others(
    place: QueuePlace, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_queue, "RETRY_SECONDS", 0)

    def broken() -> None:
        raise RuntimeError("nobody foresaw this")

    def refused() -> None:
        raise ApiError("GET", "/x", 403, "no")

    looks.during = {7: broken, 8: refused}
    queue = Queue(place, looks)
    queue.put(Event("acme/models", 5, pulls=(7, 8, 9)))
    for _ in range(10):
        queue.drain()
        queue.take_up()
    assert looks.looks.count(9) == 1
    assert looks.looks.count(7) == looks.looks.count(8) == 1 + work_queue.RETRIES


def test_work_that_kills_its_process_rests(place: QueuePlace, looks: Looks) -> None:
    queue = Queue(place, looks)
    for number in range(work_queue.RETRIES + 1):
        place.leases.take(WORKING + NAME, "dead", 0, number)
        queue.take_up()
    assert queue.size() == 1  # the first time; then it waits
    assert [row.number for row in place.leases.listed("later:")] == [work_queue.RETRIES + 1]


def test_a_broken_installation_does_not_stop_the_sweep_of_the_others(
    place: QueuePlace, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repositories(installation: int) -> tuple[str, ...]:
        if installation == 1:
            raise ApiError("GET", "/installation/repositories", 403, "suspended")
        return ("acme/models",)

    monkeypatch.setattr(looks.connection, "installations", lambda: (1, 2))
    monkeypatch.setattr(looks.connection, "repositories", repositories)
    queue = Queue(place, looks)
    queue.sweep()
    assert queue.size() == 2


class Sweeps(Queue):
    """Its first sweep meets an error that nobody foresaw."""

    sweeps = 0

    def sweep(self) -> None:
        self.sweeps += 1
        if self.sweeps == 1:
            raise RuntimeError("nobody foresaw this")


def test_of_several_replicas_one_sweeps_and_a_failed_sweep_is_not_the_last(
    place: QueuePlace, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_queue, "RETRY_SECONDS", 0)
    queue = Sweeps(place, looks)
    hearts = [Heartbeat(queue, 60, tick_seconds=0.02) for _ in range(3)]
    for heart in hearts:
        heart.start()
    deadline = time.monotonic() + 30
    while queue.sweeps < 2 and time.monotonic() < deadline:
        queue.drain()
        time.sleep(0.02)
    for _ in range(20):
        queue.drain()
        time.sleep(0.02)
    for heart in hearts:
        heart.stop()
    for heart in hearts:
        heart.join(30)
    assert 2 <= queue.sweeps <= 4  # one failed and came again; starts may each ask for one
    assert len(place.leases.listed('later:["sweep"]')) == 1


@pytest.mark.parametrize("kind", SHARED)
def test_two_processes_share_a_server(
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    looks: Looks,
    settings: Settings,  # noqa: F811
) -> None:
    url = url_of(kind, request, tmp_path)
    here, there = open_queue(url), open_queue(url)
    others = Looks(settings)
    Queue(here, looks).put(SEVEN)
    second = Queue(there, others)
    second.put(SEVEN)
    assert second.drain() == 1
    assert others.looks == [7]
    here.close()
    there.close()


def test_a_second_process_on_a_sqlite_queue_is_refused(tmp_path: Path) -> None:
    file = str(tmp_path / "queue.sqlite")
    first = open_queue(file)
    script = "import sys; from bot.web.queue_place import open_queue; open_queue(sys.argv[1])"
    words = [sys.executable, "-c", script, file]
    refused = subprocess.run(words, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    for told in (f"process {os.getpid()}", "serves one process", "redis:// or postgresql://"):
        assert told in refused.stderr
    first.close()
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0


def damaged_header(file: Path) -> None:
    file.write_bytes(b"no database at all" * 100)


def damaged_pages(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)


def another_table(file: Path) -> None:
    import sqlite3

    with sqlite3.connect(file) as connection:
        connection.execute("drop table task")
        connection.execute("create table task (something text)")


def unreadable_work(file: Path) -> None:
    import sqlite3

    with sqlite3.connect(file) as connection:
        connection.execute("update task set data = ?", (b"\x80\x05not our work",))


@pytest.mark.parametrize(
    "damage", [damaged_header, damaged_pages, another_table, unreadable_work, Path.unlink]
)
def test_a_damaged_queue_is_thrown_away(
    damage: object,
    tmp_path: Path,
    looks: Looks,
) -> None:
    file = tmp_path / "queue.sqlite"
    before = open_queue(str(file))
    queue = Queue(before, looks)
    queue.put(Event("acme/models", 5, pulls=tuple(range(1, 200))))
    before.huey.storage.sql("pragma wal_checkpoint(truncate)")
    before.close()
    damage(file)  # type: ignore[operator]
    after = open_queue(str(file))
    again = Queue(after, looks)
    assert again.size() == 0
    again.put(SEVEN)
    again.drain()
    assert looks.looks == [7]
    after.close()


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("mysql://x/y", "no queue is kept at mysql://"),
        ("redis://127.0.0.1:9/0", "start the server, or correct the URL"),
        ("postgresql://me:hidden@127.0.0.1:9/x", "start the server, or correct the URL"),
    ],
)
def test_a_queue_that_cannot_be_reached_says_so_and_hides_the_password(
    place: str, told: str
) -> None:
    pytest.importorskip("redis")
    pytest.importorskip("psycopg")
    with pytest.raises(UserError) as error:
        open_queue(place)
    assert told in str(error.value)
    assert "hidden" not in str(error.value)


def test_work_in_the_queue_is_json_not_code(looks: Looks) -> None:
    place = open_queue(":memory:")
    Queue(place, looks).put(SEVEN)
    assert place.huey.storage.enqueued_items()[0].startswith(b"[")
