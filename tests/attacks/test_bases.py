"""The base model: whose weights they are decides what a fine-tune can do.

In these worlds only the recipe's base model can stop a green check.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks import forged as f
from tests.bot.world import World

RECIPE = f"{f.FOLDER}recipe.yml"
POLICY_FILE = "policy/policy.yml"
PIN = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One version is live."""
    with World(tmp_path_factory.mktemp("world")) as found:
        f.shipped(found, "first")
        yield found


def proposed(world: World, branch: str, recipe: str, **more: str) -> int:
    world.push(branch, {RECIPE: recipe, **more})
    number = world.open(branch, branch)
    world.settle()
    return number


@pytest.mark.parametrize(
    "base",
    [
        "/opt/weights/base",
        "models/../../weights/base",
        "./weights/base",
        "Models/support-triage/base",
        f"mallory/base\nbase_model_revision: {PIN}",
    ],
)
def test_a_base_that_the_policy_does_not_name_is_refused(world: World, base: str) -> None:
    """The weights lie where nobody judges a change, or belong to somebody whom nobody chose."""
    before = world.live()
    branch = "base-" + base.encode().hex()[:40]
    number = proposed(world, branch, f"base_model: {base}\nquantization: Q8_0\n")
    assert f.refused(world, number, before)
    assert "base_model" in f.told(world, number)


def test_a_policy_that_allows_the_base_in_the_same_pull_request_does_not_count(
    world: World,
) -> None:
    """The pull request names somebody's model and allows it in the policy at once."""
    before = world.live()
    policy = world.forge.repository("acme/models").store.file("refs/heads/main", POLICY_FILE)
    assert policy is not None
    allowed = policy.decode() + "bases: {hub: ['mallory/*']}\n"
    recipe = f"base_model: mallory/base\nbase_model_revision: {PIN}\nquantization: Q8_0\n"
    number = proposed(world, "both", recipe, **{POLICY_FILE: allowed})
    assert f.refused(world, number, before)
    assert "bases.hub of the policy, which is empty" in f.told(world, number)


def test_control_rows_on_the_same_base_get_through(world: World) -> None:
    """The live base stays; only rows change."""
    number = f.shipped(world, "second")
    assert world.pull(number)["merged"]
