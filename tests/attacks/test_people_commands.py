"""Theme: commands, labels and issues without permission, or in places that do not count."""

from __future__ import annotations

import time

import pytest

from tests.attacks.conftest import SceneWith
from tests.attacks.scene import POLICY, Scene, nothing_got_through
from tests.attacks.test_people_rules import poor
from tests.bot import builders as a
from tests.bot.world import inputs_of, workflow

POLICY_FILE = "policy/policy.yml"
HOLD = "countersign: hold"
BAR = "exact_match"
FROZEN = "promotions are frozen"
REASON = "the new tickets are worth it, see the incident of May"


def test_control_whoever_the_policy_names_overrides_a_gate(world: Scene) -> None:
    """Omar forces the measurement; he and grace sign."""
    number = failed(world)
    world.say("omar", number, override(world))
    world.settle()
    world.sign(number)
    assert world.live() == a.pointer(1).text().replace(*told(world))


@pytest.mark.parametrize("login", ["mallory", "ken", "grace"])
def test_an_override_by_somebody_without_the_role_does_not_count(world: Scene, login: str) -> None:
    """An outsider, a writer and the holder of another role write the override."""
    number = failed(world)
    world.say(login, number, override(world))
    world.sign(number)
    nothing_got_through(world, number, because=BAR)


def test_an_override_by_the_proposer_does_not_count(scene_with: SceneWith) -> None:
    """Ada is in operations herself, and forces what she proposes."""
    world = scene_with({POLICY_FILE: POLICY.replace("[omar, olga]", "[omar, olga, ada]")})
    number = failed(world)
    world.say("ada", number, override(world))
    world.sign(number)
    nothing_got_through(world, number, because=BAR)


def test_an_override_of_other_evidence_or_gates_or_without_reason_does_not_count(
    world: Scene,
) -> None:
    """Omar's command is almost right: another digest, a gate that nobody may force, no reason."""
    number = failed(world)
    digest = poor().digest()
    for text in (
        f"/override measurement {a.evidence(2).digest()} {REASON}",
        f"/override parity {digest} {REASON}",
        f"/override training {digest} {REASON}",
        f"/override consistency {digest} {REASON}",
        f"/override measurement {digest}",
        f"/override measurement {digest} because",
        f"/override measurement {digest[:30]} {REASON}",
    ):
        world.say("omar", number, text)
    world.settle()
    world.sign(number)
    nothing_got_through(world, number, because=BAR)


def test_a_command_in_quoted_pasted_or_hidden_text_says_nothing(world: Scene) -> None:
    """Omar quotes and pastes the command in every way that Markdown allows."""
    number = failed(world)
    text = override(world)
    for body in (
        f"> {text}",
        f"```\n{text}\n```",
        f"    {text}",
        f"`{text}`",
        f"- {text}",
        f"1. {text}",
        f"<!-- {text} -->",
        f"<!--\n{text}\n-->",
        f"<details>\n{text}\n</details>",
        f"| a |\n|---|\n| {text} |",
        f"# {text}",
        f"As ken wrote: {text}",
        f"\\{text}",
        text.replace("/", "\N{FULLWIDTH SOLIDUS}", 1),
    ):
        world.say("omar", number, body)
    world.settle()
    world.sign(number)
    nothing_got_through(world, number, because=BAR)


def test_words_that_somebody_else_edited_are_not_the_authors(world: Scene) -> None:
    """Ken, who has write access, edits a comment of omar's into the override."""
    number = failed(world)
    comment = world.say("omar", number, "I will look at it.")
    time.sleep(1.1)  # GitHub's times have seconds
    world.api("ken", "PATCH", f"/issues/comments/{comment}", {"body": override(world)})
    world.settle()
    world.sign(number)
    nothing_got_through(world, number, because=BAR)


def test_an_outsider_starts_no_run(world: Scene) -> None:
    """Mallory requests a run of a proposal whose author has no write access."""
    world.push("version-1", dict(inputs_of(1)))
    number = world.open("version-1")
    world.forge.repository(a.REPOSITORY).collaborators["ada"] = "read"
    world.settle()
    world.say("mallory", number, f"/train {world.head(number)}")
    world.say("ada", number, f"/train {world.head(number)}")
    world.settle()
    assert world.runs() == {}
    nothing_got_through(world, number, because="has no write access")


