"""Writes to git: the release commit, the record of who signed, the proposal to go back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.facts.actions import (
    CommitRelease,
    FileChange,
    ProposeRollback,
    RecordAttempt,
    RecordMeasured,
    RecordSignOff,
)
from bot.github.api import Api, ApiError, path, ref_path
from bot.github.read.attempt_tags import known_as
from bot.github.read.tree_reader import Files
from countersign_ml.attestation import EnvelopeError, public_key, sign, verify
from policy.documents import parse_json
from policy.errors import UserError
from policy.facts.attempt import ATTEMPT_TYPE, AttemptRecord, attempt_tags
from policy.governed import CARDS, MODELS, pointer_path
from policy.people.sign_off_record import MEASURED_TYPE, PAYLOAD_TYPE, MeasuredRecord, SignOffRecord

log = logging.getLogger("countersign.bot")


@dataclass(frozen=True)
class Applied:
    """What was written. `look_again`: the pull request is not what it was; read it again."""

    writes: int = 0
    look_again: bool = False
    refused: str = ""


class ForeignTagError(Exception):
    """A tag that a record would get is there already, and is not this record; names the tag."""


@dataclass(frozen=True)
class Statement:
    """What is to be signed: the tag's name, the commit it points to, the payload and its type."""

    name: str
    commit: str
    payload: bytes
    kind: str


