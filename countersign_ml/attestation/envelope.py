"""Sign and verify bytes of one type. The signature covers the type, so it is valid for no other.

Keys are RSA (as GitHub makes for Apps; RSA-PSS with SHA-256) or Ed25519.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as LibraryError
from securesystemslib.signer import CryptoSigner, SSlibKey

MAX_ENVELOPE_BYTES = 20_000_000
"""No record is this large; a larger envelope is not read."""


class EnvelopeError(Exception):
    """The text is not an envelope of the type, or no key signed it."""


def sign(payload: bytes, payload_type: str, private_key: str) -> str:
    """Return the envelope as JSON text; `private_key` is PEM without a passphrase."""
    envelope = Envelope(payload, payload_type, {})
    envelope.sign(CryptoSigner(_private(private_key)))
    return json.dumps(envelope.to_dict(), indent=1, sort_keys=True)


def public_key(private_key: str) -> str:
    """Return the PEM text of the public half."""
    public = _private(private_key).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def verify(text: str, payload_type: str, keys: Mapping[str, str]) -> tuple[bytes, str]:
    """Return the payload, and the name of the first key (name to PEM text) that signed it.

    Raise EnvelopeError if the text is not an envelope of this type or no key signed it. A key that
    cannot be read verifies nothing.
    """
    if len(text) > MAX_ENVELOPE_BYTES:
        raise EnvelopeError(f"larger than {MAX_ENVELOPE_BYTES} bytes")
    try:
        envelope = Envelope.from_dict(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, LibraryError) as error:
        raise EnvelopeError("not a DSSE envelope") from error
    if envelope.payload_type != payload_type:
        raise EnvelopeError(f"an envelope of {envelope.payload_type!r}, not of {payload_type!r}")
    for name, pem in sorted(keys.items()):
        key = _verifying(pem)
        if key is None:
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


def _private(pem: str) -> RSAPrivateKey | Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem.encode("ascii"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EnvelopeError(f"the private key cannot be read: {error}") from error
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise EnvelopeError("the private key is neither RSA nor Ed25519")
    return key


def _verifying(pem: str) -> SSlibKey | None:
    try:
        key = load_pem_public_key(pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return SSlibKey.from_crypto(key) if isinstance(key, RSAPublicKey | Ed25519PublicKey) else None