def test_an_outsider_stops_no_run(scene_with: SceneWith) -> None:
    """Mallory cancels a running run."""
    slow = workflow("finetune").replace(
        "run: mkdir", 'run: while [ ! -e "$EVIDENCE/go" ]; do sleep 0.05; done; mkdir'
    )
    world = scene_with({".github/workflows/finetune.yml": slow})
    number = world.propose(1)
    deadline = time.monotonic() + 30
    while not world.runs():
        assert time.monotonic() < deadline
        world.queue.drain()
    time.sleep(1.1)  # a command counts after its run began, and GitHub's times have seconds
    world.say("mallory", number, "/cancel")
    time.sleep(0.2)
    world.queue.drain()
    (world.root / "evidence" / "go").touch()
    world.settle()
    runs = world.api("ada", "GET", "/actions/runs?event=workflow_dispatch")["workflow_runs"]
    assert [run["conclusion"] for run in runs] == ["success"]
    nothing_got_through(world, number, because="role ml-lead** (missing)")


def test_an_outsider_holds_freezes_and_objects_to_nothing(world: Scene) -> None:
    """Mallory tries to block a version; the required people sign, and it ships."""
    number = world.released()
    world.say("mallory", number, "/hold\n\n/freeze the whole company")
    world.review("mallory", number, "REQUEST_CHANGES")
    world.settle()
    world.sign(number)
    assert world.live() == a.pointer(1).text()
    assert world.incidents() == []


def test_a_hold_label_put_on_by_hand_holds_nothing(world: Scene) -> None:
    """Ken adds the bot's label to a pull request that he may not hold."""
    number = world.released()
    world.api("ken", "POST", f"/issues/{number}/labels", {"labels": [HOLD]})
    world.settle()
    world.sign(number)
    assert world.live() == a.pointer(1).text()


def test_control_another_who_may_ends_a_hold(world: Scene) -> None:
    """Grace holds, linus ends the hold, and it ships."""
    number = held(world)
    time.sleep(1.1)  # GitHub's times have seconds
    world.say("linus", number, "/unhold")
    world.settle()
    assert world.live() == a.pointer(1).text()


@pytest.mark.parametrize("login", ["mallory", "ken"])
def test_a_hold_is_not_ended_by_somebody_without_the_role(world: Scene, login: str) -> None:
    """Everyone signed, and a lead holds it; others comment /unhold."""
    number = held(world)
    time.sleep(1.1)  # GitHub's times have seconds
    world.say(login, number, "/unhold")
    nothing_got_through(world, number, because="put this pull request on hold")


def test_a_hold_is_not_ended_by_the_proposer(scene_with: SceneWith) -> None:
    """Ada is a lead herself, but this is her proposal."""
    world = scene_with({POLICY_FILE: POLICY.replace("[grace, linus]", "[grace, linus, ada]")})
    number = held(world)
    time.sleep(1.1)  # GitHub's times have seconds
    world.say("ada", number, "/unhold")
    nothing_got_through(world, number, because="put this pull request on hold")


def test_a_hold_label_taken_off_by_hand_ends_no_hold(world: Scene) -> None:
    """Ken removes the label, and deletes grace's comment with the command."""
    number = held(world)
    listed = world.api("ada", "GET", f"/issues/{number}/comments")
    (command,) = (item for item in listed if item["body"].startswith("/hold"))
    world.api("ken", "DELETE", f"/issues/comments/{command['id']}")
    world.api("ken", "DELETE", f"/issues/{number}/labels/countersign:%20hold")
    world.settle()
    nothing_got_through(world, number, because="this is on hold")
    labels = [label["name"] for label in world.api("ada", "GET", f"/issues/{number}")["labels"]]
    assert labels == [HOLD]


