"""Attempts of one run, as the API lists what they left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.github.read.run_reader import left_behind
from countersign_ml.markdown import as_read
from policy.facts.evidence import Evidence
from tests.bot import builders as a
from tests.bot.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as found:
        yield found


def attempt_again(world: World, shown: Evidence) -> None:
    """Press "Re-run all jobs" on the newest run; its next attempt leaves this evidence."""
    world.prepare(a.forward_key(1), shown.text())
    listed = world.api("ada", "GET", "/actions/runs?event=workflow_dispatch")["workflow_runs"]
    world.api("ada", "POST", f"/actions/runs/{listed[0]['id']}/rerun", {})
    world.settle()


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
    assert world.conclusion(number) == "failure"
    assert "recorded as the first of its run key" in world.comments(number)[0]


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
    assert world.conclusion(number) == "action_required"


def listed(number: int, created: str, **changes: Any) -> dict[str, Any]:
    return {"id": number, "name": "evidence-k", "created_at": created, "expired": False, **changes}


def test_artifacts_are_read_oldest_first_and_no_other_name_or_expired_one() -> None:
    items = [
        listed(12, "2026-01-02T10:00:00Z"),
        listed(11, "2026-01-02T09:00:00Z"),
        listed(10, "2026-01-02T08:00:00Z", name="log"),
        listed(9, "2026-01-02T07:00:00Z", expired=True),
    ]
    assert [item["id"] for item in left_behind(items, "evidence-k")] == [11, 12]


def test_while_an_attempt_is_under_way_only_those_before_it_have_left_anything() -> None:
    items = [listed(12, "2026-01-02T10:00:05Z"), listed(11, "2026-01-02T09:00:00Z")]
    found = left_behind(items, "evidence-k", before="2026-01-02T10:00:00Z")
    assert [item["id"] for item in found] == [11]


def worse() -> Evidence:
    return a.evidence(
        1,
        measurements=tuple(
            a.measured.measurement(m.subject, m.model, 0.1 if m.subject == "candidate" else 0.0)
            for m in a.evidence(1).measurements
        ),
    )


def dispatched(world: World) -> list[int]:
    listed = world.api("ada", "GET", "/actions/runs?event=workflow_dispatch")["workflow_runs"]
    return [int(run["id"]) for run in listed]


def test_deleting_a_red_run_is_no_way_to_green(world: World) -> None:
    world.prepare(a.forward_key(1), worse().text())
    number = world.propose(1)
    world.settle()
    assert world.conclusion(number) == "failure"
    world.prepare(a.forward_key(1), a.evidence(1).text())
    world.api("ada", "DELETE", f"/actions/runs/{dispatched(world)[0]}")
    world.queue.sweep()
    world.settle()
    assert world.conclusion(number) == "failure"
    assert "is gone with its run" in world.comments(number)[0]
    assert dispatched(world) == []


def test_deleting_the_artifact_of_a_red_run_and_running_again_is_no_way_to_green(
    world: World,
) -> None:
    world.prepare(a.forward_key(1), worse().text())
    number = world.propose(1)
    world.settle()
    (artifact,) = world.api("ada", "GET", "/actions/artifacts")["artifacts"]
    world.api("ada", "DELETE", f"/actions/artifacts/{artifact['id']}")
    attempt_again(world, a.evidence(1))
    assert world.conclusion(number) == "failure"


def test_evidence_that_is_released_outlives_its_run(world: World) -> None:
    number = world.propose(1)
    world.settle()
    world.api("ada", "DELETE", f"/actions/runs/{dispatched(world)[0]}")
    world.approve(number, "grace", "omar")
    world.settle()
    assert world.pull(number)["merged"]


def test_a_tag_that_somebody_else_put_there_is_named_and_nothing_passes(world: World) -> None:
    head = world.push("elsewhere", {"README.md": "x\n"})
    name = f"countersign-measured/{a.MODEL}/{a.forward_key(1)}"
    world.api("ada", "POST", "/git/refs", {"ref": f"refs/tags/{name}", "sha": head})
    number = world.propose(1)
    world.settle()
    assert world.conclusion(number) == "failure"
    assert name in as_read(world.comments(number)[0])
