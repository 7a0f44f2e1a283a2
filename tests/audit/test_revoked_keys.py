"""A revoked key proves nothing after the last commit that its revocation trusts."""

from __future__ import annotations

from countersign_ml.attestation import fingerprint, public_key
from tests.audit.audit_builders import KEY, OTHER_KEY, Repository, blocking, changes, last

LIST = "policy/keys/revoked.yml"


def listed(key: str, after: str) -> str:
    return (
        f"revoked:\n  - sha256: {fingerprint(public_key(key))}\n    after: {after}\n"
        "    reason: the key was on a laptop that was stolen\n"
    )


def rotated(one: Repository) -> str:
    """Bring in the other key with a signed version; return that merge."""
    head = one.propose(2, more={"policy/keys/new.pem": public_key(OTHER_KEY)})
    one.tag(one.record(head))
    merge = one.merge(head)
    one.key = OTHER_KEY
    return merge


def test_a_record_signed_by_a_revoked_key_after_the_revocation_is_disproved(one: Repository):
    merge = rotated(one)
    head = one.propose(3, more={LIST: listed(KEY, merge)})
    one.tag(one.record(head))
    one.merge(head)
    assert one.audit().proven
    head = one.propose(4)
    one.tag(one.record(head), KEY)
    one.merge(head)
    assert not one.audit().proven
    assert "revoked: bot.pem" in blocking(last(one.audit()))["signature"]


def test_what_a_thief_signed_before_the_theft_was_noticed_is_disproved(one: Repository):
    """Backdating does not help: the revocation names a commit, not a time."""
    merge = rotated(one)
    head = one.propose(3)
    one.tag(one.record(head, at="2026-01-01T00:00:00Z"), KEY)
    one.merge(head)
    assert one.audit().proven
    head = one.propose(4, more={LIST: listed(KEY, merge)})
    one.tag(one.record(head))
    one.merge(head)
    proven = [change.proven for change in changes(one.audit())]
    assert proven == [True, True, False, True]


def test_old_records_stay_proven_after_rotation_and_revocation(one: Repository):
    merge = rotated(one)
    head = one.propose(3, more={LIST: listed(KEY, merge), "policy/keys/bot.pem": ""})
    one.tag(one.record(head))
    one.merge(head)
    assert [change.proven for change in changes(one.audit())] == [True, True, True]


def test_a_revoked_key_that_is_added_again_proves_nothing(one: Repository):
    merge = rotated(one)
    head = one.propose(3, more={LIST: listed(KEY, merge), "policy/keys/bot.pem": ""})
    one.tag(one.record(head))
    one.merge(head)
    head = one.propose(4, more={"policy/keys/again.pem": "\n" + public_key(KEY)})
    one.tag(one.record(head))
    one.merge(head)
    head = one.propose(5)
    one.tag(one.record(head), KEY)
    one.merge(head)
    assert "revoked: again.pem" in blocking(last(one.audit()))["signature"]


def test_a_list_that_cannot_be_read_leaves_no_key_in_force(one: Repository):
    one.push("Break the list", {LIST: "revoked: 7\n"})
    assert [change.proven for change in changes(one.audit())] == [False]
    assert "revoked: bot.pem" in blocking(changes(one.audit())[0])["signature"]


def test_a_revoked_key_does_not_take_its_revocation_back(one: Repository):
    merge = rotated(one)
    head = one.propose(3, more={LIST: listed(KEY, merge)})
    one.tag(one.record(head))
    one.merge(head)
    one.later()
    one.pulls += 1
    one.git("checkout", "-q", "-b", f"pull-{one.pulls}", "main")
    head = one.commit("No revocation", {LIST: None}, "ada")
    one.tag(one.record(head, models=()), KEY)
    one.merge(head)
    assert not one.audit().proven, "a stolen key signed the removal"
    head = one.propose(4)
    one.tag(one.record(head), KEY)
    one.merge(head)
    assert "signature" in blocking(last(one.audit()))
