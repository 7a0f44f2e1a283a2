"""Attempts of one run, as the API lists what they left behind."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from policy.evidence import Evidence
from tests.bot import builders as a
from tests.bot.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as found:
        yield found


def attempt_again(world: World, shown: Evidence) -> None:
    """Leave what "Re-run all jobs" leaves: a newer artifact of the same name at the same run."""
    artifacts = world.forge.repository(a.REPOSITORY).artifacts
    first = max(artifacts.values(), key=lambda item: item.id)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("evidence.json", shown.text())
    place = Path(shutil.copy(first.zip, world.root / "again.zip"))
    place.write_bytes(content.getvalue())
    number = first.id + 1000
    artifacts[number] = replace(first, id=number, zip=place, size=place.stat().st_size)


def test_running_all_jobs_again_is_no_way_to_green(world: World) -> None:
    bad = a.evidence(
        1,
        measurements=tuple(
            a.measured.measurement(m.subject, m.model, 0.1 if m.subject == "candidate" else 0.0)
            for m in a.evidence(1).measurements
        ),
    )
    world.prepare(a.forward_key(1), bad.text())
    number = world.propose(1)
    world.settle()
    assert world.conclusion(number) == "failure"
    attempt_again(world, a.evidence(1))
    world.queue.sweep()
    world.settle()
    assert world.conclusion(number) == "failure"
    assert "the first evidence of a run key decides" in world.comments(number)[0]


def test_an_attempt_after_one_that_broke_counts(world: World) -> None:
    broken = a.evidence(
        1,
        stages=(a.StageFacts(stage="train", outcome="errored", seconds=1, message="no memory"),),
    )
    world.prepare(a.forward_key(1), broken.text())
    number = world.propose(1)
    world.settle()
    assert world.conclusion(number) == "failure"
    assert "no memory" in world.comments(number)[0]
    attempt_again(world, a.evidence(1))
    world.queue.sweep()
    world.settle()
    assert world.conclusion(number) == "action_required"
