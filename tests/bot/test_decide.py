"""What a pull request comes to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.deciding.decide import decide
from bot.facts.actions import (
    CommitRelease,
    DispatchRun,
    Merge,
    PostCheck,
    RecordSignOff,
    UpsertComment,
)
from bot.facts.snapshot import ChangedFile, Comment, Commit, PostedCheck
from countersign_ml.attestation import fingerprint, new_private_key, public_key
from countersign_ml.markdown import as_read
from policy.verdict import Outcome
from tests.bot import builders as a
from tests.bot.builders import (
    approval,
    check_of,
    comment_of,
    conclusion,
    objection,
    of_kind,
    signed,
    snapshot,
)


def test_a_pull_request_that_changes_nothing_governed_is_green_and_gets_no_comment() -> None:
    decision = decide(snapshot(files=(ChangedFile("README.md"),), models=()))
    assert decision.verdict.outcome is Outcome.PASSED
    assert [type(action) for action in decision.actions] == [PostCheck]
    assert conclusion(snapshot(files=(ChangedFile("README.md"),))) == "success"


def test_files_that_no_rule_governs_are_listed_next_to_a_model() -> None:
    pull = snapshot(reviews=signed())
    more = (ChangedFile("Makefile"), ChangedFile("runner/line.py", previous="line.py"))
    riding = replace(pull, files=(*pull.files, *more))
    sentence = "3 files that no rule governs would merge too: Makefile, runner/line.py, line.py"
    assert sentence in as_read(comment_of(riding))
    assert "no rule governs" not in as_read(comment_of(pull))
    assert conclusion(riding) == conclusion(pull) == "success"


def test_a_new_proposal_is_measured_on_the_default_branch_and_the_check_waits() -> None:
    pull = snapshot(measured_yet=False)
    (run,) = of_kind(decide(pull), DispatchRun)
    assert run.workflow == "finetune.yml"
    assert run.ref == "main"
    assert run.inputs == {
        "model": a.MODEL,
        "sha": a.HEAD,
        "key": a.forward_key(),
        "incumbent": a.ARTIFACTS[1],
    }
    assert conclusion(pull) is None
    assert not of_kind(decide(pull), Merge)


def test_a_run_under_way_is_not_started_again() -> None:
    run = a.run_of(None, status="in_progress", conclusion=None)
    pull = snapshot(measured_yet=False, facts_changes={"runs": (run,)})
    assert not of_kind(decide(pull), DispatchRun)
    assert conclusion(pull) is None


@pytest.mark.parametrize(
    "forged",
    [
        {"path": ".github/workflows/evil.yml"},
        {"event": "pull_request"},
        {"branch": "more-tickets"},
        {"repository": "mallory/models"},
        {"title": "finetune other " + a.forward_key()},
    ],
)
def test_evidence_of_a_run_that_cannot_be_trusted_is_not_evidence(forged: dict[str, str]) -> None:
    run = a.run_of(a.evidence(), **forged)
    pull = snapshot(released=False, facts_changes={"runs": (run,)})
    assert of_kind(decide(pull), DispatchRun)
    assert not of_kind(decide(pull), CommitRelease)


def test_passed_evidence_becomes_one_release_commit_on_the_branch() -> None:
    pull = snapshot(released=False)
    (commit,) = of_kind(decide(pull), CommitRelease)
    assert (commit.branch, commit.parent) == ("more-tickets", a.HEAD)
    texts = {change.path: change.text for change in commit.files}
    assert texts == a.release_files(a.facts_of(2), a.evidence())
    assert conclusion(pull) is None


def test_the_evidence_file_of_a_release_is_the_evidence_byte_by_byte() -> None:
    (commit,) = of_kind(decide(snapshot(released=False)), CommitRelease)
    texts = {change.path: change.text for change in commit.files}
    assert texts[a.pointer(2).evidence.path] == a.evidence().text()
    assert a.pointer(2).evidence.digest == a.evidence().digest()


def test_a_released_head_waits_for_signatures() -> None:
    pull = snapshot()
    assert conclusion(pull) == "action_required"
    assert "@grace could sign" in as_read(check_of(pull).summary)
    assert not of_kind(decide(pull), Merge)


def test_two_signatures_on_the_release_commit_merge_it_at_that_very_head() -> None:
    decision = decide(snapshot(reviews=signed()))
    assert decision.verdict.outcome is Outcome.PASSED
    (merge,) = of_kind(decision, Merge)
    assert (merge.number, merge.head) == (7, a.HEAD)
    order = [type(action) for action in decision.actions]
    assert order.index(PostCheck) < order.index(Merge)


def test_where_the_policy_says_person_the_bot_does_not_merge() -> None:
    text = a.measured.POLICY.replace("merge: bot", "merge: person")
    decision = decide(snapshot(reviews=signed(), policy=text))
    assert decision.verdict.outcome is Outcome.PASSED
    assert not of_kind(decision, Merge)


def test_the_author_cannot_sign_off_their_own_proposal() -> None:
    pull = snapshot(author="grace", reviews=signed())
    assert decide(pull).verdict.outcome is Outcome.MISSING
    assert conclusion(pull) == "action_required"


def test_whoever_committed_cannot_sign() -> None:
    commits = (Commit("c" * 40, ("ada",)), Commit("d" * 40, ("omar",)), Commit(a.HEAD))
    assert conclusion(snapshot(reviews=signed(), commits=commits)) == "action_required"


def test_a_commit_by_nobody_known_blocks() -> None:
    commits = (Commit("c" * 40, ("ada",), ("x@example.org",)), Commit(a.HEAD))
    assert conclusion(snapshot(reviews=signed(), commits=commits)) == "failure"


def test_approvals_from_before_the_release_commit_do_not_count() -> None:
    reviews = [approval("grace", "c" * 40), approval("omar", "c" * 40, 1)]
    assert conclusion(snapshot(reviews=reviews)) == "action_required"


def test_approvals_of_a_head_without_the_release_do_not_count() -> None:
    pull = snapshot(reviews=signed(), released=False)
    assert decide(pull).verdict.outcome is Outcome.MISSING
    assert not of_kind(decide(pull), Merge)


def test_changes_requested_by_a_role_holder_blocks() -> None:
    reviews = [approval("grace"), objection("omar", 1)]
    assert conclusion(snapshot(reviews=reviews)) == "failure"


def test_changes_requested_by_a_passer_by_does_not_block() -> None:
    assert conclusion(snapshot(reviews=[*signed(), objection("ken", 2)])) == "success"


def test_worse_evidence_is_red_and_never_released() -> None:
    pull = snapshot(reviews=signed(), shown=a.failing(), released=False)
    assert conclusion(pull) == "failure"
    assert not of_kind(decide(pull), CommitRelease)
    assert "against the incumbent" in comment_of(pull)


def test_the_bases_policy_judges_again_a_head_that_was_already_released() -> None:
    stricter = a.measured.POLICY.replace("min: 0.5", "min: 0.95")
    pull = snapshot(reviews=signed(), policy=stricter)
    assert conclusion(pull) == "failure"


def test_an_author_without_write_access_waits_for_a_maintainer() -> None:
    pull = snapshot(measured_yet=False, pull_changes={"author_can_write": False})
    assert not of_kind(decide(pull), DispatchRun)
    assert f"/train {a.HEAD}" in as_read(comment_of(pull))
    asked = Comment(1, "grace", False, f"Looks harmless.\n\n/train {a.HEAD}", "2026-01-03")
    assert of_kind(decide(replace(pull, comments=(asked,))), DispatchRun)


def test_nothing_of_a_fork_is_ever_run() -> None:
    pull = snapshot(measured_yet=False, pull_changes={"head_repository": "mallory/models"})
    asked = Comment(1, "grace", False, f"/train {a.HEAD}", "2026-01-03")
    assert not of_kind(decide(replace(pull, comments=(asked,))), DispatchRun)
    assert conclusion(pull) == "failure"
    assert "fork" in comment_of(pull)


def test_a_draft_is_not_measured() -> None:
    pull = snapshot(measured_yet=False, pull_changes={"draft": True})
    assert not of_kind(decide(pull), DispatchRun)
    assert conclusion(pull) is None


def test_a_closed_pull_request_is_left_alone() -> None:
    assert decide(snapshot(pull_changes={"state": "closed"})).actions == ()


def test_a_pointer_changed_by_hand_is_red() -> None:
    pull = snapshot(
        measured_yet=False,
        facts_changes={"head_pointer": a.pointer(3).text(), "head_inputs": a.inputs(1)},
        files=(ChangedFile(f"models/{a.MODEL}/pointer.json"),),
    )
    assert conclusion(pull) == "failure"
    assert not of_kind(decide(pull), DispatchRun)
    assert "by hand" in comment_of(pull)


def test_one_changed_byte_in_a_released_file_is_not_what_ships() -> None:
    whole = snapshot(reviews=signed()).models[0]
    assert whole.head_pointer is not None
    tampered = replace(whole, head_pointer=whole.head_pointer.replace("file:///", "file:///x"))
    decision = decide(snapshot(reviews=signed(), models=(tampered,)))
    assert not of_kind(decision, Merge)
    (commit,) = of_kind(decision, CommitRelease)
    assert [change.path for change in commit.files] == [f"models/{a.MODEL}/pointer.json"]


def test_a_card_smuggled_in_beside_the_release_is_taken_out_again() -> None:
    whole = snapshot(reviews=signed()).models[0]
    more = replace(whole, head_cards=(*whole.head_cards, ("v9-99999999.json", a.sha("forged"))))
    decision = decide(snapshot(reviews=signed(), models=(more,)))
    (commit,) = of_kind(decision, CommitRelease)
    assert [(c.path, c.text, c.blob) for c in commit.files] == [
        (f"model_cards/{a.MODEL}/v9-99999999.json", None, None)
    ]
    assert not of_kind(decision, Merge)


def test_records_changed_alone_are_red() -> None:
    files = (ChangedFile(f"model_cards/{a.MODEL}/v1-11111111.md"),)
    assert conclusion(snapshot(measured_yet=False, files=files)) == "failure"


def test_a_rename_out_of_a_governed_folder_is_governed() -> None:
    files = (ChangedFile("docs/train.jsonl", f"models/{a.MODEL}/data/train.jsonl"),)
    assert of_kind(decide(snapshot(measured_yet=False, files=files)), DispatchRun)


def test_inputs_that_moved_on_the_base_branch_are_not_merged_unmeasured() -> None:
    moved = a.inputs(1, **{"contract/contract.yml": a.sha("newer")})
    pull = snapshot(reviews=signed(), facts_changes={"base_inputs": moved})
    assert conclusion(pull) == "failure"
    assert "contract/contract.yml" in as_read(check_of(pull).summary)


def test_a_newer_live_version_asks_for_a_new_measurement() -> None:
    newer = a.pointer(3).text()
    pull = snapshot(reviews=signed(), facts_changes={"base_pointer": newer})
    assert conclusion(pull) == "failure"
    assert not of_kind(decide(pull), Merge)


def test_a_conflict_blocks_and_says_how_to_mend_it() -> None:
    pull = snapshot(reviews=signed(), pull_changes={"mergeable": False})
    assert conclusion(pull) == "failure"
    assert "merge main into this branch" in check_of(pull).summary


def test_mergeability_not_yet_known_does_not_block() -> None:
    assert conclusion(snapshot(reviews=signed(), pull_changes={"mergeable": None})) == "success"


def test_links_among_the_inputs_are_refused() -> None:
    link = f"models/{a.MODEL}/data/train.jsonl"
    assert conclusion(snapshot(facts_changes={"irregular": (link,)})) == "failure"


def test_a_folder_that_is_no_model_name_is_refused() -> None:
    assert conclusion(snapshot(files=(ChangedFile("models/Übel/recipe.yml"),), models=())) == (
        "failure"
    )


@pytest.mark.parametrize("text", [None, "version: 1\nroles: {}\n", "[", "version: 2"])
def test_without_a_readable_policy_nothing_passes(text: str | None) -> None:
    pull = snapshot(reviews=signed(), policy=text)
    assert conclusion(pull) == "failure"
    assert not of_kind(decide(pull), Merge)


def test_without_policy_a_pull_request_about_nothing_governed_is_still_green() -> None:
    pull = snapshot(files=(ChangedFile("policy/policy.yml"),), models=(), policy=None)
    assert conclusion(pull) == "success"


@pytest.mark.parametrize("cut", ["files_truncated", "commits_truncated"])
def test_half_a_list_is_not_judged(cut: str) -> None:
    assert conclusion(snapshot(reviews=signed(), **{cut: True})) == "failure"


def test_a_codeowners_file_too_large_for_github_blocks() -> None:
    huge = "# " + "x" * (3 * 1024 * 1024)
    assert conclusion(snapshot(reviews=signed(), codeowners=huge)) == "failure"


@pytest.mark.parametrize("elsewhere", [{"base_ref": "next"}, {"state": "closed"}])
def test_a_pull_request_that_cannot_merge_leaves_no_green_check_that_no_other_needs(
    elsewhere: dict[str, str],
) -> None:
    posted = PostedCheck(1, "completed", "success", "x")
    pull = snapshot(reviews=signed(), pull_changes=elsewhere, checks=(posted,))
    assert conclusion(pull) == "action_required"
    assert decide(replace(pull, shared=True)).actions == ()
    red = replace(posted, conclusion="failure")
    assert decide(replace(pull, checks=(red,))).actions == ()


def test_a_pull_request_to_another_branch_is_never_green() -> None:
    assert conclusion(snapshot(reviews=signed(), pull_changes={"base_ref": "next"})) == (
        "action_required"
    )


def test_the_comment_is_found_by_marker_and_author() -> None:
    body = comment_of(snapshot())
    forged = Comment(1, "mallory", False, body)
    ours = Comment(2, a.BOT, True, "<!-- countersign:pull-request -->\nold")
    (made,) = of_kind(decide(snapshot(comments=(forged, ours))), UpsertComment)
    assert made.existing == 2
    (made,) = of_kind(decide(snapshot(comments=(forged,))), UpsertComment)
    assert made.existing is None


def test_nothing_merges_when_the_bots_own_key_is_revoked() -> None:
    key, other = (public_key(new_private_key()) for _ in range(2))
    listed = "revoked:\n  - {sha256: %s, after: %s, reason: the laptop was stolen}\n"
    known = {"reviews": signed(), "keys": (key,), "own_key": key}
    assert of_kind(decide(snapshot(**known)), Merge)
    after_other = snapshot(**known, revoked_keys=listed % (fingerprint(other), a.BASE))
    assert of_kind(decide(after_other), Merge)
    for text in (listed % (fingerprint(key), a.BASE), "revoked: 7\n", ""):
        decision = decide(snapshot(**known, revoked_keys=text))
        assert not of_kind(decision, Merge)
        assert not of_kind(decision, RecordSignOff)
        assert "policy/keys/revoked.yml" in as_read(str(decision.verdict.as_json()))
