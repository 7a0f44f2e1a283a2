"""Signing keys: ECDSA on the curve P-256, which in-toto, cosign and model_signing all verify."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import SSlibKey


class KeyFormatError(Exception):
    """The text is no key of the kind that signs records."""


def new_private_key() -> str:
    """Return a new private key, as PEM text without a passphrase."""
    made = generate_private_key(SECP256R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def public_key(private_key: str) -> str:
    """Return the PEM text of the public half."""
    return _pem(read_private(private_key).public_key())


def fingerprint(public: str) -> str:
    """Return the SHA-256 of a public key's PEM text, however the text is wrapped.

    It is what `sha256sum` prints for a file that `countersign key` wrote.
    """
    return hashlib.sha256(_pem(_read(public)).encode("ascii")).hexdigest()


def is_public_key(text: str) -> bool:
    """Return whether a text is a public key that can verify records."""
    try:
        _read(text)
    except KeyFormatError:
        return False
    return True


def without(keys: Mapping[str, str], revoked: frozenset[str]) -> dict[str, str]:
    """Return the keys (name to PEM text) whose fingerprints are not among the revoked ones."""
    kept = {}
    for name, pem in keys.items():
        try:
            if fingerprint(pem) not in revoked:
                kept[name] = pem
        except KeyFormatError:
            continue
    return kept


def read_private(pem: str) -> EllipticCurvePrivateKey:
    """Return the private key; KeyFormatError if it is of another kind."""
    try:
        key = load_pem_private_key(pem.encode("ascii"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFormatError(f"the private key cannot be read: {error}") from error
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise KeyFormatError("the private key is not an ECDSA key on P-256")
    return key


def read_public(pem: str) -> SSlibKey:
    """Return the public key, ready to verify; KeyFormatError if it is of another kind."""
    return SSlibKey.from_crypto(_read(pem))


def _read(pem: str) -> EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFormatError(f"the public key cannot be read: {error}") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise KeyFormatError("the public key is not an ECDSA key on P-256")
    return key


def _pem(key: EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