class GitWriter:
    """Writes objects and refs of one repository."""

    def __init__(self, api: Api, repository: str, signing_key: str) -> None:
        self._api = api
        self._owner = repository.partition("/")[0]
        self._base = path("repos", *repository.split("/"))
        self._files = Files(api, repository)
        self._key = signing_key

    def release(self, action: CommitRelease) -> Applied:
        """Add the release commit; only the last of the three writes can be seen by anybody."""
        commit = self._commit(action.parent, action.files, action.message)
        url = f"{self._base}/git/refs/heads/{ref_path(action.branch)}"
        try:
            self._api.write("PATCH", url, {"sha": commit, "force": False})
        except ApiError as error:
            if error.unknown or error.status in (404, 409, 422):
                log.info("%s: %s", action.branch, error)  # moved, or unclear: read again
                return Applied(2, look_again=error.status != 404, refused=error.message)
            raise
        return Applied(3, look_again=True)

    def record(self, action: RecordSignOff) -> int:
        """Sign the record of who approved the head, and tag the head with it."""
        record = action.record
        facts = Statement(record.tag(), record.head, record.payload(), PAYLOAD_TYPE)
        return self._state(facts, lambda payload: _tag_of(SignOffRecord, payload) == facts.name)

    def measured(self, action: RecordMeasured) -> int:
        """Sign the record of which evidence was seen first, and tag the head with it."""
        record = action.record

        def same(payload: bytes) -> bool:
            try:
                found = parse_json(MeasuredRecord, payload, record.tag())
            except UserError:
                return False
            return (found.tag(), found.evidence) == (record.tag(), record.evidence)

        return self._state(
            Statement(record.tag(), action.head, record.payload(), MEASURED_TYPE), same
        )

    def attempt(self, action: RecordAttempt) -> int:
        """Sign the record that another attempt was asked for, and tag the head with it."""
        record = action.record

        def same(payload: bytes) -> bool:
            try:
                found = parse_json(AttemptRecord, payload, record.tag())
            except UserError:
                return False
            return (found.tag(), found.comment) == (record.tag(), record.comment)

        writes = self._state(
            Statement(record.tag(), action.head, record.payload(), ATTEMPT_TYPE), same
        )
        tags = attempt_tags(record.model, record.proposal)
        self._api.forget(known_as(self._base, tags))
        return writes

    def _state(self, wanted: Statement, same: Callable[[bytes], bool]) -> int:
        """Write a signed statement as an annotated tag, unless that is done; return the writes.

        Whoever may push may push a tag of that name before: it counts only with our signature over
        the same facts. ForeignTagError for any other.
        """
        if self._is_there(wanted, same):
            return 0
        tag = self._api.write(
            "POST",
            f"{self._base}/git/tags",
            {
                "tag": wanted.name,
                "message": sign(wanted.payload, wanted.kind, self._key) + "\n",
                "object": wanted.commit,
                "type": "commit",
            },
        )
        self._create(f"refs/tags/{wanted.name}", str(tag["sha"]))
        self._is_there(wanted, same)  # somebody else may have been quicker
        return 2

    def _is_there(self, wanted: Statement, same: Callable[[bytes], bool]) -> bool:
        there = self._api.find(f"{self._base}/git/ref/tags/{wanted.name}")
        if there is None:
            return False
        tagged = there["object"]
        if tagged["type"] != "tag":
            raise ForeignTagError(wanted.name)
        tag = self._api.get(f"{self._base}/git/tags/{tagged['sha']}")
        try:
            payload, _ = verify(str(tag["message"]), wanted.kind, {"own": public_key(self._key)})
        except EnvelopeError:
            raise ForeignTagError(wanted.name) from None
        own_place = wanted.kind != PAYLOAD_TYPE or tag["object"]["sha"] == wanted.commit
        if not own_place or not same(payload):
            raise ForeignTagError(wanted.name)
        return True

    def undo(self, action: ProposeRollback) -> int:
        """Open the pull request that puts a model back, once for each commit that moved it.

        Nothing is proposed where that commit did not move the pointer, or where the pointer has
        moved on since.
        """
        described = self._api.fixed(f"{self._base}/git/commits/{action.commit}")
        if described is None or not described["parents"]:
            return 0
        branch, tip = self._default_branch()
        before = self._files.tree(str(described["parents"][0]["sha"])).blobs
        moved, now = self._files.tree(action.commit).blobs, self._files.tree(tip).blobs
        pointer = pointer_path(action.model)
        if moved.get(pointer) in (before.get(pointer), None) and pointer in now:
            return 0
        if now.get(pointer) != moved.get(pointer):
            return 0
        head = f"countersign/undo-{action.model}-{action.commit[:12]}"
        asked = {"head": f"{self._owner}:{head}", "state": "all"}
        if self._api.get(f"{self._base}/pulls", asked):
            return 0
        writes = 0
        if self._api.find(f"{self._base}/git/ref/heads/{head}") is None:
            folders = (f"{MODELS}/{action.model}/", f"{CARDS}/{action.model}/")
            files = [
                FileChange(name, blob=before.get(name))
                for name in sorted(before.keys() | now.keys())
                if name.startswith(folders) and before.get(name) != now.get(name)
            ]
            commit = self._commit(tip, files, f"{action.title}\n\n{action.body}")
            self._create(f"refs/heads/{head}", commit)
            writes += 3
        body = {"title": action.title, "body": action.body, "head": head, "base": branch}
        self._api.write("POST", f"{self._base}/pulls", body)
        return writes + 1

    def _default_branch(self) -> tuple[str, str]:
        branch = str(self._api.get(self._base)["default_branch"])
        answer = self._api.get(f"{self._base}/git/ref/heads/{ref_path(branch)}")
        return branch, str(answer["object"]["sha"])

    def _commit(self, parent: str, files: Iterable[FileChange], message: str) -> str:
        """Return the id of a new commit on top of `parent`; no ref points to it yet."""
        described = self._api.get(f"{self._base}/git/commits/{parent}")
        entries: list[dict[str, object]] = []
        for change in files:
            entry: dict[str, object] = {"path": change.path, "mode": "100644", "type": "blob"}
            if change.text is not None:
                entry["content"] = change.text
            else:
                entry["sha"] = change.blob
            entries.append(entry)
        tree = self._api.write(
            "POST",
            f"{self._base}/git/trees",
            {"base_tree": described["tree"]["sha"], "tree": entries},
        )
        commit = self._api.write(
            "POST",
            f"{self._base}/git/commits",
            {"message": message, "tree": tree["sha"], "parents": [parent]},
        )
        return str(commit["sha"])

    def _create(self, ref: str, sha: str) -> None:
        """Create a ref; one that was created meanwhile under this name is as good."""
        try:
            self._api.write("POST", f"{self._base}/git/refs", {"ref": ref, "sha": sha})
        except ApiError as error:
            if error.status != 422 or "already exists" not in error.message:
                raise


def _tag_of(kind: type[SignOffRecord], payload: bytes) -> str:
    """Return the name that a record gives its tag; empty if the payload is no such record."""
    try:
        return parse_json(kind, payload, "record").tag()
    except UserError:
        return ""
