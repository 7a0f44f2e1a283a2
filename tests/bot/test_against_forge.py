"""The whole line against the forge: propose, sign, merge, revert, and what may go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot import builders as a
from tests.bot.world import World


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
