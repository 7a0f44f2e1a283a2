"""Theme: time of the signature. Approvals of what is no longer, or not yet, the head."""

from __future__ import annotations

import time

import pytest

from countersign_ml.forge.deeds.thread_events import remember
from countersign_ml.forge.state.mergeability import refresh
from tests.attacks.conftest import SceneWith
from tests.attacks.scene import POLICY, TRAIN, Scene, nothing_got_through
from tests.bot import builders as a
from tests.bot.world import git, inputs_of

POLICY_FILE = "policy/policy.yml"
KEEPING = POLICY.replace("sign_off:\n", "sign_off:\n  keep_on_same_tree: true\n")
UNSIGNED = "role ml-lead** (missing)"
OBJECTION = "requested changes"
ADA = ("Ada", "ada@example.com")


def test_an_approval_before_the_evidence_does_not_count(world: Scene) -> None:
    """Both approve the rows at once, before anyone knows the results."""
    world.push("version-1", dict(inputs_of(1)))
    number = world.open("version-1")
    world.approve(number, "grace", "omar")
    world.settle()
    nothing_got_through(world, number, because=UNSIGNED)


def test_a_push_after_the_approval_takes_it_away(world: Scene) -> None:
    """Ada pushes other rows on top of what was signed."""
    number = world.released()
    world.approve(number, "grace", "omar")
    world.prepare(a.forward_key(2), a.evidence(1).text())
    world.commit("version-1", {TRAIN: "rows of 2"})
    world.settle()
    nothing_got_through(world, number)


def test_a_push_of_what_is_not_governed_takes_the_approval_away_too(world: Scene) -> None:
    """Ada pushes a file that no gate reads; the evidence still applies."""
    number = world.released()
    world.approve(number, "grace", "omar")
    world.commit("version-1", {"README.md": "Anything.\n"})
    world.settle()
    nothing_got_through(world, number, because=UNSIGNED)


def test_another_commit_of_the_same_tree_needs_new_approvals(world: Scene) -> None:
    """Ada replaces the signed commit by one with the same files, before the bot reads it."""
    number = world.released()
    world.approve(number, "grace", "omar")
    amend(world)
    world.settle()
    nothing_got_through(world, number, because=UNSIGNED)


def test_control_the_policy_may_let_an_approval_stand_for_the_same_tree(
    scene_with: SceneWith,
) -> None:
    """The same gesture passes under `keep_on_same_tree: true`."""
    world = scene_with({POLICY_FILE: KEEPING})
    number = world.released()
    world.approve(number, "grace", "omar")
    amend(world)
    world.settle()
    assert world.live() == a.pointer(1).text()


def test_who_committed_the_same_tree_again_cannot_sign_it(scene_with: SceneWith) -> None:
    """Approvals are kept for the same tree, but grace made the commit that is now the head."""
    world = scene_with({POLICY_FILE: KEEPING})
    number = world.released()
    world.approve(number, "grace", "omar")
    amend(world, committer=("Grace", "grace@example.com"))
    world.settle()
    nothing_got_through(world, number, because=UNSIGNED)


def test_the_same_tree_on_a_newer_base_is_another_change(scene_with: SceneWith) -> None:
    """Main gets a stricter policy; the signed files on top of it would undo that."""
    world = scene_with({POLICY_FILE: KEEPING})
    number = world.released()
    signed = world.head(number)
    world.forge.hold_deliveries()
    world.approve(number, "grace", "omar")
    stricter = KEEPING.replace("min: 0.5", "min: 0.6")
    world.push_main({POLICY_FILE: stricter}, by="omar")
    git(world.clone, "fetch", "--quiet", "origin")
    words = ("commit-tree", f"{signed}^{{tree}}", "-p", "origin/main", "-m", "Rebased")
    git(world.clone, "push", "--quiet", "--force", "origin",
        f"{git(world.clone, *words)}:refs/heads/version-1")  # fmt: skip
    world.forge.release()
    world.settle()
    nothing_got_through(world, number, because=UNSIGNED)
    assert world.main(POLICY_FILE) == stricter


def test_an_approval_of_an_older_head_does_not_count(world: Scene) -> None:
    """The reviewers approve the commit before the release by its id, after the release came."""
    number = world.released()
    before = git(world.clone, "rev-parse", "version-1")
    for login in ("grace", "omar"):
        world.review(login, number, "APPROVE", commit_id=before)
    world.settle()
    nothing_got_through(world, number, because=UNSIGNED)


def test_an_approval_given_to_another_base_does_not_come_back(world: Scene) -> None:
    """Retargeted to a harmless base, signed there, and back to main."""
    number = world.released()
    world.push("side", {"README.md": "Side\n"})
    world.api("ada", "PATCH", f"/pulls/{number}", {"base": "side"})
    world.sign(number)
    time.sleep(1.1)  # GitHub's times have seconds
    world.api("ada", "PATCH", f"/pulls/{number}", {"base": "main"})
    world.settle()
    nothing_got_through(world, number, because=UNSIGNED)


