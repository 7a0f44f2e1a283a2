"""Signed statements: anyone with the bot's public key can verify what the bot signed, offline.

They are in-toto statements in DSSE envelopes, which other tools can read. `envelope` signs and
verifies them, `keys` reads keys, `model_signature` signs model files as OpenSSF does, and
`coverage` finds the record and the signature that cover a pointer.
"""

from countersign_ml.attestation.coverage import Covered, Git, NotCoveredError, cover
from countersign_ml.attestation.envelope import EnvelopeError, sign, verify
from countersign_ml.attestation.keys import (
    KeyFormatError,
    fingerprint,
    is_public_key,
    new_private_key,
    public_key,
    without,
)
from countersign_ml.attestation.model_signature import sign_model, verify_model

__all__ = [
    "Covered",
    "EnvelopeError",
    "Git",
    "KeyFormatError",
    "NotCoveredError",
    "cover",
    "fingerprint",
    "is_public_key",
    "new_private_key",
    "public_key",
    "sign",
    "sign_model",
    "verify",
    "verify_model",
    "without",
]
