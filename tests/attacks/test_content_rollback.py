"""False rollbacks: half a revert, a revert's title, a version that was rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks import forged as f
from tests.attacks.scene import Scene
from tests.bot import builders as a
from tests.bot.world import git, inputs_of


def two_versions(world: Scene) -> int:
    """Two versions were live, the second is; return its pull request."""
    world.shipped(1)
    return world.shipped(2)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, int]]:
    """Two versions, for scenarios that change nothing when they fail."""
    with Scene(tmp_path_factory.mktemp("scene")) as found:
        yield found, two_versions(found)


def test_half_a_revert_is_no_way_back(shared: tuple[Scene, int]) -> None:
    """The pointer goes back, but the rows of the newer version stay."""
    world, second = shared
    before = world.live()
    number = world.revert(second, "ada")
    branch = world.branch(number)
    rows = inputs_of(2)[f"{f.FOLDER}data/train.jsonl"]
    world.push(branch, {f"{f.FOLDER}data/train.jsonl": rows}, "Keep the rows")
    world.settle()
    assert f.refused(world, number, before)
    assert "are not those of" in f.told(world, number)


def test_a_revert_with_records_edited_beside_it_is_no_way_back(shared: tuple[Scene, int]) -> None:
    """The revert is complete, but it also improves the card of the old version."""
    world, second = shared
    before = world.live()
    number = world.revert(second, "ada")
    card = f"model_cards/{a.MODEL}/{a.pointer(1).version}.md"
    world.push(world.branch(number), {card: "The best model there ever was.\n"}, "Better card")
    world.settle()
    assert f.refused(world, number, before)
    assert "records are changed by hand" in f.told(world, number)


def test_a_pointer_made_up_for_the_way_back_is_refused(shared: tuple[Scene, int]) -> None:
    """The pointer names an artifact in the registry that was never live here."""
    world, _ = shared
    before = world.live()
    made_up = a.pointer(1).text().replace("1" * 64, "3" * 64)
    world.push("made-up", {f.POINTER: made_up})
    number = world.open("made-up", 'Revert "More tickets"')
    world.settle()
    assert f.refused(world, number, before)
    assert "changed by hand" in f.told(world, number)


def test_the_title_of_a_revert_makes_no_way_back(shared: tuple[Scene, int]) -> None:
    """New rows, with a title and a branch that look like the Revert button's."""
    world, second = shared
    before = world.live()
    world.push(f"revert-{second}-version-2", f.rows("not a revert"))
    number = world.open(f"revert-{second}-version-2", 'Revert "More tickets"')
    world.settle()
    assert "Rollback" not in f.told(world, number)
    assert f.refused(world, number, before)


def test_a_version_that_was_taken_back_does_not_return_by_reverting(world: Scene) -> None:
    """The revert of the rollback restores the quarantined version."""
    second = two_versions(world)
    back = world.revert(second, "ada")
    world.settle()
    world.sign(back)
    before = world.live()
    assert before == a.pointer(1).text()
    number = world.revert(back, "ada")
    world.settle()
    assert f.refused(world, number, before)
    assert "is quarantined" in f.told(world, number)


def test_a_pointer_that_was_only_ever_on_a_merged_branch_is_no_way_back(world: Scene) -> None:
    """An intermediate commit on a merged branch had this pointer; the history contains it."""
    world.shipped(1)
    forged = a.pointer(1).text().replace('"size": 1400000', '"size": 1400001')
    files = dict(inputs_of(2))
    world.push("version-2", {**files, f.POINTER: forged}, "In between")
    world.push("version-2", {f.POINTER: a.pointer(1).text()}, "Put back")
    number = world.open("version-2")
    world.settle()
    world.sign(number)
    before = world.live()
    assert before == a.pointer(2).text()
    git(world.clone, "fetch", "--quiet", "origin")
    world.push("back-to-it", {**inputs_of(1), f.POINTER: forged})
    back = world.open("back-to-it")
    world.settle()
    assert f.refused(world, back, before)


@pytest.mark.parametrize("path", ["data/train.jsonl", "recipe.yml", "contract/output.json"])
def test_a_rollback_to_nothing_carries_no_other_inputs(world: Scene, path: str) -> None:
    """The first version is taken back, and data, recipe or contract change on the way."""
    first = world.shipped(1)
    before = world.live()
    number = world.revert(first, "ada")
    files: dict[str, str | None] = {**inputs_of(1), f"{f.FOLDER}{path}": "Something else.\n"}
    world.push(world.branch(number), files, "Keep these")
    world.settle()
    assert f.refused(world, number, before)
    assert "on the way back to no version" in f.told(world, number)


def test_control_a_whole_revert_goes_back(world: Scene) -> None:
    """The Revert button, and nothing else."""
    second = two_versions(world)
    number = world.revert(second, "ada")
    world.settle()
    world.sign(number)
    assert world.live() == a.pointer(1).text()
