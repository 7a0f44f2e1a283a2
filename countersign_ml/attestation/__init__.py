"""Signed statements: anyone with the bot's public key can verify what the bot signed, offline.

They are DSSE envelopes (https://github.com/secure-systems-lab/dsse), which other tools can read.
"""

from countersign_ml.attestation.envelope import EnvelopeError, public_key, sign, verify

__all__ = ["EnvelopeError", "public_key", "sign", "verify"]
