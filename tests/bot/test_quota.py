"""Asking GitHub for no more than it gives: conditional requests, and work that is put off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.github import going_on
from bot.github.api import ApiError
from bot.github.known_answers import KnownAnswers
from bot.github.quota import RESERVED_WRITES, WRITES_A_MINUTE, WRITES_AN_HOUR, Quota
from bot.web.sweep_memory import MOST_SWEEPS, SweepMemory
from bot.web.webhook import Event
from bot.web.work_queue import LATER
from tests.bot import builders as a
from tests.bot.test_webhook import event_of, pull_request
from tests.bot.world import World, inputs_of


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def told(remaining: int, reset: float, limit: int = 5000) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(reset),
    }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as found:
        yield found


def test_a_reserve_is_left_for_rollbacks() -> None:
    clock = Clock()
    quota = Quota(clock)
    assert quota.wait_for(writes=False, urgent=False) == 0
    quota.answered(200, told(501, clock.now + 600), writes=False)
    assert quota.wait_for(writes=False, urgent=False) == 0
    quota.answered(200, told(500, clock.now + 600), writes=False)
    assert quota.wait_for(writes=False, urgent=False) == 600
    assert quota.wait_for(writes=False, urgent=True) == 0
    quota.answered(200, told(0, clock.now + 600), writes=False)
    assert quota.wait_for(writes=False, urgent=True) == 600
    clock.now += 600
    assert quota.wait_for(writes=False, urgent=False) == 0


def test_writes_stop_at_80_a_minute_and_500_an_hour() -> None:
    clock = Clock()
    quota = Quota(clock)
    for _ in range(WRITES_A_MINUTE):
        assert quota.wait_for(writes=True, urgent=False) == 0
        quota.answered(201, {}, writes=True)
    assert quota.wait_for(writes=True, urgent=True) == 60
    assert quota.wait_for(writes=False, urgent=False) == 0
    made = WRITES_A_MINUTE
    while True:
        clock.now += 2
        if quota.wait_for(writes=True, urgent=False) > 60:
            break
        if quota.wait_for(writes=True, urgent=False) == 0:
            quota.answered(201, {}, writes=True)
            made += 1
        assert made < WRITES_AN_HOUR
    assert made == WRITES_AN_HOUR - RESERVED_WRITES
    assert quota.wait_for(writes=True, urgent=True) == 0
    clock.now += 3600
    assert quota.wait_for(writes=True, urgent=False) == 0


@pytest.mark.parametrize(
    ("status", "headers", "message", "seconds"),
    [
        (403, {"retry-after": "7"}, "", 7),
        (429, {}, "", 60),
        (403, {}, "You have exceeded a secondary rate limit", 60),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1000300"}, "", 300),
        (403, {}, "Resource not accessible by integration", 0),
        (404, {}, "Not Found", 0),
    ],
)
def test_a_refusal_for_quota_shuts_the_installation_for_as_long_as_github_says(
    status: int, headers: dict[str, str], message: str, seconds: float
) -> None:
    quota = Quota(Clock())
    assert quota.refused(status, headers, message) == seconds
    assert quota.wait_for(writes=False, urgent=True) == seconds


def test_known_answers_are_bounded_and_never_shared() -> None:
    known = KnownAnswers(limit=2000)
    for number in range(100):
        known.put(f"/{number}", "tag", f'{{"n": {number}, "x": "{time.monotonic_ns() * number}"}}')
    assert known.size <= 2000
    assert known.get("/0") is None
    newest = known.get("/99")
    assert newest is not None
    newest.value["n"] = 0
    assert newest.value["n"] == 99
    before = known.size
    known.put("/99", "tag", "{}")
    assert known.size < before


def charged(world: World, since: int) -> int:
    return sum(request.counts for request in world.forge.requests[since:])


def test_a_second_look_at_what_did_not_move_is_free(world: World) -> None:
    number = world.propose(1)
    world.settle()
    where = (world.app.installation_id, a.REPOSITORY, number)
    world.evaluator.pull(*where)
    since = len(world.forge.requests)
    report = world.evaluator.pull(*where)
    assert report.calls > 3
    assert charged(world, since) == 0
    world.approve(number, "ken")
    world.evaluator.pull(*where)
    assert charged(world, since) > 0


def test_what_moved_is_seen_through_the_tags(world: World) -> None:
    number = world.propose(1)
    world.settle()
    world.evaluator.pull(world.app.installation_id, a.REPOSITORY, number)
    world.approve(number, "grace", "omar")
    world.settle()
    assert world.conclusion(number) == "success"


def test_an_idle_sweep_is_free(world: World) -> None:
    world.propose(1)
    world.settle()
    for _ in range(2):
        world.queue.sweep()
        world.settle()
    since = len(world.forge.requests)
    world.queue.sweep()
    world.settle()
    bots = [r for r in world.forge.requests[since:] if r.actor == a.BOT]
    assert len(bots) > 3
    assert sum(request.counts for request in bots) == 0


def test_a_limited_installation_puts_its_work_off_and_nobody_waits(world: World) -> None:
    number = world.propose(1)
    world.settle()
    api = world.evaluator.connection.api(world.app.installation_id)
    world.forge.faults = lambda method, path: 429 if "access_tokens" not in path else None
    began = time.monotonic()
    world.queue.put(Event(a.REPOSITORY, world.app.installation_id, pulls=(number,)))
    world.queue.drain()
    assert time.monotonic() - began < 10
    (put_off,) = world.queue.leases.listed(LATER)
    assert 30 < put_off.until - time.time() < 61
    world.forge.faults = None
    calls = api.calls
    world.queue.put(Event(a.REPOSITORY, world.app.installation_id, pulls=(number,)))
    world.queue.drain()
    assert api.calls == calls  # the installation is not asked again before its time
    with pytest.raises(ApiError) as refused:
        api.get("/rate_limit")
    assert refused.value.retry_after > 0
    with going_on.in_a_hurry(True), pytest.raises(ApiError):
        api.get("/rate_limit")  # a refusal of GitHub's holds for rollbacks too


def test_a_sweep_looks_at_what_moved_and_at_green_ones() -> None:
    memory = SweepMemory()
    stamps = {1: "a", 2: "b", 3: "c"}
    assert list(memory.choose(5, "acme/models", stamps)) == [1, 2, 3]
    for number, green in ((1, True), (2, False)):  # the look at 3 failed
        memory.looked((5, "acme/models", number), green=green)
    chosen = [list(memory.choose(5, "acme/models", stamps)) for _ in range(8)]
    for each in chosen:
        assert 1 in each
        assert 3 in each
    looked_at_2 = [2 in each for each in chosen]
    assert looked_at_2[0]
    assert looked_at_2.count(True) < 6
    assert any(looked_at_2[-MOST_SWEEPS:])
    assert 2 in memory.choose(5, "acme/models", {**stamps, 2: "moved"})
    assert list(memory.choose(5, "acme/models", {})) == []
    assert list(memory.choose(6, "acme/models", {2: "b"})) == [2]


def test_a_look_between_two_sweeps_is_repeated_once() -> None:
    """The sweep does not know at which stamp the look was made."""
    memory = SweepMemory()
    memory.looked((5, "acme/models", 1), green=False)
    assert list(memory.choose(5, "acme/models", {1: "a"})) == [1]


@pytest.mark.parametrize(
    ("ref", "urgent"), [("revert-7-more", True), ("countersign/x", True), ("more", False)]
)
def test_a_rollback_is_urgent(ref: str, urgent: bool) -> None:
    payload = pull_request()
    payload["pull_request"]["head"] = {"ref": ref}
    event = event_of("pull_request", payload)
    assert event is not None
    assert event.urgent is urgent


def test_the_stamp_changes_with_head_review_and_base(world: World) -> None:
    number = world.propose(1)
    world.settle()
    where = (world.app.installation_id, a.REPOSITORY)
    seen = {world.evaluator.stamps(*where)[number]}
    time.sleep(1.1)  # GitHub's times have no fractions
    world.approve(number, "ken")
    seen.add(world.evaluator.stamps(*where)[number])
    world.push("version-1", {**inputs_of(1), "README.md": "x"})
    seen.add(world.evaluator.stamps(*where)[number])
    assert len(seen) == 3


def test_a_server_without_limits_is_written_to_without_limits() -> None:
    quota = Quota(Clock(), limits_writes=False)
    for _ in range(WRITES_AN_HOUR):
        assert quota.wait_for(writes=True, urgent=False) == 0
        quota.answered(201, {}, writes=True)
