"""Whatever happens on the way, the same course of events comes to the same, each thing once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.bot import builders as a
from tests.bot.test_against_forge import ship
from tests.bot.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as found:
        yield found


def roll_back(world: World, number: int) -> int:
    back = world.revert(number, "ada")
    world.settle()
    world.approve(back, "grace", "omar")
    world.settle()
    return back


def course(world: World) -> dict[str, object]:
    """Two versions and a rollback; return everything the bot left behind."""
    ship(world, 1)
    second = ship(world, 2)
    roll_back(world, second)
    return world.seen()


EXPECTED = {
    "live": a.pointer(1).text(),
    "runs": {
        f"finetune {a.MODEL} {a.forward_key(1)}": 1,
        f"finetune {a.MODEL} {a.forward_key(2)}": 1,
        f"rollback {a.MODEL} {a.rollback_key(3)}": 1,
    },
    "incidents": [f"Incident: {a.MODEL} {a.pointer(2).version} is rolled back"],
    "deployments": [
        (a.pointer(1).version, "inactive"),
        (a.pointer(2).version, "inactive"),
        (a.pointer(1).version, "success"),
    ],
    "pulls": {
        1: (True, "success", 1, 2),
        2: (True, "success", 1, 2),
        3: (True, "success", 1, 1),
    },
}
"""What any course of events has to come to: pull request to merged, check, comments, commits."""


def test_the_plain_course_leaves_each_thing_once(world: World) -> None:
    assert course(world) == EXPECTED


class Scrambled(World):
    """Every delivery comes twice, the last first."""

    def settle(self, timeout: float = 60) -> None:
        for _ in range(12):
            self.forge.idle(timeout)
            self.forge.release(lambda held: [d for d in reversed(held) for _ in range(2)])
            self.forge.hold_deliveries()
            self.forge.idle(timeout)
            if self.queue.drain() == 0:
                return
        raise TimeoutError("the bot does not come to rest")


def test_doubled_and_reversed_deliveries_come_to_the_same(tmp_path: Path) -> None:
    with Scrambled(tmp_path) as world:
        assert course(world) == EXPECTED


class Deaf(World):
    """No delivery ever arrives; only the sweep finds what is to be done."""

    def settle(self, timeout: float = 60) -> None:
        for _ in range(12):
            self.forge.release(lambda held: [])
            self.forge.hold_deliveries()
            before = len(self.forge.writes)
            self.queue.forget()  # as after a start, which looks at everything
            self.queue.sweep()
            self.queue.drain()
            self.forge.idle(timeout)
            if len([w for w in self.forge.writes[before:] if w.actor == a.BOT]) == 0:
                return
        raise TimeoutError("the bot does not come to rest")


def test_the_sweep_alone_comes_to_the_same(tmp_path: Path) -> None:
    with Deaf(tmp_path) as world:
        found = course(world)
    assert {**found, "pulls": None} == {**EXPECTED, "pulls": None}
    assert [state[0] for state in found["pulls"].values()] == [True] * 3  # type: ignore[attr-defined]


class Unclear(World):
    """Each kind of write is carried out, and then answered with a 502, once."""

    def settle(self, timeout: float = 60) -> None:
        failed: set[str] = set()

        def fault(method: str, path: str) -> tuple[Literal["after"], int] | None:
            kind = f"{method} {path}"
            if method == "GET" or "access_tokens" in path or kind in failed:
                return None
            failed.add(kind)
            return ("after", 502)

        self.forge.faults = fault
        try:
            for _ in range(20):
                before = len(self.forge.writes)
                self.queue.sweep()
                super().settle(timeout)
                if len([w for w in self.forge.writes[before:] if w.actor == a.BOT]) == 0:
                    return
        finally:
            self.forge.faults = None
        raise TimeoutError("the bot does not come to rest")


def test_writes_that_happened_and_answered_502_are_not_repeated(tmp_path: Path) -> None:
    with Unclear(tmp_path) as world:
        assert course(world) == EXPECTED


class Killed(World):
    """The bot is a process that gets SIGKILL at each write, once the forge has it in hand."""

    kills = 0

    def settle(self, timeout: float = 60) -> None:
        survived: set[str] = set()
        for _ in range(60):
            self.forge.idle(timeout)
            numbers = [int(item["number"]) for item in self.api("ada", "GET", "/pulls")]
            killed = [self._one_look(number, survived) for number in numbers]
            if not any(killed):
                break
        else:
            raise TimeoutError("the bot does not come to rest")
        super().settle(timeout)

    def _one_look(self, number: int, survived: set[str]) -> bool:
        """Return whether it was killed."""
        environment = {
            **os.environ,
            "COUNTERSIGN_GITHUB_API": self.settings.github_api,
            "COUNTERSIGN_APP_ID": str(self.settings.app_id),
            "COUNTERSIGN_PRIVATE_KEY": self.settings.private_key,
            "COUNTERSIGN_SIGNING_KEY": self.settings.signing_key,
            "COUNTERSIGN_WEBHOOK_SECRET": self.settings.webhook_secret,
            "COUNTERSIGN_SECONDS_BETWEEN_REQUESTS": "0",
            "COUNTERSIGN_SECONDS_BETWEEN_WRITES": "0",
        }
        script = "import sys; from bot.bot_commands import once; sys.exit(once(sys.argv[1:]))"
        words = [sys.executable, "-c", script, a.REPOSITORY, str(number)]
        with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as child:

            def fault(method: str, path: str) -> None:
                kind = f"{method} {path}"
                if method != "GET" and "access_tokens" not in path and kind not in survived:
                    survived.add(kind)
                    self.kills += 1
                    child.kill()

            self.forge.faults = fault
            try:
                return child.wait(60) < 0
            finally:
                self.forge.faults = None


@pytest.mark.timeout(1200)
def test_killed_at_every_write_it_finishes_and_repeats_nothing(tmp_path: Path) -> None:
    with Killed(tmp_path) as world:
        assert course(world) == EXPECTED
        assert world.kills > 20
