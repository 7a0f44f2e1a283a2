"""Signed statements: what the bot signs, anybody who has its public key can verify, offline.

DSSE envelopes (https://github.com/secure-systems-lab/dsse), so that other tools read them too.
"""

from countersign_ml.attestation.envelope import EnvelopeError, public_key, sign, verify

__all__ = ["EnvelopeError", "public_key", "sign", "verify"]
