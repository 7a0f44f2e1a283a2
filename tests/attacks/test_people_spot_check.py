"""Theme: signatures of the spot-check sample that must not count."""

from __future__ import annotations

import time

import pytest

from bot.facts.proposed import head_proposal
from countersign_ml.forge.request.auth import mint
from policy.facts.evidence import Evidence
from policy.facts.proposal import run_key
from tests.attacks.conftest import SceneWith
from tests.attacks.scene import POLICY, TRAIN, Scene, nothing_got_through
from tests.bot import builders as a
from tests.policy import spot_checks

POLICY_FILE = "policy/policy.yml"
ASKING = POLICY + spot_checks.SECTION
MISSING = "spot-check of support-triage: role ml-lead** (missing)"
SAMPLE = spot_checks.sample(against="base")
OTHER = spot_checks.sample(seed="8", against="base")
SHOWN = a.evidence(1, spot_check=SAMPLE)
MARKS = "A B = ?"


def test_control_a_lead_who_reads_the_sample_gets_it_through(scene_with: SceneWith) -> None:
    """Grace reads it; the release follows, she and omar approve it, and the record says so."""
    world = awaiting(scene_with)
    world.say("grace", 1, command())
    world.settle()
    world.sign(1)
    assert world.pull(1)["merged"]
    assert world.live() is not None
    (body,) = world.comments(1)
    assert "read and signed by" not in body  # the sign-off tree goes; the table tells who said what
    assert "| @&#8203;grace | Judge |" in body


@pytest.mark.parametrize("login", ["mallory", "ken", "omar"])
def test_a_sample_signed_by_somebody_without_the_role_is_not_signed(
    scene_with: SceneWith, login: str
) -> None:
    """An outsider, a writer and the holder of another role read it."""
    world = awaiting(scene_with)
    world.say(login, 1, command())
    refused(world)


def test_the_author_does_not_sign_the_sample(scene_with: SceneWith) -> None:
    """Ada is a lead herself, and reads the sample of her own proposal."""
    world = awaiting(scene_with, ASKING.replace("[grace, linus]", "[grace, linus, ada]"))
    world.say("ada", 1, command())
    refused(world, "has a part in a proposal")


def test_a_co_author_does_not_sign_the_sample(scene_with: SceneWith) -> None:
    """Only a line at the end of a message shows grace's part in the proposal."""
    world = scene(scene_with)
    number = world.propose(1)
    trailer = "More rows\n\nCo-authored-by: Grace <grace@users.noreply.github.com>"
    world.commit(world.branch(number), {}, message=trailer)
    world.settle()
    world.say("grace", number, command())
    refused(world, "has a part in a proposal")


def test_a_bot_in_the_team_of_readers_does_not_sign_the_sample(scene_with: SceneWith) -> None:
    """Another App's account becomes a writer and a member of the leads, and comments."""
    world = scene_with(
        {POLICY_FILE: ASKING.replace("[grace, linus]", "[grace], teams: [acme/leads]")}
    )
    world.prepare(a.forward_key(1), SHOWN.text())
    world.forge.add_team("acme", "leads", ["linus", "helper[bot]"])
    world.forge.repository(a.REPOSITORY).teams["leads"] = "write"
    helper = world.forge.add_app("helper")
    world.forge.repository(a.REPOSITORY).collaborators["helper[bot]"] = "write"
    world.propose(1)
    world.settle()
    helper.bot.token = mint(world.forge.world, helper).value
    world.say("helper[bot]", 1, command())
    refused(world)
    assert len(world.comments(1)) == 1


def test_a_signature_with_the_digest_of_another_sample_does_not_count(
    scene_with: SceneWith,
) -> None:
    """Grace names the sample of other evidence, or one whose digest begins alike."""
    world = awaiting(scene_with)
    digits = digest(SHOWN)
    near = digits[:12] + ("0" if digits[12] != "0" else "1") + digits[13:]
    for named in (digest(a.evidence(1, spot_check=OTHER)), near):
        world.say("grace", 1, f"/spot-check {named} {MARKS}")
    refused(world, "is not the sample that is here now")


def test_a_digest_cut_so_short_that_it_may_be_another_sample_does_not_count(
    scene_with: SceneWith,
) -> None:
    """Eleven digits or fewer, with which another sample's digest may begin."""
    world = awaiting(scene_with)
    for digits in (11, 7, 1):
        world.say("grace", 1, f"/spot-check {digest(SHOWN)[:digits]} {MARKS}")
    refused(world, "is no digest of a sample")


def test_a_signature_given_before_the_evidence_does_not_count(scene_with: SceneWith) -> None:
    """The digest was guessed correctly; nobody can have read what was not measured."""
    world = scene(scene_with)
    world.prepare(a.forward_key(1), "{}")
    number = world.propose(1)
    world.settle()
    world.say("grace", number, command())
    world.settle()
    world.prepare(a.forward_key(1), SHOWN.text())
    time.sleep(1.1)  # GitHub's times have seconds
    world.say("omar", number, f"/train {world.head(number)}")
    refused(world, "there is no sample to sign")


