"""The bot's own history is proven: two releases and a rollback, through the forge."""

from __future__ import annotations

import subprocess
from pathlib import Path

from countersign_ml.audit.audit_command import read
from countersign_ml.audit.judging.audit_judge import judge_history
from tests.audit.audit_builders import blocking, changes
from tests.bot.world import World


def ship(world: World, number: int) -> int:
    world.settle()
    world.approve(number, "grace", "omar")
    world.settle()
    return number


def test_what_the_bot_signed_and_merged_is_proven_from_a_clone(tmp_path: Path):
    with World(tmp_path) as world:
        ship(world, world.propose(1))
        second = ship(world, world.propose(2))
        ship(world, world.revert(second, "ada"))
        url = subprocess.run(
            ["git", "-C", str(world.clone), "remote", "get-url", "origin"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
        clone = tmp_path / "audited"
        subprocess.run(["git", "clone", "-q", url, str(clone)], check=True)
    audit = judge_history(read(clone, "main"), ["acme/models"])
    assert [change.way for change in changes(audit)] == ["forward", "forward", "back"]
    assert [blocking(change) for change in changes(audit)] == [{}, {}, {}]
    assert audit.proven
