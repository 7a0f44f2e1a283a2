"""Theme: things happen while nobody looks: between a green check and the button that merges."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from countersign_ml.audit.audit_command import read
from countersign_ml.audit.judging.audit_judge import judge_history
from tests.attacks.conftest import SceneWith
from tests.attacks.scene import POLICY, Scene
from tests.attacks.test_timing_merges import once
from tests.attacks.weaving import main_moves, merge
from tests.audit.audit_builders import blocking, last
from tests.bot import builders as a
from tests.bot.world import git

POLICY_FILE = "policy/policy.yml"
BY_PERSON = POLICY.replace("merge: bot", "merge: person")
STRICTER = BY_PERSON.replace("min: 0.5", "min: 0.95")
LIVE = {version: a.pointer(version).text() for version in (1, 2)}


@pytest.fixture
def people_merge(scene_with: SceneWith) -> Scene:
    """People press the merge button here, once the check is green."""
    return scene_with({POLICY_FILE: BY_PERSON})


def green(world: Scene, version: int = 1) -> int:
    """Return a signed proposal with a green check that nobody has merged yet."""
    number = world.released(version)
    world.sign(number)
    assert world.conclusion(number) == "success"
    return number


def mark(world: Scene, number: int) -> str | None:
    """Return how the bot judged the merge commit of a pull request."""
    commit = world.pull(number)["merge_commit_sha"]
    runs = world.api("ada", "GET", f"/commits/{commit}/check-runs")["check_runs"]
    return next((run["conclusion"] for run in runs if run["name"] == "countersign/merged"), None)


def taken_back(world: Scene, number: int, live: str | None) -> None:
    """Assert that the bot noticed an unsafe merge, and that its pull request takes it back."""
    assert world.pull(number)["merged"]
    assert mark(world, number) == "failure"
    assert f"Incident: #{number} changed {a.MODEL} against the policy" in world.incidents()
    assert "Merged against the policy" in world.comments(number)[0]
    git(world.clone, "fetch", "--quiet", "--tags", "--force", "origin")
    audit = judge_history(read(world.clone, "refs/remotes/origin/main"), [])
    assert "judged after the merge" in blocking(last(audit)), "the audit disproves it from a clone"
    mine = [p for p in world.api("ada", "GET", "/pulls?state=open") if p["user"]["login"] == a.BOT]
    assert len(mine) == 1
    back = int(mine[0]["number"])
    world.sign(back)
    if not world.pull(back)["merged"]:  # people merge here
        assert merge(world, "ken", back) == 200
    assert world.live() == live


def test_a_green_check_does_not_survive_closing(people_merge: Scene) -> None:
    """Closed while it is green; reopened and merged before the bot hears of it."""
    world = people_merge
    number = green(world)
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    world.settle()
    assert world.conclusion(number) == "action_required"
    world.forge.hold_deliveries()
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "open"})
    assert merge(world, "ken", number) == 405
    world.forge.release()
    world.settle()
    assert world.conclusion(number) == "success", "it is judged again once it is open"


def test_a_green_check_does_not_survive_another_base(people_merge: Scene) -> None:
    """Retargeted while it is green; back on main and merged before the bot hears of it."""
    world = people_merge
    number = green(world)
    world.push("side", {"docs/a.md": "A page.\n"})
    world.api("ada", "PATCH", f"/pulls/{number}", {"base": "side"})
    world.settle()
    assert world.conclusion(number) == "action_required"
    world.forge.hold_deliveries()
    world.api("ada", "PATCH", f"/pulls/{number}", {"base": "main"})
    assert merge(world, "ken", number) == 405
    world.forge.release()
    world.settle()
    assert world.conclusion(number) != "success", "its approvals are older than its base"


def objects(world: Scene, number: int) -> None:
    world.review("linus", number, "REQUEST_CHANGES")


def holds(world: Scene, number: int) -> None:
    world.say("olga", number, "/hold the numbers look odd")


def freezes(world: Scene, number: int) -> None:
    world.say("olga", number, "/freeze the registry is being moved")


def dismisses(world: Scene, number: int) -> None:
    url = f"/pulls/{number}/reviews"
    review = next(r for r in world.api("ada", "GET", url) if r["user"]["login"] == "grace")
    world.api("grace", "PUT", f"{url}/{review['id']}/dismissals", {"message": "I was wrong."})


def loses_rights(world: Scene, number: int) -> None:
    del world.forge.repository(a.REPOSITORY).collaborators["grace"]


def changes_the_policy(world: Scene, number: int) -> None:
    world.push_main({POLICY_FILE: STRICTER}, by="omar")


@pytest.mark.parametrize(
    "happens", [objects, holds, freezes, dismisses, loses_rights, changes_the_policy]
)
def test_what_happens_unseen_before_the_button_is_found_after_it(
    people_merge: Scene, happens: Callable[[Scene, int], None]
) -> None:
    """An objection, a stop, lost rights or a new policy that the bot has not heard of."""
    world = people_merge
    number = green(world)
    world.forge.hold_deliveries()
    happens(world, number)
    assert merge(world, "ken", number) == 200, "the check is still green"
    world.forge.release()
    world.settle()
    if happens is loses_rights:
        world.forge.repository(a.REPOSITORY).collaborators["grace"] = "maintain"
    taken_back(world, number, live=None)


def test_a_policy_that_moves_during_the_merge_request_is_the_one_that_counts(world: Scene) -> None:
    """A stricter policy reaches main between the bot's last look and GitHub's merge."""
    number = world.released()
    stricter = POLICY.replace("min: 0.5", "min: 0.95")

    def move() -> None:
        main_moves(world, {POLICY_FILE: stricter})

    world.forge.faults = once("PUT", "/merge", move)
    world.sign(number)
    world.forge.faults = None
    taken_back(world, number, live=None)


def test_a_quarantined_version_does_not_return_by_its_old_head(scene_with: SceneWith) -> None:
    """A squash leaves the old head outside main, with its green check; it is proposed again."""
    world = scene_with({POLICY_FILE: BY_PERSON})
    numbers = []
    for version in (1, 2):
        numbers.append(green(world, version))
        body = {"merge_method": "squash"}
        url = f"/pulls/{numbers[-1]}/merge"
        assert world.try_api("ken", "PUT", url, body).status_code == 200
        world.settle()
        assert mark(world, numbers[-1]) == "success"
    back = world.revert(numbers[1], "ada")
    world.prepare(a.rollback_key(back), a.recovery().text())
    world.settle()
    world.sign(back)
    assert merge(world, "ken", back) == 200
    world.settle()
    assert world.live() == LIVE[1]
    world.forge.hold_deliveries()
    again = world.open("version-2", "The same again")
    assert merge(world, "ken", again) == 405
    world.forge.release()
    world.settle()
    assert world.conclusion(again) != "success"
    assert world.live() == LIVE[1]


def test_an_administrator_who_merges_a_rule_change_unsigned_is_noticed(people_merge: Scene) -> None:
    """Omar merges a change of the policy that nobody signed, with the button."""
    world = people_merge
    world.push("rules", {POLICY_FILE: STRICTER})
    number = world.open("rules")
    world.settle()
    assert merge(world, "omar", number) == 200
    world.settle()
    assert f"Incident: #{number} changed the rules against the policy" in world.incidents()
    assert mark(world, number) == "failure"
    (back,) = world.api("ada", "GET", "/pulls?state=open")
    assert back["user"]["login"] == a.BOT
    world.sign(back["number"])
    assert merge(world, "ken", back["number"]) == 200
    assert world.main(POLICY_FILE) == BY_PERSON


def test_control_a_merge_that_still_holds_is_marked_and_stays(people_merge: Scene) -> None:
    """Nothing happened in between, and later objections do not count against it."""
    world = people_merge
    number = green(world)
    assert merge(world, "ken", number) == 200
    world.settle()
    assert mark(world, number) == "success"
    world.everything_again()
    assert world.incidents() == []
    assert world.live() == LIVE[1]