def test_an_approval_does_not_outlive_a_base_that_github_changed(world: Scene) -> None:
    """The base is merged and deleted, and GitHub itself retargets the pull request to main.

    The forge keeps pull requests to a deleted base, so the scene does what GitHub does.
    """
    number = world.released()
    world.push("side", {"README.md": "Side\n"})
    world.api("ada", "PATCH", f"/pulls/{number}", {"base": "side"})
    time.sleep(1.1)  # GitHub's times have seconds
    world.sign(number)
    time.sleep(1.1)
    record = world.forge.repository(a.REPOSITORY)
    thread = record.issues[number]
    assert thread.pull is not None
    thread.pull.base = "main"
    refresh(world.forge.world, record, thread, thread.pull)
    account = world.forge.actor("ada").account
    remember(world.forge.world, thread, "automatic_base_change_succeeded", account)
    nothing_got_through(world, number, because=UNSIGNED)


def test_control_an_approval_after_the_base_came_back_counts(world: Scene) -> None:
    """Retargeted away and back, and signed only then."""
    number = world.released()
    world.push("side", {"README.md": "Side\n"})
    world.api("ada", "PATCH", f"/pulls/{number}", {"base": "side"})
    world.api("ada", "PATCH", f"/pulls/{number}", {"base": "main"})
    time.sleep(1.1)  # GitHub's times have seconds
    world.sign(number)
    assert world.live() == a.pointer(1).text()


def test_a_dismissal_does_not_revive_an_older_approval(world: Scene) -> None:
    """Grace approved twice; her second approval is dismissed, the first is still in the list."""
    number = world.released()
    world.review("grace", number, "APPROVE")
    second = world.review("grace", number, "APPROVE")
    url = f"/pulls/{number}/reviews/{second}/dismissals"
    world.api("ada", "PUT", url, {"message": "Not so."})
    world.sign(number, "omar")
    nothing_got_through(world, number, because=UNSIGNED)


def test_who_changes_their_mind_has_not_signed(world: Scene) -> None:
    """Grace approves and then requests changes; the approval is still in the list."""
    number = world.released()
    world.review("grace", number, "APPROVE")
    world.review("grace", number, "REQUEST_CHANGES")
    world.sign(number, "omar", "linus")
    nothing_got_through(world, number, because=OBJECTION)


def test_an_owners_objection_stands_against_all_signatures(scene_with: SceneWith) -> None:
    """Ken owns the data and has no role; he requests changes, and everyone required has signed."""
    owners = "* @grace @linus @ken\n/models/*/pointer.json @omar\n"
    world = scene_with({".github/CODEOWNERS": owners})
    number = world.released()
    world.review("ken", number, "REQUEST_CHANGES")
    world.sign(number)
    nothing_got_through(world, number, because=OBJECTION)


def test_the_objection_of_a_role_holder_stands_on_an_older_commit(world: Scene) -> None:
    """Grace requested changes; a new commit and others' signatures do not answer her."""
    number = world.released()
    world.review("grace", number, "REQUEST_CHANGES")
    world.commit("version-1", {"README.md": "Better.\n"})
    world.settle()
    world.sign(number, "linus", "omar")
    nothing_got_through(world, number, because=OBJECTION)


def test_the_proposer_cannot_dismiss_an_objection(world: Scene) -> None:
    """Anyone with write access may dismiss a review: ada dismisses grace's request for changes."""
    number = world.released()
    objection = world.review("grace", number, "REQUEST_CHANGES")
    url = f"/pulls/{number}/reviews/{objection}/dismissals"
    world.api("ada", "PUT", url, {"message": "Answered."})
    world.sign(number, "linus", "omar")
    nothing_got_through(world, number, because=OBJECTION)


def test_control_another_lead_may_dismiss_an_objection(world: Scene) -> None:
    """Linus has the same role as grace, and no part in the proposal."""
    number = world.released()
    objection = world.review("grace", number, "REQUEST_CHANGES")
    url = f"/pulls/{number}/reviews/{objection}/dismissals"
    world.api("linus", "PUT", url, {"message": "She is away, and it is mended."})
    world.sign(number, "linus", "omar")
    assert world.live() == a.pointer(1).text()


@pytest.mark.parametrize("text", ["LGTM", "/approve", "Approved. :+1:"])
def test_a_comment_that_says_yes_is_no_approval(world: Scene, text: str) -> None:
    """A review that only comments, and a comment, both worded like an approval."""
    number = world.released()
    world.review("grace", number, "COMMENT", body=text)
    world.say("grace", number, text)
    world.sign(number, "omar")
    nothing_got_through(world, number, because=UNSIGNED)


def amend(world: Scene, committer: tuple[str, str] = ADA) -> None:
    """Replace the head of the first proposal by a commit of the same tree and parent."""
    world.replace_head("version-1", ADA, committer)
