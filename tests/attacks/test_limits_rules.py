"""Unreadable rules on the base branch: nothing passes, and every pull request says why.

They got there by a merge that nobody reviewed, or an administrator pushed them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.files.codeowners import MAX_BYTES
from tests.attacks import forged as f
from tests.attacks.forged import Entry
from tests.bot import builders as a
from tests.bot.world import World, git
from tests.policy.builders import POLICY

POLICIES = {
    "broken": POLICY + "gates: [",
    "aliases": "a: &a [x, x]\nb: &b [*a, *a]\n" + POLICY,
    "nested": POLICY + "more: " + "[" * 60 + "]" * 60 + "\n",
    "ten megabytes": POLICY + "# x\n" * 2_500_000,
    "twice": POLICY + "merge: person\n",
    "a role that nobody defines": POLICY.replace("operations: 1}", "nobody: 1}"),
    "a quorum of no one": POLICY.replace("{users: [grace]}", "{users: []}"),
}


@pytest.mark.parametrize("trick", POLICIES)
def test_under_a_policy_that_cannot_be_read_nothing_passes(tmp_path: Path, trick: str) -> None:
    """policy.yml on main is a YAML bomb, or contradicts itself, or is empty."""
    with World(tmp_path, {"policy/policy.yml": POLICIES[trick]}) as world:
        number = f.proposed(world, "rows")
        assert f.refused(world, number, None)
        assert "policy" in f.told(world, number)


def test_under_code_owners_of_three_megabytes_nothing_passes(tmp_path: Path) -> None:
    """GitHub ignores a file of this size, so nobody would have to approve."""
    owners = a.CODEOWNERS + "# filled up\n" * (MAX_BYTES // 12 + 1)
    with World(tmp_path, {".github/CODEOWNERS": owners}) as world:
        number = f.proposed(world, "rows")
        assert f.refused(world, number, None)
        assert "3 MB or more" in f.told(world, number)


def test_under_code_owners_that_are_a_link_nothing_passes(tmp_path: Path) -> None:
    """The link's target, read as a line, says that nobody owns anything."""
    with World(tmp_path) as world:
        target = f.blob(world, b"../OWNERS")
        entries = [
            Entry("120000", target, ".github/CODEOWNERS"),
            Entry("100644", f.blob(world, a.CODEOWNERS.encode()), "OWNERS"),
        ]
        f.push_entries(world, "linked", entries)
        as_administrator(world, "linked")
        number = f.proposed(world, "rows")
        assert f.refused(world, number, None)
        assert "a link, which names no owners" in f.told(world, number)


def as_administrator(world: World, branch: str) -> None:
    """Omar pushes a branch to main, past every rule."""
    token = world.forge.actor("omar").account.token
    url = f"{world.forge.url}/{a.REPOSITORY}.git".replace("://", f"://omar:{token}@")
    git(world.clone, "push", "--quiet", url, f"origin/{branch}:refs/heads/main")
    world.settle()


def test_control_rules_that_can_be_read_let_through(tmp_path: Path) -> None:
    """Large but not too large, and plain."""
    owners = "# filled up\n" * 10_000 + a.CODEOWNERS
    with World(tmp_path, {".github/CODEOWNERS": owners}) as world:
        f.shipped(world, "rows")
        assert world.live() is not None
