"""One false history per test: each is found and named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from countersign_ml.attestation import public_key
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer_history import read_pointer
from policy.governed import bom_path, card_path, evidence_path, pointer_path
from policy.people.sign_off_record import Override
from policy.verdict import Outcome
from tests.audit.audit_builders import (
    ADA,
    CODEOWNERS,
    GRACE,
    MODEL,
    OMAR,
    OTHER_KEY,
    WITH_OVERRIDES,
    WORSE,
    Repository,
    blocking,
    changes,
    evidence_of,
    last,
    named,
)
from tests.policy.builders import POLICY


def test_a_good_history_is_proven_entirely(good: Repository):
    audit = good.audit()
    assert audit.proven
    assert [change.way for change in changes(audit)] == ["forward", "forward", "back", "forward"]
    assert [blocking(change) for change in changes(audit)] == [{}, {}, {}, {}]
    sign_off = last(audit).sign_off
    assert sign_off is not None
    assert [(s.login, s.roles) for s in sign_off.signers] == [
        (GRACE, ("ml-lead",)),
        (OMAR, ("operations",)),
    ]
    assert all(s.submitted.startswith("2026-01-12") for s in sign_off.signers)


def test_a_rollback_of_the_first_version_is_proven(one: Repository):
    head = one.revert(one.head("main"))
    claim = {"model": MODEL, "kind": "rollback", "before": one.blob(pointer_path(MODEL), "main")}
    record = one.record(one.head("main")).model_copy(update={"head": head, "recovery": {}})
    reviews = (one.approval(GRACE, head), one.approval(OMAR, head, 2))
    record = type(record)(
        **{
            **record.model_dump(),
            "reviews": [review.model_dump() for review in reviews],
            "models": [{**claim, "after": None}],
        }
    )
    one.tag(record)
    one.merge(head)
    audit = one.audit()
    assert blocking(last(audit)) == {}
    assert last(audit).way == "nothing"
    assert audit.proven


def test_a_squash_merge_is_proven_by_the_tag_that_keeps_the_signed_head(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head))
    one.squash(head)
    audit = one.audit()
    assert audit.proven, blocking(last(audit))
    assert "one commit" in named(last(audit).finding, "head").sentence


def test_a_squash_merge_that_carries_more_is_not(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head))
    one.later()
    one.git("checkout", "-q", "main")
    one.git("merge", "-q", "--squash", head)
    one.commit("More tickets (#2)", {"serve.py": "import os\n"})
    assert "head" in blocking(last(one.audit()))


def test_a_merge_queues_commit_is_proven(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head))
    one.later()
    one.git("checkout", "-q", "-b", "queue", "main")
    one.git("merge", "-q", "--no-ff", "-m", "queued", head)
    one.merge("queue")
    audit = one.audit()
    assert audit.proven, blocking(last(audit))
    assert "queue" in named(last(audit).finding, "head").sentence


def test_a_direct_push_of_a_pointer_is_named(good: Repository):
    pointer = pointer_of(evidence_of(2, good.live()))
    assert pointer is not None
    good.push("Hotfix", {pointer_path(MODEL): pointer.text()})
    found = blocking(last(good.audit()))
    assert found["record"].startswith("direct push: ")
    assert "by ada on 2026-01-14" in found["record"]
    assert "evidence file" in found


def test_a_merge_without_a_record_is_a_bypass(one: Repository):
    one.merge(one.propose(2))
    audit = one.audit()
    assert not audit.proven
    assert list(blocking(last(audit))) == ["record"]
    assert blocking(last(audit))["record"].startswith("bypass: ")


def test_a_record_that_another_key_signed_does_not_count(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head), OTHER_KEY)
    one.merge(head)
    change = last(one.audit())
    assert list(blocking(change)) == ["signature"]
    assert "none of the repository's keys signed it" in blocking(change)["signature"]
    assert change.sign_off is not None
    assert change.sign_off.signers == ()


def test_a_key_that_comes_with_the_same_pull_request_does_not_count(one: Repository):
    head = one.propose(2, more={"policy/keys/new.pem": public_key(OTHER_KEY)})
    one.tag(one.record(head), OTHER_KEY)
    one.merge(head)
    audit = one.audit()
    assert list(blocking(last(audit))) == ["signature"]
    assert not audit.rules[-1].proven


def test_a_key_that_was_signed_for_counts_from_the_next_merge_on(one: Repository):
    head = one.propose(2, more={"policy/keys/new.pem": public_key(OTHER_KEY)})
    one.tag(one.record(head))
    one.merge(head)
    head = one.propose(3)
    one.tag(one.record(head), OTHER_KEY)
    one.merge(head)
    audit = one.audit()
    assert audit.proven
    assert last(audit).sign_off is not None
    assert last(audit).sign_off.key == "new.pem"


def test_a_record_for_another_head_does_not_count(one: Repository):
    head = one.propose(2)
    record = one.record(head)
    other = one.commit("One more row", {f"models/{MODEL}/data/train.jsonl": "rows of x"}, ADA)
    one.tag(record)
    one.merge(other)
    found = blocking(last(one.audit()))
    assert "the record is about" in found["head"]
    assert "inputs" in found


def test_an_extra_commit_after_the_signed_head_is_found_whatever_it_changes(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head))
    one.merge(one.commit("Tidy up", {"tools/tidy.py": "print()\n"}, ADA))
    found = blocking(last(one.audit()))
    assert set(found) == {"head", "other files"}
    assert "tools/tidy.py" in found["other files"]


def test_a_merge_that_changes_what_it_merges_is_found(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head))
    one.later()
    one.git("checkout", "-q", "main")
    one.git("merge", "-q", "--no-ff", "--no-commit", head)
    one.commit("Merge", {f"models/{MODEL}/recipe.yml": "base_model: models/x/base\n"})
    found = blocking(last(one.audit()))
    assert "recipe.yml" in found["governed files"]
    assert "inputs" in found


def test_a_record_moved_to_another_head_is_found(one: Repository):
    head = one.propose(2)
    record = one.record(head)
    other = one.commit("Empty", {}, ADA)
    one.tag(record, target=other)
    one.merge(other)
    assert "the tag points at" in blocking(last(one.audit()))["head"]


def test_evidence_that_was_edited_is_found(one: Repository):
    head = one.propose(2)
    pointer = read_pointer(one.file(pointer_path(MODEL), head))
    assert pointer is not None
    path = evidence_path(MODEL, pointer.version)
    better = evidence_of(2, one.live(), share=0.99).text()
    head = one.commit("Better figures", {path: better}, ADA)
    one.tag(one.record(head))
    one.merge(head)
    found = blocking(last(one.audit()))
    assert "the pointer names sha256:" in found["evidence file"]


def test_a_release_without_its_bill_of_materials_is_not_proven(one: Repository):
    head = one.propose(2)
    pointer = read_pointer(one.file(pointer_path(MODEL), head))
    assert pointer is not None
    head = one.commit("Fewer files", {bom_path(MODEL, pointer.version): None}, ADA)
    one.tag(one.record(head))
    one.merge(head)
    assert "is missing at this commit" in blocking(last(one.audit()))["bill of materials"]


def test_a_bill_of_materials_that_says_more_than_the_evidence_is_found(one: Repository):
    head = one.propose(2)
    pointer = read_pointer(one.file(pointer_path(MODEL), head))
    assert pointer is not None
    path = bom_path(MODEL, pointer.version)
    text = one.file(path, head)
    assert text is not None
    better = text.replace('"value": "0.9"', '"value": "0.99"')
    assert better != text
    head = one.commit("Better figures", {path: better}, ADA)
    one.tag(one.record(head))
    one.merge(head)
    assert (
        "that a release of this evidence writes" in blocking(last(one.audit()))["bill of materials"]
    )


@pytest.mark.parametrize("remove", [False, True])
def test_a_card_or_evidence_edited_later_is_reported_with_its_version(
    good: Repository, remove: bool
):
    pointer = good.live()
    assert pointer is not None
    path = card_path(MODEL, pointer.version)
    good.push("Polish", {path: None if remove else "# Better\n"})
    good.push("Polish back", {path: f"# {MODEL} {pointer.version}\n"})
    audit = good.audit()
    found = blocking(last(audit))
    assert list(found) == ["edited card"]
    assert path in found["edited card"]
    said = [leaf.sentence for leaf in last(audit).finding.blocking()]
    assert ("removed" if remove else "edited") in said[0]


def test_the_card_of_a_version_that_was_rolled_back_may_go_with_it(good: Repository):
    assert good.file(card_path(MODEL, "v2-cccccccc")) is None
    assert good.audit().proven


def test_an_artifact_digest_that_was_swapped_is_found(one: Repository):
    head = one.propose(2)
    text = one.file(pointer_path(MODEL), head)
    assert text is not None
    swapped = text.replace("c" * 64, "d" * 64)
    head = one.commit("Swap", {pointer_path(MODEL): swapped}, ADA)
    one.tag(one.record(head))
    one.merge(head)
    found = blocking(last(one.audit()))
    assert "artifact differ" in found["pointer"]


def test_the_authors_own_approval_does_not_count(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head, author=GRACE))
    one.merge(head)
    assert {"role ml-lead", "owners of *"} <= blocking(last(one.audit())).keys()


def test_a_committers_approval_is_found_even_if_the_record_omits_the_committer(
    one: Repository,
):
    head = one.propose(2, more={"notes.md": "x\n"})
    one.git("checkout", "-q", "-b", "again", f"{head}~1")
    one.commit("By grace", {"notes.md": "y\n"}, GRACE)
    one.git("cherry-pick", head, user="countersign[bot]")
    head = one.head()
    one.tag(one.record(head))
    one.merge(head)
    assert list(blocking(last(one.audit()))) == ["own commits"]


@pytest.mark.parametrize(
    ("address", "account", "found"),
    [
        ("7+grace@users.noreply.github.com", 7, True),
        ("8+grace@users.noreply.github.com", 7, False),
        ("7+once-grace@users.noreply.github.com", 7, True),
        ("grace@users.noreply.github.com", 7, True),
        ("7+grace@users.noreply.github.com", 0, True),
        ("7+grace@users.noreply.evil.example", 7, False),
        ("grace@users.noreply.git.corp.example", 7, True),
    ],
)
def test_a_trailer_names_an_approver_as_github_reads_it(
    one: Repository, address: str, account: int, found: bool
):
    """By the account's number, and under this repository's server or github.com only."""
    head = one.propose(2, more={"notes.md": "x\n"})
    one.git("checkout", "-q", "-b", "again", f"{head}~1")
    one.commit(f"Words\n\nCo-authored-by: G <{address}>", {"notes.md": "y\n"}, "ada")
    one.git("cherry-pick", head, user="countersign[bot]")
    head = one.head()
    approvals = (
        one.approval(GRACE, head).model_copy(update={"account": account}),
        one.approval("omar", head, 2),
    )
    one.tag(one.record(head, reviews=approvals, server="git.corp.example"))
    one.merge(head)
    assert list(blocking(last(one.audit()))) == (["own commits"] if found else [])


def test_a_missing_role_is_found(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head, reviews=(one.approval(GRACE, head),)))
    one.merge(head)
    assert "@omar could sign" in blocking(last(one.audit()))["role operations"]


def test_an_approval_of_an_earlier_head_does_not_count(one: Repository):
    head = one.propose(2)
    early = one.approval(OMAR, one.head(f"{head}~1"))
    one.tag(one.record(head, reviews=(one.approval(GRACE, head), early)))
    one.merge(head)
    assert "role operations" in blocking(last(one.audit()))


def test_a_role_that_the_policy_then_did_not_give_is_found(one: Repository):
    head = one.propose(2)
    one.tag(
        one.record(
            head,
            roles={"ml-lead": (GRACE,), "operations": ("mallory",)},
            reviews=(one.approval(GRACE, head), one.approval("mallory", head, 2)),
            writers=(ADA, GRACE, OMAR, "mallory"),
        )
    )
    one.merge(head)
    assert "@mallory" in blocking(last(one.audit()))["holders of operations"]


def test_a_policy_loosened_by_the_same_pull_request_does_not_help_it(one: Repository):
    loose = POLICY.replace("promote: {ml-lead: 1, operations: 1}", "promote: {ml-lead: 1}")
    loose = loose.replace("min: 0.5", "min: 0.0")
    worse = evidence_of(2, one.live(), share=WORSE)
    head = one.propose(2, evidence=worse, more={"policy/policy.yml": loose})
    one.tag(one.record(head, reviews=(one.approval(GRACE, head),)))
    one.merge(head)
    found = blocking(last(one.audit()))
    assert {"min", "role operations"} <= found.keys()


def test_rules_that_changed_after_the_record_was_made_are_found(one: Repository):
    base = one.head("main")
    head = one.propose(2)
    one.tag(one.record(head))
    one.push("Other owners", {".github/CODEOWNERS": CODEOWNERS + "/docs/ @omar\n"})
    one.merge(head)
    audit = one.audit()
    assert base[:12] in blocking(last(audit))["base"]
    assert ".github/CODEOWNERS" in blocking(last(audit))["base"]
    assert not audit.rules[-1].proven
    assert audit.rules[-1].finding.sentence.startswith("direct push: ")


def test_other_commits_in_between_change_nothing(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head))
    one.push("Readme", {"README.md": "More models.\n"})
    one.merge(head)
    audit = one.audit()
    assert audit.proven, blocking(last(audit))


def test_a_base_that_is_not_on_the_branch_is_found(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head).model_copy(update={"base": one.head(f"{head}~1")}))
    one.merge(head)
    assert "not a commit of this branch" in blocking(last(one.audit()))["base"]


def test_a_change_of_the_rules_is_proven_by_its_own_record(one: Repository):
    one.later()
    one.pulls += 1
    one.git("checkout", "-q", "-b", "rules", "main")
    head = one.commit("Owners", {".github/CODEOWNERS": CODEOWNERS + "/docs/ @omar\n"}, ADA)
    one.tag(one.record(head, models=()))
    one.merge(head)
    audit = one.audit()
    assert audit.proven, audit.rules[-1].finding.blocking()


def test_a_change_of_the_rules_without_enough_signatures_is_found(one: Repository):
    one.later()
    one.pulls += 1
    one.git("checkout", "-q", "-b", "rules", "main")
    head = one.commit("Owners", {".github/CODEOWNERS": CODEOWNERS + "/docs/ @omar\n"}, ADA)
    one.tag(one.record(head, models=(), reviews=(one.approval(GRACE, head),)))
    one.merge(head)
    (missing,) = one.audit().rules[-1].finding.blocking()
    assert missing.name == "role operations"


def worse_than_the_gate(
    folder: Path, gate: str, rules: str = WITH_OVERRIDES, **more: object
) -> Repository:
    """A version below its bar, and an override of the named gate."""
    repository = Repository(folder, rules=rules)
    repository.ship(1)
    worse = evidence_of(2, repository.live(), share=WORSE)
    head = repository.propose(2, evidence=worse)
    facts = {
        "model": MODEL,
        "gate": gate,
        "evidence": worse.digest(),
        "user": GRACE,
        "role": "ml-lead",
        "reason": "the old one leaks names <script>",
        "comment": 1,
        "stated": repository.now,
    }
    override = Override(**{**facts, **more})
    repository.tag(repository.record(head, overrides=(override,)))
    repository.merge(head)
    return repository


def test_an_override_waives_its_gate_and_is_shown(tmp_path: Path):
    audit = worse_than_the_gate(tmp_path, "measurement").audit()
    change = last(audit)
    assert audit.proven, blocking(change)
    assert named(named(change.finding, "exact_match"), "min").outcome is Outcome.WAIVED
    (override,) = change.forced
    assert (override.user, override.gate) == (GRACE, "measurement")
    assert "forced by @grace as ml-lead" in named(change.finding, "overrides").parts[0].sentence


def test_an_override_by_a_person_who_did_not_review_counts_if_the_policy_names_them(
    tmp_path: Path,
):
    rules = WITH_OVERRIDES.replace("users: [grace]", "users: [grace, ken]")
    assert (
        worse_than_the_gate(tmp_path / "a", "measurement", rules=rules, user="ken").audit().proven
    )
    teams = WITH_OVERRIDES.replace("users: [grace]", "users: [grace], teams: [acme/leads]")
    assert (
        worse_than_the_gate(tmp_path / "b", "measurement", rules=teams, user="ken").audit().proven
    )
    assert not worse_than_the_gate(tmp_path / "c", "measurement", user="ken").audit().proven


@pytest.mark.parametrize(
    ("gate", "more", "why"),
    [
        ("training", {}, "does not allow forcing this gate"),
        ("measurement", {"user": OMAR}, "does not hold the role"),
        ("measurement", {"role": "operations", "user": OMAR}, "does not hold the role"),
        ("measurement", {"user": ADA}, "does not hold the role"),
        ("measurement", {"evidence": "sha256:" + "0" * 64}, "other evidence"),
    ],
)
def test_an_override_that_the_policy_does_not_allow_waives_nothing(
    tmp_path: Path, gate: str, more: dict[str, str], why: str
):
    found = blocking(last(worse_than_the_gate(tmp_path, gate, **more).audit()))
    assert why in found[f"override of {gate}"]
    assert "min" in found


def test_a_deleted_tag_leaves_its_change_unproven(good: Repository):
    sign_off = last(good.audit()).sign_off
    assert sign_off is not None
    good.git("tag", "-d", sign_off.tag)
    audit = good.audit()
    assert [change.proven for change in changes(audit)] == [True, True, True, False]
    assert blocking(last(audit))["record"].startswith("bypass: ")


def test_a_clone_without_tags_says_how_to_get_them(one: Repository):
    one.git("tag", "-d", *one.git("tag", "-l").split())
    assert "git fetch --tags" in blocking(last(one.audit()))["record"]


@pytest.mark.parametrize("change", ["title", "signature", "cut"])
def test_a_changed_byte_in_a_tags_message_leaves_its_change_unproven(one: Repository, change: str):
    head = one.propose(2)
    record = one.record(head)
    name = one.tag(record)
    envelope = json.loads(one.git("cat-file", "tag", name).partition("\n\n")[2])
    if change == "title":
        other = record.model_copy(update={"title": "Less tickets"})
        import base64

        envelope["payload"] = base64.b64encode(other.payload()).decode()
    elif change == "signature":
        signature = envelope["signatures"][0]["sig"]
        envelope["signatures"][0]["sig"] = ("A" if signature[0] != "A" else "B") + signature[1:]
    text = json.dumps(envelope)
    one.write_tag(name, head, text[:-9] if change == "cut" else text)
    one.merge(head)
    audit = one.audit()
    found = blocking(last(audit))
    assert list(found) == (["record"] if change == "cut" else ["signature"])
    if change == "cut":
        assert "have no readable record" in found["record"]
        assert audit.unreadable[0][0] == name


def test_a_recovery_that_is_not_in_the_record_is_missing(good: Repository, tmp_path: Path):
    repository = Repository(tmp_path / "other")
    repository.ship(1)
    second = repository.ship(2)
    head = repository.revert(second)
    repository.tag(repository.record(head, "rollback", recovery={}))
    repository.merge(head)
    found = blocking(last(repository.audit()))
    assert set(found) == {"recovery", "judged evidence"}


def test_a_version_that_was_rolled_back_is_quarantined(one: Repository):
    second = one.ship(2)
    one.roll_back(second)
    head = one.propose(2)
    one.tag(one.record(head))
    one.merge(head)
    assert "rolled back before" in blocking(last(one.audit()))["quarantine"]


def test_data_that_changed_without_a_version_is_found_on_the_last_commit(good: Repository):
    good.push("More rows", {f"models/{MODEL}/data/train.jsonl": "other rows"})
    audit = good.audit()
    (model,) = audit.models
    assert all(change.proven for change in model.changes)
    assert not audit.proven
    assert {leaf.name for leaf in model.tip.blocking()} == {"inputs", "commits"}


def test_a_record_for_another_branch_or_repository_does_not_count(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head, branch="sandbox", repository="mallory/models"))
    one.merge(head)
    found = blocking(last(one.audit()))
    assert found["branch"] == "signed for the branch sandbox, not for main"
    assert found["repository"] == "signed for the repository mallory/models, not for acme/models"
    audit = one.audit("mallory/models")
    assert [change.proven for change in changes(audit)] == [False, False]


def test_a_promotion_outside_the_calendar_then_in_force_is_found(tmp_path: Path):
    calendar = "calendar: {freezes: [{first: 2026-01-08, last: 2026-01-08, reason: audit}]}\n"
    repository = Repository(tmp_path, rules=POLICY + calendar)
    repository.ship(1)
    repository.ship(2)
    audit = repository.audit()
    assert changes(audit)[0].proven
    assert not changes(audit)[1].proven
    assert named(last(audit).finding, "calendar").outcome is not Outcome.PASSED


def test_several_records_of_one_head_the_one_that_proves_counts(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head, reviews=(one.approval(GRACE, head),)))
    one.tag(one.record(head))
    one.merge(head)
    assert one.audit().proven


def test_a_record_speaks_for_one_commit_only(one: Repository):
    """The same files twice; nobody signed the second time."""
    (change,) = changes(one.audit())
    head, files = change.commit.parents[1], [pointer_path(MODEL)]
    text = one.file(files[0])
    one.push("Remove", {files[0]: None})
    one.push("Put back", {files[0]: text}, GRACE)
    audit = one.audit()
    assert [c.proven for c in changes(audit)] == [True, False, False]
    found = blocking(last(audit))
    assert found["quarantine"]
    assert one.head(head)


def test_two_pull_requests_in_one_commit_of_a_queue_are_proven(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head))
    one.git("checkout", "-q", "-b", "docs", "main")
    other = one.commit("Docs", {"docs/note.md": "x\n"}, ADA)
    one.git("checkout", "-q", "-b", "queue", "main")
    one.git("merge", "-q", "--no-ff", "-m", "queued", other)
    one.git("merge", "-q", "--no-ff", "-m", "queued", head)
    one.merge("queue")
    audit = one.audit()
    assert audit.proven, blocking(last(audit))


def test_a_merge_that_imitates_a_queue_is_found(one: Repository):
    """With one plain commit on top of the queue's merge, it is no longer a queue's commit."""
    head = one.propose(2)
    one.tag(one.record(head))
    one.git("checkout", "-q", "-b", "queue", "main")
    one.git("merge", "-q", "--no-ff", "-m", "queued", head)
    one.commit("Nobody signed this", {"serve.py": "import os\n"}, ADA)
    one.merge("queue")
    assert "head" in blocking(last(one.audit()))


def test_a_rebase_merge_is_proven(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head))
    one.push("Meanwhile", {"README.md": "More models.\n"})
    one.later()
    one.git("cherry-pick", f"{head}~1", head, user="countersign[bot]")
    audit = one.audit()
    assert audit.proven, blocking(last(audit))


def test_a_head_that_was_pushed_straight_to_the_branch_is_held_against_its_whole_diff(
    one: Repository,
):
    """Its own first commits are on the branch before it, and still need their owners."""
    head = one.propose(2, more={".github/workflows/finetune.yml": "on: push\n"})
    one.tag(one.record(head, reviews=(one.approval(OMAR, head),), roles={"ml-lead": (GRACE,)}))
    one.git("checkout", "-q", "main")
    one.git("merge", "-q", "--ff-only", head)
    audit = one.audit()
    found = blocking(last(audit))
    assert {"owners of *", "role ml-lead"} <= found.keys()
    assert not audit.rules[-1].proven


def test_a_model_folder_that_became_a_link_is_found(one: Repository):
    """A link in place of the folder removes the pointer, whatever the link points at."""
    one.git("checkout", "-q", "main")
    one.git("mv", f"models/{MODEL}", "models/elsewhere")
    (one.folder / "models" / MODEL).symlink_to("elsewhere")
    one.later()
    one.git("add", "--all")
    one.git("commit", "-q", "-m", "Move")
    audit = one.audit()
    assert [change.proven for change in changes(audit)] == [False, True, False]
    assert [model.live for model in audit.models] == ["v1-11111111", None]


def test_a_policy_that_cannot_be_read_proves_nothing(one: Repository):
    one.push("Break the policy", {"policy/policy.yml": "version: 2\n"})
    one.ship(2)
    found = blocking(last(one.audit()))
    assert "policy/policy.yml" in found["verdict"]
