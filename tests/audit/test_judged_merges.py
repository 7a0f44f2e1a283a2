"""What the bot said about a merge after it counts, and nobody can say it for the bot."""

from __future__ import annotations

from typing import Literal

from countersign_ml.attestation import sign
from policy.people.merge_record import MERGED_TAGS, MergeRecord
from tests.audit.audit_builders import KEY, OTHER_KEY, Repository, blocking, changes, last, named

NAME = "judged after the merge"
OBJECTION = "linus asked for changes"


def merged(
    repository: Repository,
    commit: str,
    outcome: Literal["passed", "failed"],
    key: str = KEY,
    about: str = "",
) -> None:
    reasons = (OBJECTION,) if outcome == "failed" else ()
    record = MergeRecord(
        repository="acme/models",
        pull=1,
        head=repository.head(f"{commit}^2"),
        commit=about or commit,
        outcome=outcome,
        reasons=reasons,
        at=repository.now,
    )
    repository.write_tag(MERGED_TAGS + commit, commit, sign(record.payload(), key))


def test_a_signed_head_that_was_merged_against_an_objection_is_disproved(one: Repository):
    commit = one.ship(2)
    assert one.audit().proven
    merged(one, commit, "failed")
    audit = one.audit()
    assert not audit.proven
    assert OBJECTION in blocking(last(audit))[NAME]
    assert blocking(changes(audit)[0]) == {}, "the version before is as proven as it was"


def test_a_merge_that_held_is_said_to(one: Repository):
    merged(one, one.ship(2), "passed")
    audit = one.audit()
    assert audit.proven
    assert "allowed by the facts of that moment" in named(last(audit).finding, NAME).sentence


def test_a_tag_that_hides_the_genuine_record_is_found(one: Repository):
    commit = one.ship(2)
    merged(one, commit, "passed", OTHER_KEY)
    assert "delete this tag" in blocking(last(one.audit()))[NAME]


def test_a_record_about_another_merge_is_found(one: Repository):
    first = one.head("main")
    merged(one, one.ship(2), "passed", about=first)
    assert first in blocking(last(one.audit()))[NAME]


def test_a_tag_without_a_message_is_found(one: Repository):
    commit = one.ship(2)
    one.git("tag", MERGED_TAGS + commit, commit)
    assert NAME in blocking(last(one.audit()))


def test_a_change_of_the_rules_merged_against_an_objection_is_disproved(one: Repository):
    one.later()
    one.pulls += 1
    one.git("checkout", "-q", "-b", f"pull-{one.pulls}", "main")
    policy = (one.file("policy/policy.yml") or "") + "# more\n"
    head = one.commit("Words", {"policy/policy.yml": policy}, "ada")
    one.tag(one.record(head, models=()))
    commit = one.merge(head)
    assert one.audit().proven
    merged(one, commit, "failed")
    assert not one.audit().proven


def foxtrot(repository: Repository, fork: str, tree: str) -> str:
    """Move main to a merge whose first parent is a commit off `fork`, its second main's tip."""
    page = repository.git("commit-tree", f"{fork}^{{tree}}", "-p", fork, "-m", "A page")
    tip = repository.head("main")
    made = repository.git("commit-tree", f"{tree}^{{tree}}", "-p", page, "-p", tip, "-m", "Merge")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--ff-only", made)
    return made


def test_a_merge_that_leaves_the_first_parent_line_is_missed(one: Repository):
    """A fast-forward whose first parent is not the branch's old end hides two merges."""
    before = one.head("main")
    second = one.ship(2)
    merged(one, second, "passed")
    back = one.roll_back(second)
    merged(one, back, "passed")
    assert one.audit().proven
    foxtrot(one, before, before)
    audit = one.audit()
    assert not audit.proven
    assert {tag for tag, _ in audit.lost} == {MERGED_TAGS + second, MERGED_TAGS + back}


def test_a_planted_record_of_a_merge_elsewhere_changes_nothing(one: Repository):
    first = one.ship(2)
    one.git("checkout", "-q", "-b", "elsewhere", first)
    head = one.commit("Elsewhere", {"docs/x.md": "x\n"})
    one.git("checkout", "-q", "-b", "other", first)
    commit = one.git("commit-tree", f"{head}^{{tree}}", "-p", first, "-p", head, "-m", "Merge")
    merged(one, commit, "passed", OTHER_KEY)
    assert one.audit().proven


def test_a_tag_that_leaves_no_room_for_records_is_named(one: Repository):
    one.ship(2)
    one.git("tag", MERGED_TAGS.removesuffix("/"), "main")
    audit = one.audit()
    assert not audit.proven
    assert "leaves no room" in audit.lost[0][1]


def test_a_card_that_a_push_adds_to_a_released_version_is_found(one: Repository):
    one.ship(2)
    version = one.live().version  # type: ignore[union-attr] # it was shipped just now
    one.push("A chart", {f"model_cards/support-triage/{version}.loss.svg": "<svg/>\n"})
    assert not one.audit().proven


def test_a_card_of_a_version_that_was_rolled_back_does_not_return(one: Repository):
    second = one.ship(2)
    version = one.live().version  # type: ignore[union-attr]
    one.roll_back(second)
    assert one.audit().proven
    one.push("A card", {f"model_cards/support-triage/{version}.md": "Other words.\n"})
    assert not one.audit().proven
