"""Sign and verify in-toto statements in DSSE envelopes.

The signature covers the statement and its predicate type: it is valid for no other kind of record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as LibraryError
from securesystemslib.signer import CryptoSigner

from countersign_ml.attestation.keys import KeyFormatError, read_private, read_public
from policy.facts.statement import MEDIA_TYPE, STATEMENT_TYPE

MAX_ENVELOPE_BYTES = 20_000_000
"""No record is this large; a larger envelope is not read."""


class EnvelopeError(Exception):
    """The text is not an envelope of the type, or no key signed it."""


def sign(statement: bytes, private_key: str) -> str:
    """Return the envelope as JSON text; `private_key` is PEM without a passphrase."""
    return json.dumps(sign_to_dict(statement, private_key), indent=1, sort_keys=True)


def sign_to_dict(statement: bytes, private_key: str) -> dict[str, object]:
    """Return the envelope as a JSON object."""
    envelope = Envelope(statement, MEDIA_TYPE, {})
    envelope.sign(CryptoSigner(read_private(private_key)))
    made: dict[str, object] = envelope.to_dict()
    return made


def verify(text: str, predicate_type: str, keys: Mapping[str, str]) -> tuple[bytes, str]:
    """Return the statement, and the name of the first key (name to PEM text) that signed it.

    Raise EnvelopeError if the text is not an envelope with a statement of this type, or no key
    signed it. A key that cannot be read verifies nothing.
    """
    if len(text) > MAX_ENVELOPE_BYTES:
        raise EnvelopeError(f"larger than {MAX_ENVELOPE_BYTES} bytes")
    try:
        envelope = Envelope.from_dict(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, LibraryError) as error:
        raise EnvelopeError("not a DSSE envelope") from error
    if envelope.payload_type != MEDIA_TYPE:
        raise EnvelopeError(f"an envelope of {envelope.payload_type!r}, not of {MEDIA_TYPE!r}")
    _require_type(envelope.payload, predicate_type)
    for name, pem in sorted(keys.items()):
        try:
            key = read_public(pem)
        except KeyFormatError:
            continue
        # a signer can write any key id, so the id in the envelope is ignored: try this key
        for signature in envelope.signatures.values():
            signature.keyid = key.keyid
            mine = Envelope(envelope.payload, envelope.payload_type, {key.keyid: signature})
            try:
                mine.verify([key], 1)
            except LibraryError:
                continue
            return envelope.payload, name
    raise EnvelopeError("none of the repository's keys signed it")


def _require_type(payload: bytes, predicate_type: str) -> None:
    try:
        found = json.loads(payload)
        kind, predicate = found["_type"], found["predicateType"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EnvelopeError("not an in-toto statement") from error
    if kind != STATEMENT_TYPE:
        raise EnvelopeError(f"a statement of {kind!r}, not of {STATEMENT_TYPE!r}")
    if predicate != predicate_type:
        raise EnvelopeError(f"a statement of {predicate!r}, not of {predicate_type!r}")
