"""What probes, Prometheus and the log show of the bot."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import time
from collections.abc import Callable

import pytest

from bot.github.api import ApiError
from bot.reconcile import Evaluator, Report
from bot.settings import Settings
from bot.web import delivery_log
from bot.web.app import create_app
from bot.web.bot_metrics import Figures
from bot.web.health import STALE_SECONDS, Health, Probe
from bot.web.queue_place import open_queue
from bot.web.webhook import Event
from bot.web.work_queue import Queue
from policy.verdict import Finding, Outcome
from tests.bot.test_webhook import SECRET, headers, pull_request, send, settings  # noqa: F401


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def queue(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Queue:  # noqa: F811
    evaluator = Evaluator(settings)
    green = Report(Finding("countersign", Outcome.PASSED, "fine"), 0, 3)
    monkeypatch.setattr(evaluator, "pull", lambda *_: green)
    monkeypatch.setattr(evaluator.connection, "installations", lambda: ())
    return Queue(open_queue(":memory:"), evaluator, Figures())


def ready(queue: Queue) -> Health:
    health = Health(queue)
    health.github_answered()
    queue.sweep()
    return health


def test_ready_is_503_until_github_answered_and_a_sweep_ended(queue: Queue) -> None:
    health = Health(queue)
    client = create_app(SECRET, queue, Figures(), health).test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {
        "github": "not asked yet",
        "queue": "ok",
        "sweep": "none since the start",
    }
    health.github_answered()
    queue.sweep()
    answer = client.get("/readyz")
    assert (answer.status_code, set((answer.json or {}).values())) == (200, {"ok"})


def test_not_ready_while_github_refuses_the_key_or_does_not_answer(queue: Queue) -> None:
    health = ready(queue)

    def refused() -> None:
        raise ApiError("GET", "/app", 401, "A JSON web token could not be decoded")

    for ask, told in ((refused, "401: A JSON web token could not be decoded"), (dict, "ok")):
        probe = Probe(ask, health, 0.01)  # type: ignore[arg-type]
        probe.start()
        deadline = time.monotonic() + 20
        while health.ready()["github"] != told and time.monotonic() < deadline:
            time.sleep(0.01)
        probe.stop()
        probe.join(20)
        assert health.ready()["github"] == told
    health._asked_at -= STALE_SECONDS + 1
    assert health.ready()["github"] == "no answer for long"


def test_not_ready_with_a_queue_that_takes_no_work(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = ready(queue)

    def gone(*_: object) -> bool:
        raise ConnectionError("the server is gone")

    monkeypatch.setattr(queue.leases, "take", gone)
    assert health.ready()["queue"] == "not writable: ConnectionError"


def test_not_ready_if_no_sweep_ended_for_long(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = ready(queue)
    later = time.time() + 3 * 300 + 61
    monkeypatch.setattr(queue.leases, "now", lambda: later)
    assert health.ready()["sweep"] == "none for long"


def test_dead_threads_are_not_alive(queue: Queue) -> None:
    clock = Clock()
    health = Health(queue, ticked=lambda: 1000.0, workers_alive=lambda: False, clock=clock)
    assert health.live() == {"heartbeat": "ok", "workers": "a worker thread is dead"}
    clock.now += STALE_SECONDS
    assert health.live()["heartbeat"] != "ok"
    answer = create_app(SECRET, queue, Figures(), health).test_client().get("/livez")
    assert answer.status_code == 503


def full_metrics(queue: Queue) -> str:
    figures = queue._observer
    assert isinstance(figures, Figures)
    quota = queue._evaluator.connection.api(5).quota
    known = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4200"}
    quota.answered(200, {**known, "x-ratelimit-reset": "2000000000"}, writes=False)
    quota.answered(304, {}, writes=False)
    figures.watch(queue.state, lambda: queue._evaluator.connection.quotas)
    client = create_app(SECRET, queue, figures).test_client()
    send(client, "pull_request", pull_request())
    queue.drain()
    queue.sweep()
    queue.put(Event("acme/models", 5, pulls=(8,)))
    return client.get("/metrics").get_data(as_text=True)


def test_the_figures_that_operators_need_are_there(queue: Queue) -> None:
    text = full_metrics(queue)
    for line in (
        'countersign_looks_total{repository="acme/models",verdict="passed"} 1.0',
        'countersign_work_total{kind="pull",outcome="done"} 1.0',
        'countersign_work_duration_seconds_count{kind="pull"} 1.0',
        'countersign_quota_remaining{installation="5"} 4200.0',
        'countersign_api_requests_total{charged="no",installation="5"} 1.0',
        "countersign_queue_length 1.0",
    ):
        assert line in text
    figures = dict(line.split(" ") for line in text.splitlines() if not line.startswith("#"))
    assert 0 <= float(figures["countersign_oldest_waiting_seconds"]) < 60
    assert abs(float(figures["countersign_last_sweep_timestamp_seconds"]) - time.time()) < 60


@pytest.mark.servers
def test_promtool_has_nothing_to_say_about_the_figures(queue: Queue) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    told = subprocess.run(
        [promtool, "check", "metrics"],
        input=full_metrics(queue),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def formatted(formatter: logging.Formatter, say: Callable[[], None]) -> list[str]:
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(formatter.format(record))

    log, handler = logging.getLogger("countersign.bot"), Kept()
    log.addHandler(handler)
    before = log.level
    log.setLevel(logging.INFO)
    try:
        say()
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
    return lines


def test_every_line_about_a_delivery_names_it(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: object) -> Report:
        logging.getLogger("countersign.bot").info("looked")
        raise ApiError("GET", "/x", 500, "no\nnewline breaks a line")

    monkeypatch.setitem(queue._kinds, "pull", look)
    event = Event("acme/models", 5, pulls=(7,), delivery="72d3162e-cc78")

    def work() -> None:
        queue.put(event)
        queue.drain()

    lines = [json.loads(line) for line in formatted(delivery_log.JsonLines(), work)]
    assert len(lines) == 2
    for line in lines:
        assert line["delivery"] == "72d3162e-cc78"
        assert (line["repository"], line["what"], line["work"]) == ("acme/models", 7, "pull")
    assert delivery_log.delivery() == ""
    queue.leases.clear()
    told = formatted(delivery_log.TextLines(), work)
    assert "[work=pull installation=5 repository=acme/models what=7 delivery=72d" in told[0]


def test_a_delivery_keeps_its_id_only_if_it_is_one() -> None:
    from bot.web.webhook import parse

    body = json.dumps(pull_request()).encode()
    for given, kept in (("72d3162e-cc78", "72d3162e-cc78"), ("a\nb", ""), ("x" * 65, "")):
        event = parse(body, {**headers("pull_request"), "X-GitHub-Delivery": given})
        assert event is not None
        assert event.delivery == kept
