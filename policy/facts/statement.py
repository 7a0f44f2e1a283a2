"""Signed records as in-toto statements, so that tools of others can read what the bot signs.

A statement (https://in-toto.io/Statement/v1) names its subjects by digest and holds a predicate.
Each kind of record is a predicate type of its own; `docs/attestations.md` registers them.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import Any, ClassVar, TypeVar

from policy.canonical import canonical_json
from policy.documents import Document, parse_json
from policy.errors import UserError

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
MEDIA_TYPE = "application/vnd.in-toto+json"
"""The payload type of the DSSE envelope around a statement."""
PREDICATES = "https://countersign_ml/"
"""Prefix of this product's predicate types: names, not addresses, as `model_signing` has them."""

Subject = dict[str, Any]


def subject(name: str, digest: str) -> Subject:
    """Return a subject with the digest `sha256:<hex>`, `gitCommit:<hex>` or `gitBlob:<hex>`."""
    algorithm, _, value = digest.partition(":")
    return {"name": name, "digest": {algorithm: value}}


def statement(predicate_type: str, subjects: list[Subject], predicate: Any) -> bytes:
    """Return a statement as canonical JSON: equal facts give equal bytes."""
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )


class SignedRecord(Document):
    """A record that the bot signs: a predicate, and the subjects that follow from it."""

    PREDICATE: ClassVar[str]

    @abstractmethod
    def subjects(self) -> list[Subject]:
        """Return what the record is about; the list is never empty."""

    @abstractmethod
    def tag(self) -> str:
        """Return the name of the tag that the record is kept in."""

    def payload(self) -> bytes:
        """Return the bytes that are signed."""
        return statement(self.PREDICATE, self.subjects(), self.plain())


R = TypeVar("R", bound=SignedRecord)


def read_statement(kind: type[R], payload: bytes, where: str) -> R:
    """Return the record in a statement.

    UserError if it is no statement of that kind, or if its subjects are not those of its predicate:
    a tool that reads only the subjects must not see another claim than a tool that reads the rest.
    """
    try:
        found = json.loads(payload)
        predicate = canonical_json(found["predicate"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError.one(where, "not an in-toto statement") from error
    record = parse_json(kind, predicate, where)
    if found.get("_type") != STATEMENT_TYPE or found.get("predicateType") != kind.PREDICATE:
        raise UserError.one(where, f"not a statement of the type {kind.PREDICATE}")
    if found.get("subject") != record.subjects():
        raise UserError.one(where, "the statement's subjects are not those of its predicate")
    return record
