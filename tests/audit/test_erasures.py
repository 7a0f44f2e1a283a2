"""Bytes may go, and the audit stays provable: digests remain, and a signed record says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from countersign_ml.audit.audit_command import main, read, with_registry
from countersign_ml.audit.erase_command import erase
from countersign_ml.audit.judging.audit_judge import judge_history
from countersign_ml.audit.judging.audit_result import Audit
from countersign_ml.registry.store import Registry
from policy.errors import UserError
from policy.facts.pointer_history import read_pointer
from policy.files.erasures import read_erasures
from policy.governed import ERASED, is_rule, pointer_path
from policy.verdict import Outcome
from tests.audit.audit_builders import ADA, GRACE, MODEL, OTHER_KEY, Repository

REASON = "a customer withdrew consent for rows of this version"


class Store:
    """A registry with one file for each digest; the digests of the builders are made up."""

    def __init__(self, folder: Path) -> None:
        self.url = str(folder)
        self.folder = folder

    def path(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self.folder / "sha256" / name[:2] / name

    def put(self, *digests: str) -> None:
        for digest in digests:
            self.path(digest).parent.mkdir(parents=True, exist_ok=True)
            self.path(digest).write_bytes(b"a model")


def listing(*digests: str, reason: str = REASON) -> str:
    named = "".join(f"      - {digest}\n" for digest in digests)
    return f"erased:\n  - reason: {reason}\n    digests:\n{named}"


def file_of(repository: Repository, commit: str) -> str:
    pointer = read_pointer(repository.file(pointer_path(MODEL), commit))
    assert pointer is not None
    return pointer.artifact.digest


def proposed(repository: Repository, text: str | None) -> str:
    """Open a branch that changes the list; return its head."""
    repository.pulls += 1
    repository.later()
    repository.git("checkout", "-q", "-b", f"pull-{repository.pulls}", "main")
    return repository.commit("Erase a version", {ERASED: text}, ADA)


def signed(repository: Repository, text: str | None) -> str:
    """Merge a change of the list with a record; return the record's tag."""
    head = proposed(repository, text)
    tag = repository.tag(repository.record(head, models=()))
    repository.merge(head)
    return tag


def audited(repository: Repository, store: Store) -> Audit:
    return judge_history(with_registry(read(repository.folder, "main"), store.url))


def sentences(audit: Audit) -> dict[str, tuple[Outcome, str]]:
    """Return what the audit says of each version's file."""
    (model,) = audit.models
    (files,) = [part for part in model.tip.parts if part.name == "files in the registry"]
    return {part.name: (part.outcome, part.sentence) for part in files.parts}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "registry")


@pytest.fixture
def two(one: Repository, store: Store) -> Repository:
    """v1, then v2 live; both files are stored."""
    one.ship(2)
    store.put(*(file_of(one, change.commit.id) for change in one.audit().changes))
    return one


def old_file(two: Repository) -> str:
    return file_of(two, two.audit().changes[0].commit.id)


def test_stored_files_are_proven_and_without_the_option_nobody_asks(two: Repository, store: Store):
    audit = audited(two, store)
    assert audit.proven
    assert {outcome for outcome, _ in sentences(audit).values()} == {Outcome.PASSED}
    assert "registry" not in two.audit().text()


def test_bytes_that_are_missing_without_a_record_fail(two: Repository, store: Store):
    store.path(old_file(two)).unlink()
    audit = audited(two, store)
    assert not audit.proven
    outcome, sentence = sentences(audit)["v1-11111111"]
    assert outcome is Outcome.FAILED
    assert "no signed record says that it was erased" in sentence


def test_bytes_that_a_record_erased_pass_and_the_audit_says_who_when_and_why(
    two: Repository, store: Store
):
    old = old_file(two)
    tag = signed(two, listing(old))
    assert erase(["--repository", str(two.folder), "--registry", store.url, "--yes"]) == 0
    assert not Registry(store.url).exists(old)
    audit = audited(two, store)
    assert audit.proven
    _, sentence = sentences(audit)["v1-11111111"]
    assert f"{old} was erased, by record {tag}" in sentence
    assert "grace, omar" in sentence
    assert REASON in sentence


def test_an_entry_pushed_without_a_record_erases_nothing(two: Repository, store: Store):
    old = old_file(two)
    two.push("Erase", {ERASED: listing(old)})
    with pytest.raises(UserError, match="no valid record proves"):
        erase(["--repository", str(two.folder), "--registry", store.url, "--yes"])
    assert Registry(store.url).exists(old)
    store.path(old).unlink()
    audit = audited(two, store)
    assert sentences(audit)["v1-11111111"][0] is Outcome.FAILED


