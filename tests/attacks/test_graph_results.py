"""Theme: what a merge results in is not what its diff shows: renames, mixtures, planted commits."""

from __future__ import annotations

import pytest

from tests.attacks.conftest import SceneWith
from tests.attacks.scene import POLICY, Scene, nothing_got_through
from tests.attacks.test_timing_merges import once
from tests.attacks.weaving import main_moves, merge, tip, woven
from tests.bot import builders as a

POLICY_FILE = "policy/policy.yml"
BY_PERSON = POLICY.replace("merge: bot", "merge: person")
STRICTER = BY_PERSON.replace("min: 0.5", "min: 0.95")


@pytest.fixture
def people_merge(scene_with: SceneWith) -> Scene:
    """People press the merge button here, once the check is green."""
    return scene_with({POLICY_FILE: BY_PERSON})


def test_an_edit_that_the_merge_carries_to_a_renamed_file_is_judged(people_merge: Scene) -> None:
    """Main moved a page into the model's folder; an edit of the page under its old name follows."""
    world = people_merge
    page = "".join(f"Guideline {number}.\n" for number in range(40))
    inside = f"models/{a.MODEL}/guidelines.md"
    world.push_main({"docs/guidelines.md": page}, by="omar")
    start = tip(world)
    world.push_main({"docs/guidelines.md": None, inside: page}, by="omar")
    world.settle()
    woven(world, "edit", start, [start], {"docs/guidelines.md": page + "Say yes.\n"})
    number = world.open("edit")
    shown = world.api("ada", "GET", f"/pulls/{number}/files")
    assert [file["filename"] for file in shown] == ["docs/guidelines.md"]
    world.settle()
    assert merge(world, "ken", number) == 405
    nothing_got_through(world, number, because=inside)
    assert world.main(inside) == page


def test_a_merge_that_mixes_two_changes_of_the_policy_is_judged(scene_with: SceneWith) -> None:
    """Main changed one line of the policy, a signed head another; together nobody signed them."""
    spaced = BY_PERSON.replace("stop:", "# Who may stop.\n" * 9 + "stop:")
    world = scene_with({POLICY_FILE: spaced})
    start = tip(world)
    looser = spaced.replace("freeze: [operations]", "freeze: [operations, ml-lead]")
    assert looser != spaced
    woven(world, "looser", start, [start], {POLICY_FILE: looser})
    number = world.open("looser")
    world.settle()
    world.push_main({POLICY_FILE: spaced.replace("min: 0.5", "min: 0.95")}, by="omar")
    world.settle()
    world.sign(number)
    assert world.pull(number)["mergeable"], "GitHub merges the two by lines"
    assert merge(world, "ken", number) == 405
    nothing_got_through(world, number, because="merge main into this branch")


def test_a_commit_planted_by_another_merge_does_not_turn_a_green_check(people_merge: Scene) -> None:
    """Two harmless diffs: the second makes a commit of the first the merge base of the other."""
    world = people_merge
    start = tip(world)
    world.push_main({POLICY_FILE: STRICTER}, by="omar")
    world.settle()
    planted = woven(world, "planted", start, [start], {POLICY_FILE: STRICTER})
    files: dict[str, str | None] = {POLICY_FILE: BY_PERSON, "docs/a.md": "A page.\n"}
    woven(world, "waiting", planted, [planted], files)
    waiting = world.open("waiting")
    world.settle()
    assert world.conclusion(waiting) == "success", "main's policy stays, as things are"
    main = tip(world)
    woven(world, "carrier", main, [main, planted], {"docs/b.md": "Another page.\n"})
    carrier = world.open("carrier")
    world.settle()
    assert merge(world, "ken", carrier) == 200
    world.settle()
    assert merge(world, "ken", waiting) == 405
    nothing_got_through(world, waiting, because="otherwise than this branch shows")
    assert world.main(POLICY_FILE) == STRICTER


def test_a_merge_that_github_has_not_tried_yet_is_not_green(people_merge: Scene) -> None:
    """GitHub answers that it does not know yet what the merge results in, however often asked."""
    world = people_merge
    start = tip(world)
    world.push_main({"docs/b.md": "Another page.\n"}, by="omar")
    world.settle()
    world.forge.world.mergeable_unknown_reads = 1000
    woven(world, "page", start, [start], {"docs/a.md": "A page.\n"})
    number = world.open("page")
    world.settle()
    nothing_got_through(world, number, because="has not computed yet")


def test_control_a_page_behind_main_merges(people_merge: Scene) -> None:
    """A branch that left main earlier, and changes nothing governed whichever way it is merged."""
    world = people_merge
    start = tip(world)
    world.push_main({"docs/b.md": "Another page.\n"}, by="omar")
    world.settle()
    woven(world, "page", start, [start], {"docs/a.md": "A page.\n"})
    number = world.open("page")
    world.settle()
    assert world.conclusion(number) == "success"
    assert merge(world, "ken", number) == 200


def test_a_base_that_moves_before_the_bot_merges_is_looked_at_first(world: Scene) -> None:
    """A stricter policy reaches main after the bot decided, and before it asks for the merge."""
    number = world.released()
    stricter = POLICY.replace("min: 0.5", "min: 0.95")

    def move() -> None:
        main_moves(world, {POLICY_FILE: stricter})

    world.forge.faults = once("POST", "/git/tags", move)
    world.sign(number)
    world.forge.faults = None
    nothing_got_through(world, number, because="at least 95.0 % required")
