"""The demo's waits: a slow world is waited for, a stuck one is not."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from pathlib import Path

import pytest

from countersign_ml.demo.demo_world import GOVERNED, PROJECT, Background
from countersign_ml.demo.forge_activity import ForgeActivity
from countersign_ml.demo.waiting import PATIENCE_SECONDS, WaitFailedError, wait_for
from countersign_ml.forge import Forge
from countersign_ml.forge.workflow.workflow_plan import parse

NAME = "acme/support"


class FakeWorld:
    """Time that passes only while someone sleeps, and an activity that advances as told."""

    def __init__(self, *, advances_every: float, until: float = float("inf")) -> None:
        self.now = 0.0
        self.advances_every = advances_every
        self.until = until

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def marks(self) -> Hashable:
        return int(min(self.now, self.until) // self.advances_every)

    def last_seen(self) -> str:
        return "finetune.yml #4 is in job finetune, step 5 (Train)"

    def wait(self, *, ready_at: float) -> float:
        """Wait for a moment; return when it was seen."""
        return wait_for(
            "the check turns red",
            lambda: self.now if self.now >= ready_at else None,
            self,
            clock=self.clock,
            sleep=self.sleep,
        )


def test_a_run_that_advances_is_waited_for_however_long_it_takes() -> None:
    world = FakeWorld(advances_every=PATIENCE_SECONDS - 10)
    hours = 5 * 3600.0
    assert world.wait(ready_at=hours) == pytest.approx(hours, abs=1)


def test_a_run_that_stops_advancing_fails_and_the_error_says_what_was_seen_last() -> None:
    world = FakeWorld(advances_every=15, until=3000)
    with pytest.raises(WaitFailedError) as failed:
        world.wait(ready_at=float("inf"))
    assert world.now == pytest.approx(3000 + PATIENCE_SECONDS, abs=15)
    text = str(failed.value)
    assert text.startswith("waited 3600 s for: the check turns red.")
    assert f"Nothing advanced in the last {PATIENCE_SECONDS:.0f} s." in text
    assert text.endswith("Last seen: finetune.yml #4 is in job finetune, step 5 (Train)")


def test_what_is_there_already_is_not_waited_for() -> None:
    world = FakeWorld(advances_every=1)
    assert wait_for("it", lambda: "found", world, clock=world.clock, sleep=world.sleep) == "found"
    assert world.now == 0


def test_an_ended_process_fails_at_once_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = Background("bot", ["no-such-command"], {}, tmp_path / "bot.log")
    child.child.wait(60)
    with pytest.raises(WaitFailedError, match=r"bot ended with exit code 2: .*no-such-command"):
        child.require_alive()


WORKFLOW = """
name: slow
on: push
jobs:
  train:
    runs-on: [self-hosted, gpu]
    steps:
      - name: Train
        run: |
          for step in one two; do
            echo "step $step"
            until [ -e "$GATES/$step" ]; do sleep 0.02; done
          done
      - name: Measure
        run: until [ -e "$GATES/measured" ]; do sleep 0.02; done
"""


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """A forge with a run that goes on each time a file appears in `gates`."""
    gates = tmp_path / "gates"
    gates.mkdir()
    seed = tmp_path / "seed"
    (seed / ".github/workflows").mkdir(parents=True)
    (seed / ".github/workflows/slow.yml").write_text(WORKFLOW)
    with Forge(tmp_path / "forge", runner_env={"GATES": str(gates)}) as found:
        found.add_user("root")
        found.add_repository(NAME, collaborators={"root": "admin"})
        found.seed(NAME, seed, "root")
        yield found


def seen(activity: ForgeActivity, *words: str) -> Hashable:
    """Wait until the activity's sentence has all the words; return the marks then."""
    deadline = time.monotonic() + 30
    while not all(word in activity.last_seen() for word in words):
        assert time.monotonic() < deadline, activity.last_seen()
        time.sleep(0.02)
    return activity.marks()


def test_a_logged_line_a_step_and_an_ended_run_are_progress(forge: Forge, tmp_path: Path) -> None:
    activity = ForgeActivity(forge)
    marks = [
        seen(activity, "slow.yml #1 is in job train, step 1 (Train)", "log: step one"),
    ]
    (tmp_path / "gates/one").touch()
    marks.append(seen(activity, "step 1 (Train)", "log: step two"))
    assert activity.marks() == marks[-1], "nothing advances between two lines"
    (tmp_path / "gates/two").touch()
    marks.append(seen(activity, "step 2 (Measure)"))
    (tmp_path / "gates/measured").touch()
    forge.idle(30)
    marks.append(seen(activity, "no workflow run is under way; slow.yml #1 ended: success"))
    assert len(set(marks)) == len(marks)


def test_looking_is_no_progress(forge: Forge) -> None:
    activity = ForgeActivity(forge)
    before = seen(activity, "log: step one")
    assert "step 1" in activity.last_seen()
    assert activity.marks() == before


@pytest.mark.parametrize("path", [path for path in GOVERNED if "/workflows/" in path])
def test_the_workflows_time_limits_suit_a_slow_machine(path: str) -> None:
    """A training takes two minutes on two cores, every other job takes seconds."""
    plan = parse(path, (PROJECT / path).read_text(encoding="utf-8"))
    for key, job in plan.jobs.items():
        assert job.minutes >= (240 if key == "finetune" else 30), key