def test_control_whoever_may_freeze_ends_a_freeze(world: Scene) -> None:
    """Olga froze everything, omar closes the issue, and it ships."""
    number, issue = frozen(world)
    world.api("omar", "PATCH", f"/issues/{issue}", {"state": "closed"})
    world.settle()
    assert world.pull(number)["merged"]


@pytest.mark.parametrize("login", ["mallory", "ken", "grace"])
def test_a_freeze_is_not_ended_by_a_command_of_others(world: Scene, login: str) -> None:
    """An outsider, a writer and the holder of another role comment /unfreeze."""
    number, _ = frozen(world)
    time.sleep(1.1)  # GitHub's times have seconds
    world.say(login, number, "/unfreeze")
    world.settle()
    nothing_got_through(world, number, because=FROZEN)


def test_a_freeze_that_somebody_else_closed_is_opened_again(world: Scene) -> None:
    """Ken closes the bot's issue with the button, as anyone with write access can."""
    number, issue = frozen(world)
    world.api("ken", "PATCH", f"/issues/{issue}", {"state": "closed"})
    world.settle()
    nothing_got_through(world, number, because=FROZEN)
    assert world.api("ada", "GET", f"/issues/{issue}")["state"] == "open"


def test_a_freeze_without_its_marks_is_still_a_freeze(world: Scene) -> None:
    """Ken edits the issue's title and text, removes its label, deletes the command, closes it."""
    number, issue = frozen(world)
    listed = world.api("ada", "GET", f"/issues/{number}/comments")
    (command,) = (item for item in listed if item["body"].startswith("/freeze"))
    world.forge.hold_deliveries()
    world.api("ken", "DELETE", f"/issues/comments/{command['id']}")
    edits = {"title": "A question", "body": "How are you?", "labels": []}
    world.api("ken", "PATCH", f"/issues/{issue}", edits)
    world.api("ken", "PATCH", f"/issues/{issue}", {"state": "closed"})
    world.forge.release()
    world.settle()
    nothing_got_through(world, number, because=FROZEN)


def test_a_freeze_disguised_as_an_incident_is_still_a_freeze(world: Scene) -> None:
    """Ken gives the issue the title, the first line and the label of an incident."""
    number, issue = frozen(world)
    edits = {
        "title": f"Incident: {a.MODEL} v1-11111111 is rolled back",
        "body": f"<!-- countersign:incident {a.MODEL} v1-11111111 -->\nAll is well.",
        "labels": ["countersign-incident"],
    }
    world.forge.hold_deliveries()
    listed = world.api("ada", "GET", f"/issues/{number}/comments")
    (command,) = (item for item in listed if item["body"].startswith("/freeze"))
    world.api("ken", "DELETE", f"/issues/comments/{command['id']}")
    world.api("ken", "PATCH", f"/issues/{issue}", edits)
    world.forge.release()
    world.settle()
    nothing_got_through(world, number, because=FROZEN)


def failed(world: Scene) -> int:
    """Return a proposal whose evidence does not reach the bar, and which grace approves of."""
    world.prepare(a.forward_key(1), poor().text())
    number = world.propose(1)
    world.settle()
    assert world.conclusion(number) == "failure"
    return number


def override(world: Scene) -> str:
    return f"/override measurement {poor().digest()} {REASON}"


def told(world: Scene) -> tuple[str, str]:
    """Return what the pointer names otherwise: the digest of the evidence."""
    return a.evidence(1).digest(), poor().digest()


def held(world: Scene) -> int:
    """Return a proposal that everybody signed, once grace has held it."""
    number = world.released()
    world.say("grace", number, "/hold until the lawyers have looked")
    world.settle()
    world.sign(number, "linus", "omar")
    assert world.conclusion(number) == "action_required"
    return number


def frozen(world: Scene) -> tuple[int, int]:
    """Return a proposal that everybody signed, and the issue by which olga froze promotions."""
    number = world.released()
    world.say("olga", number, "/freeze the registry is being moved")
    world.settle()
    world.sign(number)
    assert world.conclusion(number) == "action_required"
    issues = world.api("ada", "GET", "/issues?state=all&creator=countersign%5Bbot%5D")
    (issue,) = (int(item["number"]) for item in issues if "pull_request" not in item)
    return number, issue
