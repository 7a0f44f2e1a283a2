"""Writes of what the bot signs: records and model signatures, each in an annotated tag."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from bot.facts.actions import MarkMerged, RecordAttempt, RecordLook, RecordMeasured, RecordSignOff
from bot.github.api import Api, ApiError, path
from bot.github.read.attempt_tags import known_as
from bot.github.read.look_tags import looks_known_as
from countersign_ml.attestation import (
    EnvelopeError,
    fingerprint,
    public_key,
    sign,
    sign_model,
    verify,
    verify_model,
)
from policy.errors import UserError
from policy.facts.attempt import AttemptRecord, attempt_tags
from policy.facts.look import LookRecord
from policy.facts.statement import SignedRecord, read_statement
from policy.people.merge_record import MergeRecord
from policy.people.sign_off_record import MeasuredRecord, SignOffRecord, model_tags

R = TypeVar("R", bound=SignedRecord)


class ForeignTagError(Exception):
    """A tag that a record would get is there already, and is not this record; names the tag.

    So is a tag that leaves no room for it: git keeps no `a/b` next to `a`.
    """


class RefusedTagError(Exception):
    """GitHub refuses a tag that nothing is in the place of: says which, and GitHub's reason."""


@dataclass(frozen=True)
class _Signed:
    """A tag's name, its commit, the text to sign, and whether a text at a commit is as good."""

    name: str
    commit: str
    text: Callable[[], str]
    same: Callable[[str, str], bool]


class TagWriter:
    """Writes the signed tags of one repository.

    Anyone who may push may push a tag of such a name first: it counts only with our signature over
    the same facts. ForeignTagError for any other.
    """

    def __init__(self, api: Api, repository: str, signing_key: str) -> None:
        self._api = api
        self._base = path("repos", *repository.split("/"))
        self._key = signing_key

    def record(self, action: RecordSignOff) -> int:
        """Sign the model files of an approved head, then the record of who approved it.

        The record is last: if it is there, so are the signatures.
        """
        record = action.record

        def same(message: str, commit: str) -> bool:
            return commit == record.head and self._read(SignOffRecord, message, record) is not None

        wanted = self._signed(record, record.head, same)
        if self._is_there(wanted):
            return 0
        return sum(map(self._state, self._model_files(record))) + self._write(wanted)

    def measured(self, action: RecordMeasured) -> int:
        """Sign the record of which evidence was seen first, and tag the head with it."""
        record = action.record

        def same(message: str, commit: str) -> bool:
            found = self._read(MeasuredRecord, message, record)
            return found is not None and found.evidence == record.evidence

        return self._state(self._signed(record, action.head, same))

    def attempt(self, action: RecordAttempt) -> int:
        """Sign the record that another attempt was asked for, and tag the head with it."""
        record = action.record

        def same(message: str, commit: str) -> bool:
            found = self._read(AttemptRecord, message, record)
            return found is not None and found.comment == record.comment

        writes = self._state(self._signed(record, action.head, same))
        self._api.forget(known_as(self._base, attempt_tags(record.model, record.proposal)))
        return writes

    def look(self, action: RecordLook) -> int:
        """Sign the record of a look at held-out rows, and tag the head with it."""
        record = action.record

        def same(message: str, commit: str) -> bool:
            found = self._read(LookRecord, message, record)
            return found is not None and found.repository == record.repository

        writes = self._state(self._signed(record, action.head, same))
        self._api.forget(looks_known_as(self._base, record.model))
        return writes

    def merged(self, action: MarkMerged) -> int:
        """Sign how a merge was judged, and tag its commit with that; a first judgement stays."""
        record = action.record

        def same(message: str, commit: str) -> bool:
            return commit == record.commit and self._read(MergeRecord, message, record) is not None

        return self._state(self._signed(record, record.commit, same))

    def _signed(
        self, record: SignedRecord, commit: str, same: Callable[[str, str], bool]
    ) -> _Signed:
        return _Signed(record.tag(), commit, lambda: sign(record.payload(), self._key), same)

    def _model_files(self, record: SignOffRecord) -> Iterable[_Signed]:
        """Yield the signature of each model file; a key that replaced another signs it again."""
        public = public_key(self._key)
        for moved in record.models:
            if moved.artifact is None:
                continue
            digest, file = moved.artifact, f"{moved.model}.gguf"

            def same(message: str, commit: str, digest: str = digest) -> bool:
                try:
                    return bool(verify_model(message, digest, {"own": public}))
                except EnvelopeError:
                    return False

            def text(digest: str = digest, file: str = file) -> str:
                return sign_model(file, digest, self._key)

            name = model_tags(moved.model, digest) + fingerprint(public)[:12]
            yield _Signed(name, record.head, text, same)

    def _read(self, kind: type[R], message: str, wanted: R) -> R | None:
        """Return the record in a tag's message; None if we did not sign one for this tag."""
        try:
            payload, _ = verify(message, kind.PREDICATE, {"own": public_key(self._key)})
            found = read_statement(kind, payload, wanted.tag())
        except (EnvelopeError, UserError):
            return None
        return found if found.tag() == wanted.tag() else None

    def _state(self, wanted: _Signed) -> int:
        """Write the tag unless that is done; return the number of writes."""
        return 0 if self._is_there(wanted) else self._write(wanted)

    def _write(self, wanted: _Signed) -> int:
        tag = self._api.write(
            "POST",
            f"{self._base}/git/tags",
            {
                "tag": wanted.name,
                "message": wanted.text() + "\n",
                "object": wanted.commit,
                "type": "commit",
            },
        )
        body = {"ref": f"refs/tags/{wanted.name}", "sha": str(tag["sha"])}
        try:
            self._api.write("POST", f"{self._base}/git/refs", body)
        except ApiError as error:
            if error.unknown or error.status not in (403, 404, 409, 422):
                raise
            if not self._is_there(wanted):  # else somebody was quicker
                self._explain(wanted.name, error)
        return 2

    def _explain(self, name: str, error: ApiError) -> NoReturn:
        """Raise the error that says why a tag cannot be created: name what is in its way."""
        parts = name.split("/")
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            if self._api.find(f"{self._base}/git/ref/tags/{above}") is not None:
                raise ForeignTagError(above) from error
        for item in self._api.pages(f"{self._base}/git/matching-refs/tags/{name}/", most=1):
            raise ForeignTagError(str(item["ref"]).removeprefix("refs/tags/")) from error
        raise RefusedTagError(name, error.message) from error

    def _is_there(self, wanted: _Signed) -> bool:
        there = self._api.find(f"{self._base}/git/ref/tags/{wanted.name}")
        if there is None:
            return False
        tagged = there["object"]
        if tagged["type"] != "tag":
            raise ForeignTagError(wanted.name)
        tag = self._api.get(f"{self._base}/git/tags/{tagged['sha']}")
        if not wanted.same(str(tag["message"]), str(tag["object"]["sha"])):
            raise ForeignTagError(wanted.name)
        return True
