"""Which pointers a record covers. The histories are those of the audit's tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from countersign_ml import git as git_calls
from countersign_ml.attestation import Covered, NotCoveredError, cover, fingerprint, public_key
from policy.governed import pointer_path
from policy.people.sign_off_record import model_tags
from tests.audit.audit_builders import KEY, MODEL, OTHER_KEY, Repository

REASON = "the key was on a laptop that was stolen"


@pytest.fixture
def one(tmp_path: Path) -> Repository:
    """v1 is live, signed off and signed."""
    repository = Repository(tmp_path / "models")
    repository.ship(1)
    return repository


def covered(repository: Repository, pinned: Mapping[str, str] | None = None) -> Covered:
    pointer = repository.live()
    assert pointer is not None

    def run(*words: str) -> git_calls.Answer:
        return git_calls.git(repository.folder, *words)

    return cover(run, repository.head("main"), pointer, pinned=pinned)


def refused(repository: Repository, because: str) -> bool:
    with pytest.raises(NotCoveredError, match=because):
        covered(repository)
    return True


def revoke(repository: Repository, key: str, after: str) -> None:
    text = f"revoked:\n  - sha256: {fingerprint(public_key(key))}\n    after: {after}\n"
    repository.push("Revoke", {"policy/keys/revoked.yml": f"{text}    reason: {REASON}\n"})


def test_a_version_that_was_signed_off_is_covered_after_merge_squash_and_rollback(one: Repository):
    assert covered(one).key == "policy/keys/bot.pem"
    head = one.propose(2)
    one.tag(one.record(head))
    second = one.squash(head)
    assert covered(one).tag.startswith("countersign/pull-2/")
    head = one.propose(3)
    one.tag(one.record(head))
    third = one.merge(head)
    one.roll_back(third)
    assert covered(one).tag.startswith("countersign/pull-4/")
    one.push("Unrelated", {"README.md": "more\n"})
    assert covered(one).tag.startswith("countersign/pull-4/")
    assert second


def test_a_merge_without_a_record_is_not_covered(one: Repository):
    one.merge(one.propose(2))
    assert refused(one, "no valid sign-off record names it")


def test_a_record_by_another_key_or_one_that_came_with_the_version_does_not_count(one: Repository):
    head = one.propose(2, more={"policy/keys/new.pem": public_key(OTHER_KEY)})
    one.tag(one.record(head), OTHER_KEY)
    one.merge(head)
    assert refused(one, "none of the repository's keys signed it")


def test_an_old_record_does_not_cover_the_same_move_again(one: Repository):
    """Somebody pushes the version that was rolled back; its record names exactly this move."""
    head = one.propose(2)
    one.tag(one.record(head))
    second = one.merge(head)
    pointer = one.file(pointer_path(MODEL), second)
    one.roll_back(second)
    one.push("Once more", {pointer_path(MODEL): pointer})
    assert refused(one, "the pointer moved since")


def test_a_pointer_that_was_put_back_by_a_push_is_not_covered(one: Repository):
    first = one.file(pointer_path(MODEL))
    one.ship(2)
    one.push("Back", {pointer_path(MODEL): first})
    assert refused(one, "no valid sign-off record names it")


def test_without_a_model_signature_it_is_not_covered(one: Repository):
    pointer = one.live()
    assert pointer is not None
    for tag in one.git("tag", "--list", "countersign-model/*").split():
        one.git("tag", "-d", tag)
    assert refused(one, "no model signature below countersign-model/")
    one.tag_model(pointer.artifact.digest, OTHER_KEY)
    assert refused(one, "none of the repository's keys signed it")
    name = model_tags(MODEL, pointer.artifact.digest) + "x"
    one.write_tag(name, one.head(), "not a bundle")
    assert refused(one, "not a model signature")


def test_a_record_on_another_commit_than_it_names_does_not_count(one: Repository):
    head = one.propose(2)
    one.tag(one.record(head), target=one.head("main"))
    one.merge(head)
    assert refused(one, "its record is about")


def test_after_a_rotation_old_and_new_versions_are_covered(one: Repository):
    """The old key leaves with the next version: the record of each counts by the key of its time.

    A rollback signs the old file again, with the new key.
    """
    head = one.propose(2, more={"policy/keys/new.pem": public_key(OTHER_KEY)})
    one.tag(one.record(head))
    one.merge(head)
    one.push("Remove the old key", {"policy/keys/bot.pem": None})
    assert covered(one).key == "policy/keys/bot.pem"
    one.key = OTHER_KEY
    third = one.ship(3)
    assert covered(one).key == "policy/keys/new.pem"
    one.roll_back(third)
    assert covered(one).key == "policy/keys/new.pem"


def test_a_revoked_key_covers_what_it_signed_before_and_nothing_after(one: Repository):
    good = one.head("main")
    revoke(one, KEY, good)
    assert covered(one).key == "policy/keys/bot.pem"
    one.ship(2)
    assert refused(one, "no key was in force")


def test_a_revocation_reaches_back_to_the_commit_that_it_names(one: Repository):
    """The theft is found later: what was merged since the last good commit is not covered."""
    good = one.head("main")
    one.ship(2)
    assert covered(one)
    revoke(one, KEY, good)
    assert refused(one, "no key was in force")


def test_a_revoked_key_that_is_added_again_under_another_name_stays_revoked(one: Repository):
    revoke(one, KEY, one.head("main"))
    pem = public_key(KEY).replace("\n", "\r\n")
    one.push("Again", {"policy/keys/again.pem": pem, "policy/keys/bot.pem": None})
    one.ship(2)
    assert refused(one, "no key was in force")


@pytest.mark.parametrize(
    "text", ["", "revoked: []\n", "revoked: 7\n", "revoked:\n  - sha256: abc\n"]
)
def test_a_list_of_revoked_keys_that_cannot_be_read_covers_nothing(one: Repository, text: str):
    one.push("Broken", {"policy/keys/revoked.yml": text})
    assert refused(one, "policy/keys/revoked.yml")


def test_a_revocation_after_a_commit_that_is_not_on_the_branch_revokes_everything(one: Repository):
    revoke(one, KEY, "f" * 40)
    assert refused(one, "no key was in force")


def test_pinned_keys_replace_those_of_the_repository(one: Repository):
    assert covered(one, {"mine.pem": public_key(KEY)}).key == "mine.pem"
    with pytest.raises(NotCoveredError, match="none of the repository's keys signed it"):
        covered(one, {"mine.pem": public_key(OTHER_KEY)})
    revoke(one, KEY, one.founding)
    with pytest.raises(NotCoveredError, match="no key was in force"):
        covered(one, {"mine.pem": public_key(KEY)})
