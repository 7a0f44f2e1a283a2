"""Sign-off records as they are in a clone: unverified claims, which the judge verifies."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from countersign_ml.attestation.envelope import MAX_ENVELOPE_BYTES
from countersign_ml.audit.history.audit_facts import StoredRecord
from countersign_ml.audit.history.git_objects import Tag
from policy.errors import UserError
from policy.facts.statement import read_statement
from policy.people.sign_off_record import SignOffRecord


def stored(tags: Mapping[str, Tag | None]) -> tuple[StoredRecord, ...]:
    """Return the claim of every tag, sorted by name; a tag without one says why."""
    return tuple(_stored(name, tag) for name, tag in sorted(tags.items()))


def _stored(name: str, tag: Tag | None) -> StoredRecord:
    if tag is None:
        return StoredRecord(name, "", "", None, "not an annotated tag")
    if tag.kind != "commit":
        return StoredRecord(name, tag.target, tag.message, None, f"points at a {tag.kind}")
    try:
        record = claimed(tag.message)
    except UserError as error:
        return StoredRecord(name, tag.target, tag.message, None, str(error.problems[0]))
    return StoredRecord(name, tag.target, tag.message, record)


def claimed(envelope: str) -> SignOffRecord:
    """Return the record in an envelope, not verified; UserError if there is none."""
    return read_statement(SignOffRecord, payload(envelope), "record")


def payload(envelope: str) -> bytes:
    """Return the payload of an envelope, not verified."""
    if len(envelope) > MAX_ENVELOPE_BYTES:
        raise UserError.one("record", "larger than any record")
    try:
        return base64.b64decode(json.loads(envelope)["payload"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError.one("record", "not an envelope") from error