def test_an_entry_pushed_before_a_signed_change_of_the_list_is_not_signed_with_it(
    two: Repository, store: Store
):
    old, other = old_file(two), "sha256:" + "9" * 64
    two.push("Erase", {ERASED: listing(old)})
    signed(two, listing(old, other))
    with pytest.raises(UserError, match=f"no valid record proves that {old}"):
        erase(["--repository", str(two.folder), "--registry", store.url, "--yes"])
    assert Registry(store.url).exists(old)


@pytest.mark.parametrize("weak", ["one signer", "foreign key", "unread"])
def test_an_entry_whose_record_does_not_hold_erases_nothing(
    two: Repository, store: Store, weak: str
):
    old = old_file(two)
    head = proposed(two, "erased: [" if weak == "unread" else listing(old))
    reviews = {"reviews": ()} if weak == "one signer" else {}
    key = OTHER_KEY if weak == "foreign key" else None
    two.tag(two.record(head, models=(), **reviews), key)
    two.merge(head)
    with pytest.raises(UserError):
        erase(["--repository", str(two.folder), "--registry", store.url, "--yes"])
    assert Registry(store.url).exists(old)
    store.path(old).unlink()
    assert sentences(audited(two, store))["v1-11111111"][0] is Outcome.FAILED


def test_a_live_version_is_not_erased(two: Repository, store: Store):
    live = two.live()
    assert live is not None
    signed(two, listing(old_file(two), live.artifact.digest))
    with pytest.raises(UserError, match=f"is live in {MODEL}"):
        erase(["--repository", str(two.folder), "--registry", store.url, "--yes"])
    assert Registry(store.url).exists(old_file(two))


def test_without_yes_nothing_is_deleted(
    two: Repository, store: Store, capsys: pytest.CaptureFixture[str]
):
    signed(two, listing(old_file(two)))
    words = ["--repository", str(two.folder), "--registry", store.url]
    assert erase(words) == 0
    assert "would be erased; add --yes" in capsys.readouterr().out
    assert Registry(store.url).exists(old_file(two))
    assert erase([*words, "--yes"]) == 0
    assert erase([*words, "--yes"]) == 0
    assert "was not stored" in capsys.readouterr().out


def test_an_entry_that_is_removed_excuses_nothing_any_more(two: Repository, store: Store):
    old = old_file(two)
    signed(two, listing(old))
    erase(["--repository", str(two.folder), "--registry", store.url, "--yes"])
    signed(two, None)
    assert sentences(audited(two, store))["v1-11111111"][0] is Outcome.FAILED


def test_a_file_that_is_listed_but_still_stored_is_reported(two: Repository, store: Store):
    signed(two, listing(old_file(two)))
    outcome, sentence = sentences(audited(two, store))["v1-11111111"]
    assert outcome is Outcome.FAILED
    assert "is still stored" in sentence


def test_an_erasure_changes_nothing_else_that_the_audit_says(two: Repository, store: Store):
    before = [change.as_json() for change in two.audit().changes]
    signed(two, listing(old_file(two)))
    erase(["--repository", str(two.folder), "--registry", store.url, "--yes"])
    assert [change.as_json() for change in two.audit().changes] == before
    assert two.audit().proven


def test_the_command_asks_the_registry(
    two: Repository, store: Store, capsysbinary: pytest.CaptureFixture[bytes]
):
    words = ["--repository", str(two.folder), "--registry", store.url]
    assert main(words) == 0
    store.path(old_file(two)).unlink()
    assert main([*words, "--format", "json"]) == 1
    report = capsysbinary.readouterr().out.decode().splitlines()[-1]
    assert json.loads(report)["proven"] is False


def test_the_list_is_a_rule_in_upper_and_lower_case():
    assert is_rule("policy/erased.yml")
    assert is_rule("Policy/Erased.YML")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("erased: []\n", "at least 1"),
        (listing("sha256:1234"), "pattern"),
        (listing("sha256:" + "1" * 64, reason="because"), "at least 10"),
        (listing("sha256:" + "1" * 64) + "    by: ada\n", "by"),
    ],
)
def test_a_list_says_what_is_wrong_with_it(text: str, problem: str):
    with pytest.raises(UserError, match=problem):
        read_erasures(text)


def test_the_first_entry_for_a_digest_gives_the_reason():
    digest = "sha256:" + "1" * 64
    second = listing(digest, reason="another reason for it").removeprefix("erased:\n")
    assert read_erasures(listing(digest) + second) == {digest: REASON}
    assert read_erasures(None) == {}


def test_a_reviewer_who_signed_is_named_with_the_record(two: Repository, store: Store):
    tag = signed(two, listing(old_file(two)))
    (rule,) = [rule for rule in two.audit().rules if ERASED in rule.paths]
    assert rule.sign_off is not None
    assert rule.sign_off.tag == tag
    assert GRACE in {signer.login for signer in rule.sign_off.signers}
