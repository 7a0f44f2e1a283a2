"""The whole line against the forge: propose, sign, merge, revert, and what may go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.bot import builders as a
from tests.bot.world import World
from tests.policy.builders import POLICY


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as found:
        yield found


def ship(world: World, version: int) -> int:
    """Propose a version and sign it; return its pull request."""
    number = world.propose(version)
    world.settle()
    world.approve(number, "grace", "omar")
    world.settle()
    return number


def roll_back(world: World, number: int) -> int:
    back = world.revert(number, "ada")
    world.settle()
    world.approve(back, "grace", "omar")
    world.settle()
    return back


def test_a_proposal_is_measured_released_signed_merged_and_deployed(world: World) -> None:
    number = world.propose(1)
    world.settle()
    assert world.conclusion(number) == "action_required"
    assert world.pull(number)["commits"] == 2
    (comment,) = world.comments(number)
    assert "exact_match" in comment
    world.approve(number, "grace")
    world.settle()
    assert world.conclusion(number) == "action_required"
    world.approve(number, "omar")
    world.settle()
    assert world.pull(number)["merged"]
    assert world.pull(number)["merged_by"]["login"] == a.BOT
    assert world.live() == a.pointer(1).text()
    assert world.deployments() == [(a.pointer(1).version, "success")]
    (comment,) = world.comments(number)
    assert "grace (ml-lead), omar (operations)" in comment


def test_reverting_the_merge_rolls_back(world: World) -> None:
    ship(world, 1)
    second = ship(world, 2)
    assert world.live() == a.pointer(2).text()
    back = world.revert(second, "ada")
    world.settle()
    assert world.conclusion(back) == "action_required"
    assert world.incidents() == [f"Incident: {a.MODEL} {a.pointer(2).version} is rolled back"]
    world.approve(back, "grace", "omar")
    world.settle()
    assert world.live() == a.pointer(1).text()
    assert [version for version, _ in world.deployments()] == [
        a.pointer(1).version,
        a.pointer(2).version,
        a.pointer(1).version,
    ]
    again = world.revert(back, "ada")
    world.settle()
    assert world.conclusion(again) == "failure"
    assert "quarantined" in world.comments(again)[0]


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
        f"rollback {a.MODEL} {a.rollback_key()}": 1,
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
            "COUNTERSIGN_WEBHOOK_SECRET": self.settings.webhook_secret,
            "COUNTERSIGN_SECONDS_BETWEEN_REQUESTS": "0",
            "COUNTERSIGN_SECONDS_BETWEEN_WRITES": "0",
        }
        script = "import sys; from bot.commands import once; sys.exit(once(sys.argv[1:]))"
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


@pytest.mark.slow
def test_killed_at_every_write_it_finishes_and_repeats_nothing(tmp_path: Path) -> None:
    with Killed(tmp_path) as world:
        assert course(world) == EXPECTED
        assert world.kills > 20


def test_an_evaluation_that_has_nothing_to_change_writes_nothing(world: World) -> None:
    number = world.propose(1)
    world.settle()
    before = len(world.forge.writes)
    report = world.evaluator.pull(world.app.installation_id, a.REPOSITORY, number)
    assert report.writes == 0
    assert [w for w in world.forge.writes[before:] if w.actor == a.BOT] == []


def test_a_pull_request_about_nothing_governed_costs_three_reads(world: World) -> None:
    world.push("docs", {"README.md": "Better words\n"})
    number = world.open("docs")
    world.settle()
    assert world.conclusion(number) == "success"
    assert world.comments(number) == []
    report = world.evaluator.pull(world.app.installation_id, a.REPOSITORY, number)
    assert (report.calls, report.writes) == (3, 0)


def test_new_rows_after_the_release_take_it_back_to_measuring(world: World) -> None:
    number = world.propose(1)
    world.settle()
    world.approve(number, "grace")
    world.push("version-1", {f"models/{a.MODEL}/data/train.jsonl": "other rows"})
    world.settle()
    assert world.conclusion(number) == "failure"  # no evidence was written for these rows
    assert "left no artifact" in world.comments(number)[0]
    world.approve(number, "omar")
    world.settle()
    assert not world.pull(number)["merged"]


def test_an_unsanctioned_merge_is_noticed(world: World) -> None:
    number = world.propose(1)
    world.settle()
    world.forge.require_checks(a.REPOSITORY, "main", [])
    world.api("omar", "PUT", f"/pulls/{number}/merge", {})
    world.settle()
    assert world.incidents() == [f"Incident: #{number} changed {a.MODEL} without a green check"]
    assert "Merged without a green check" in world.comments(number)[0]


def test_a_comment_that_somebody_edits_is_written_again_and_a_forged_one_is_left(
    world: World,
) -> None:
    number = world.propose(1)
    world.settle()
    listed = world.api("ada", "GET", f"/issues/{number}/comments")
    text = listed[0]["body"]
    world.api("omar", "PATCH", f"/issues/comments/{listed[0]['id']}", {"body": "All is well."})
    world.settle()
    assert world.comments(number) == [text]


def test_a_pointer_written_by_hand_never_merges(world: World) -> None:
    files = {f"models/{a.MODEL}/pointer.json": a.pointer(1).text()}
    world.push("by-hand", dict(files))
    number = world.open("by-hand")
    world.settle()
    world.approve(number, "grace", "omar")
    world.settle()
    assert world.conclusion(number) == "failure"
    assert not world.pull(number)["merged"]
    assert "by hand" in world.comments(number)[0]


def test_an_author_without_write_access_waits_until_somebody_who_has_it_asks(world: World) -> None:
    number = world.propose(1)
    world.forge.repository(a.REPOSITORY).collaborators["ada"] = "read"
    world.settle()
    assert world.runs() == {}
    head = world.pull(number)["head"]["sha"]
    world.api("ada", "POST", f"/issues/{number}/comments", {"body": f"/train {head}"})
    world.api("ken", "POST", f"/issues/{number}/comments", {"body": f"> /train {head}"})
    world.settle()
    assert world.runs() == {}
    world.api("ken", "POST", f"/issues/{number}/comments", {"body": f"/train {head}"})
    world.settle()
    assert world.runs() == {f"finetune {a.MODEL} {a.forward_key(1)}": 1}
    assert world.conclusion(number) == "action_required"


def test_a_run_that_broke_is_started_again_on_request_and_then_counts(world: World) -> None:
    stored = world.root / "evidence" / f"{a.forward_key(1)}.json"
    text = stored.read_text()
    stored.unlink()
    number = world.propose(1)
    world.settle()
    assert world.conclusion(number) == "failure"
    stored.write_text(text)
    time.sleep(1.1)  # GitHub's times have seconds
    head = world.pull(number)["head"]["sha"]
    world.api("ada", "POST", f"/issues/{number}/comments", {"body": f"/train {head}"})
    world.settle()
    assert world.conclusion(number) == "action_required"
    assert world.runs() == {f"finetune {a.MODEL} {a.forward_key(1)}": 2}


def test_team_members_sign_for_a_team_that_may_write(tmp_path: Path) -> None:
    owners = "* @acme/leads\n/models/*/pointer.json @acme/readers @omar\n"
    text = POLICY.replace("ml-lead: {users: [grace]}", "ml-lead: {teams: [acme/leads]}")
    world = World(tmp_path, {".github/CODEOWNERS": owners, "policy/policy.yml": text})
    world.forge.add_team("acme", "leads", ["grace"])
    world.forge.add_team("acme", "readers", ["ken"])
    world.forge.repository(a.REPOSITORY).teams.update({"leads": "write", "readers": "read"})
    with world:
        number = world.propose(1)
        world.settle()
        world.approve(number, "grace", "ken")
        world.settle()
        assert world.conclusion(number) == "action_required"
        assert "role ml-lead: **passed**" in world.comments(number)[0]
        world.approve(number, "omar")
        world.settle()
        assert world.pull(number)["merged"]