def test_a_signature_that_somebody_edited_does_not_count(scene_with: SceneWith) -> None:
    """Ken edits a comment of grace's into a signature, and her signature after it counted."""
    world = awaiting(scene_with)
    remark = world.say("grace", 1, "I will read it tomorrow.")
    time.sleep(1.1)  # GitHub's times have seconds
    world.api("ken", "PATCH", f"/issues/comments/{remark}", {"body": command()})
    refused(world, "the comment was edited")
    true = world.say("grace", 1, command("A A A A"))
    world.settle()
    world.approve(1, "grace")
    time.sleep(1.1)
    world.api("ken", "PATCH", f"/issues/comments/{true}", {"body": command("B B B B")})
    world.approve(1, "omar")
    refused(world)


def test_a_signature_in_quoted_pasted_or_hidden_text_says_nothing(scene_with: SceneWith) -> None:
    """Grace quotes, pastes and hides the command in every way that Markdown allows."""
    world = awaiting(scene_with)
    text = command()
    for body in (
        f"> {text}",
        f"```\n{text}\n```",
        f"    {text}",
        f"`{text}`",
        f"- {text}",
        f"<!-- {text} -->",
        f"<!--\n{text}\n-->",
        f"<details>\n{text}\n</details>",
        f"| a |\n|---|\n| {text} |",
        f"# {text}",
        f"As ken wrote: {text}",
        f"\\{text}",
    ):
        world.say("grace", 1, body)
    refused(world)
    assert len(world.comments(1)) == 1


def test_marks_that_no_reader_sees_are_no_marks(scene_with: SceneWith) -> None:
    """The rendered text is a signature of four marks; the source has others between them."""
    world = awaiting(scene_with)
    named = digest(SHOWN)[:12]
    for marks in (
        "A<!-- B --> B = ?",
        "A <b>B</b> = ?",
        "A \u200b B = ?",
        "a\u200bb = ?",
        "A **B** = ?",
    ):
        world.say("grace", 1, f"/spot-check {named} {marks}")
    refused(world, "a mark is A or B")


def test_a_signature_that_was_deleted_is_gone(scene_with: SceneWith) -> None:
    """Grace withdraws her signature after the release, before omar approves."""
    world = awaiting(scene_with)
    comment = world.say("grace", 1, command())
    world.settle()
    world.approve(1, "grace")
    world.api("grace", "DELETE", f"/issues/comments/{comment}")
    world.approve(1, "omar")
    refused(world)


def test_who_was_shown_whose_answers_they_were_cannot_sign_again(scene_with: SceneWith) -> None:
    """Grace disagrees with the judge; then the table shows her whose answers they were."""
    world = awaiting(scene_with)
    world.say("grace", 1, command("B A A A"))
    world.settle()
    before = world.head(1)
    time.sleep(1.1)  # GitHub's times have seconds
    world.say("grace", 1, command())
    world.settle()
    assert world.head(1) == before
    assert "agree on 0 of 4 rows" in world.check(1)["output"]["summary"]
    assert "you signed this sample before" in "\n".join(world.comments(1))


def test_a_signature_of_an_earlier_measurement_does_not_sign_the_next(
    scene_with: SceneWith,
) -> None:
    """The rows change after grace read the sample; the new evidence has the same texts."""
    world = awaiting(scene_with)
    world.say("grace", 1, command())
    world.settle()
    time.sleep(1.1)  # GitHub's times have seconds
    proposal = head_proposal(a.facts_of(2))
    again = a.evidence(1, proposal=proposal, spot_check=SAMPLE)
    world.prepare(run_key(proposal.digest, None), again.text())
    world.push("version-1", {TRAIN: "rows of 2"})
    refused(world, "before this evidence was measured")


def scene(scene_with: SceneWith, policy: str = ASKING, shown: Evidence = SHOWN) -> Scene:
    world = scene_with({POLICY_FILE: policy})
    world.prepare(a.forward_key(1), shown.text())
    return world


def awaiting(scene_with: SceneWith, policy: str = ASKING, shown: Evidence = SHOWN) -> Scene:
    """A proposal, the first, whose gates hold and whose sample waits for a reader."""
    world = scene(scene_with, policy, shown)
    assert world.propose(1) == 1
    world.settle()
    return world


def digest(shown: Evidence) -> str:
    assert shown.spot_check is not None
    return shown.spot_check.digest().removeprefix("sha256:")


def command(marks: str = MARKS, shown: Evidence = SHOWN) -> str:
    return f"/spot-check {digest(shown)[:12]} {marks}"


def refused(world: Scene, answer: str = "") -> None:
    """Assert that the sample still waits, even with approvals, and that the answer says why."""
    world.settle()
    world.sign(1)
    nothing_got_through(world, 1, because=MISSING)
    assert answer in "\n".join(world.comments(1))
