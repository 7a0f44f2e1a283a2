"""Theme: tags and branches that the bot needs, taken by somebody else before."""

from __future__ import annotations

import pytest

from countersign_ml.attestation import fingerprint, public_key
from policy.facts.attempt import attempt_tags
from policy.people.sign_off_record import MEASURED_TAGS, measured_tag, model_tags
from tests.attacks.scene import POINTER, Scene, nothing_got_through
from tests.bot import builders as a
from tests.bot.world import SIGNING_KEY

MEASURED = measured_tag(a.MODEL, a.forward_key(1))
SHIPPED = a.pointer(1).artifact.digest


def squat(world: Scene, name: str, *, kind: str = "tags") -> None:
    """Ken creates a ref at main's tip, with git's plumbing or GitHub's API."""
    tip = world.api("ken", "GET", "/git/ref/heads/main")["object"]["sha"]
    world.api("ken", "POST", "/git/refs", {"ref": f"refs/{kind}/{name}", "sha": tip})


def ship_after_deleting(world: Scene, number: int, name: str) -> None:
    """Nothing stays stuck: as soon as somebody deletes the tag, everything goes on."""
    world.api("ken", "DELETE", f"/git/refs/tags/{name}")
    world.everything_again()
    if not world.pull(number)["merged"]:
        world.sign(number)
    assert world.live() == a.pointer(1).text()


def test_control_tags_of_other_names_are_in_nobodys_way(world: Scene) -> None:
    """Ken keeps tags of his own next to the bot's."""
    for name in ("countersign-2", f"{MEASURED}-mine", f"{MEASURED_TAGS}other/x"):
        squat(world, name)
    world.shipped()


@pytest.mark.parametrize(
    "name",
    ["countersign-measured", f"countersign-measured/{a.MODEL}", MEASURED, f"{MEASURED}/x"],
)
def test_a_tag_in_the_place_of_first_evidence_is_named_and_nothing_passes(
    world: Scene, name: str
) -> None:
    """The tag itself, a folder of it, or one below it: git keeps no a/b next to a."""
    squat(world, name)
    number = world.propose(1)
    world.settle()
    world.sign(number)
    nothing_got_through(world, number, because=name)
    ship_after_deleting(world, number, name)


@pytest.mark.parametrize(
    "name",
    [
        "countersign",
        "countersign/pull-1",
        "countersign-model",
        f"{model_tags(a.MODEL, SHIPPED)}{fingerprint(public_key(SIGNING_KEY))[:12]}",
    ],
)
def test_a_tag_in_the_place_of_a_sign_off_record_is_named_and_nothing_passes(
    world: Scene, name: str
) -> None:
    """The record of who signed, or the signature of the model's file, finds no room."""
    number = world.released()
    squat(world, name)
    world.sign(number)
    nothing_got_through(world, number, because=name)
    ship_after_deleting(world, number, name)


def test_a_tag_in_the_place_of_all_attempts_is_named_and_nothing_passes(world: Scene) -> None:
    """Grace requests another attempt; a tag of ken's leaves no room for its record."""
    number = world.released()
    name = attempt_tags(a.MODEL, "").partition("/attempts/")[0] + "/attempts"
    squat(world, name)
    world.say("grace", number, "/retrain the runner had a new GPU; does the result repeat?")
    world.settle()
    world.sign(number)
    nothing_got_through(world, number, because=name)


@pytest.mark.parametrize("extra", ["", "/x"])
def test_a_branch_in_the_place_of_a_proposed_rollback_does_not_prevent_it(
    world: Scene, extra: str
) -> None:
    """Omar merges an unsigned pointer; ken took the branch that the bot wants to propose from."""
    number = world.released()
    forced = world.push_main({POINTER: a.pointer(1).text()}, "omar")
    squat(world, f"countersign/undo-{a.MODEL}-{forced[:12]}{extra}", kind="heads")
    world.everything_again()
    opened = [p for p in world.api("ada", "GET", "/pulls") if p["user"]["type"] == "Bot"]
    assert [p["head"]["ref"] for p in opened] == [f"countersign-undo-{a.MODEL}-{forced[:12]}"]
    files = world.api("ada", "GET", f"/pulls/{opened[0]['number']}/files")
    assert [file["filename"] for file in files] == [POINTER]
    assert world.conclusion(number) != "success"
