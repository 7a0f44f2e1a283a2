"""Whether a pointer on a branch is covered: by a sign-off record, and by its file's signature.

It asks git alone, so a server and an auditor get the same answer from the same clone. The audit
judges much more: whether the record's facts satisfy the policy of that day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from countersign_ml.attestation.envelope import EnvelopeError, verify
from countersign_ml.attestation.keys import without
from countersign_ml.attestation.model_signature import verify_model
from countersign_ml.git import Answer
from policy.errors import UserError
from policy.facts.pointer import Pointer
from policy.facts.statement import read_statement
from policy.governed import KEYS, pointer_path
from policy.people.revoked_keys import REVOKED_KEYS, RevokedKey, read_revoked
from policy.people.sign_off_record import (
    MODEL_TAGS,
    SIGN_OFF_TYPE,
    TAGS,
    SignOffRecord,
    model_tags,
)

Git = Callable[..., Answer]
"""Runs git with these words in the clone."""


class NotCoveredError(Exception):
    """No valid record covers the pointer; says why."""


@dataclass(frozen=True)
class Covered:
    """What covers a pointer: the record's tag, and the key that signed it."""

    tag: str
    key: str


@dataclass(frozen=True)
class _Move:
    """The commit of the branch that wrote the pointer, the commit before, and both blobs."""

    commit: str
    parent: str
    before: str | None
    after: str


def cover(
    git: Git, tip: str, pointer: Pointer, *, pinned: Mapping[str, str] | None = None
) -> Covered:
    """Return what covers the pointer that `tip` has; NotCoveredError if nothing does.

    Keys are those that `policy/keys` had before the commit that wrote the pointer, or `pinned` ones
    (name to PEM text) instead. Revoked keys are read at `tip`. The clone needs the branch's whole
    history and the bot's tags.
    """
    path = pointer_path(pointer.model)
    move = _last_move(git, tip, path)
    keys = _keys(git, tip, move) if pinned is None else _unrevoked(git, tip, move, pinned)
    if not keys:
        raise NotCoveredError(f"no key was in force in {KEYS} at {move.parent[:12]}")
    problems = []
    for tag, target, message in _tags(git, TAGS):
        try:
            payload, key = verify(message, SIGN_OFF_TYPE, keys)
            record = read_statement(SignOffRecord, payload, tag)
        except (EnvelopeError, UserError) as error:
            problems.append(f"{tag}: {error}")
            continue
        if not _claims(record, pointer, move):
            continue
        problem = _misplaced(git, record, target, move, path)
        if problem:
            problems.append(f"{tag}: {problem}")
            continue
        _require_signature(git, pointer, keys)
        return Covered(tag, key)
    raise NotCoveredError("; ".join(["no valid sign-off record names it", *problems[:3]]))


def _last_move(git: Git, tip: str, path: str) -> _Move:
    commit = _text(git, "log", "--first-parent", "-1", "--format=%H", tip, "--", path)
    if not commit:
        raise NotCoveredError(f"{tip[:12]} does not have {path}")
    parents = _text(git, "rev-list", "--parents", "-1", commit).split()[1:]
    after = _blob(git, commit, path)
    if not parents or after is None:
        raise NotCoveredError(f"{commit[:12]} wrote it without a commit before")
    return _Move(commit, parents[0], _blob(git, parents[0], path), after)


def _keys(git: Git, tip: str, move: _Move) -> dict[str, str]:
    """Return the keys in force before the pointer was written, by name."""
    listed = _text(git, "ls-tree", "-r", "--name-only", move.parent, f"{KEYS}/").splitlines()
    names = [path for path in listed if path.endswith(".pem")]
    keys = {path: _required(git, "show", f"{move.parent}:{path}").text for path in names}
    return _unrevoked(git, tip, move, keys)


def _unrevoked(git: Git, tip: str, move: _Move, keys: Mapping[str, str]) -> dict[str, str]:
    listed = [*_revoked(git, tip)]
    changes = _text(git, "log", "--first-parent", "--format=%H", tip, "--", REVOKED_KEYS)
    for commit in changes.split():
        with suppress(NotCoveredError):  # nobody takes a revocation back; an unreadable one is past
            listed += _revoked(git, commit)
    gone = {
        one.sha256
        for one in listed
        if not git("merge-base", "--is-ancestor", move.commit, one.after).ok
        or not git("merge-base", "--is-ancestor", one.after, tip).ok
    }
    return without(keys, frozenset(gone))


def _revoked(git: Git, commit: str) -> tuple[RevokedKey, ...]:
    text = None
    if _blob(git, commit, REVOKED_KEYS) is not None:
        text = _required(git, "show", f"{commit}:{REVOKED_KEYS}").text
    try:
        return read_revoked(text)
    except UserError as error:
        raise NotCoveredError(str(error.problems[0])) from error


def _claims(record: SignOffRecord, pointer: Pointer, move: _Move) -> bool:
    """Return whether the record is about this move of the pointer, to this file."""
    return any(
        (one.model, one.before, one.after, one.artifact)
        == (pointer.model, move.before, move.after, pointer.artifact.digest)
        for one in record.models
    )


def _misplaced(git: Git, record: SignOffRecord, target: str, move: _Move, path: str) -> str:
    """Return why a record does not prove this move, although it names it; empty if it does.

    The pointer must be unchanged between the record's base and the move: else an old record could
    prove the same move a second time, after a rollback.
    """
    if target != record.head:
        return f"it points at {target[:12]}, its record is about {record.head[:12]}"
    line = _text(git, "rev-list", "--first-parent", move.parent).split()
    if record.base not in line:
        return f"judged under {record.base[:12]}, which the branch did not have before"
    since = f"{record.base}..{move.parent}"
    if _text(git, "log", "--first-parent", "-1", "--format=%H", since, "--", path):
        return f"the pointer moved since {record.base[:12]}, where the record was judged"
    return ""


def _require_signature(git: Git, pointer: Pointer, keys: Mapping[str, str]) -> None:
    digest = pointer.artifact.digest
    problems = []
    for tag, _, message in _tags(git, model_tags(pointer.model, digest)):
        try:
            verify_model(message, digest, keys)
        except EnvelopeError as error:
            problems.append(f"{tag}: {error}")
        else:
            return
    raise NotCoveredError("; ".join([f"no model signature below {MODEL_TAGS}", *problems[:3]]))


def _tags(git: Git, prefix: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, commit and message of each annotated tag whose name begins so, newest first."""
    listed = _text(
        git,
        "for-each-ref",
        "--sort=-creatordate",
        "--format=%(objecttype) %(objectname) %(*objectname) %(refname)",
        f"refs/tags/{prefix.rpartition('/')[0]}/",
    )
    for line in listed.splitlines():
        kind, tag, target, ref = line.split(" ", 3)
        name = ref.removeprefix("refs/tags/")
        if kind == "tag" and name.startswith(prefix):
            message = _required(git, "cat-file", "tag", tag).text.partition("\n\n")[2]
            yield name, target, message


def _blob(git: Git, commit: str, path: str) -> str | None:
    found = _text(git, "ls-tree", "--format=%(objecttype) %(objectname)", commit, "--", path)
    kind, _, blob = found.partition(" ")
    return blob if kind == "blob" else None


def _text(git: Git, *words: str) -> str:
    return _required(git, *words).text.strip()


def _required(git: Git, *words: str) -> Answer:
    answer = git(*words)
    if not answer.ok:
        raise NotCoveredError(f"git {words[0]} failed: {answer.said}")
    return answer
