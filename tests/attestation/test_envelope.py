"""A signed payload verifies with its own key; nothing else verifies."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from countersign_ml.attestation import EnvelopeError, public_key, sign, verify

TYPE = "application/vnd.countersign.test+json"


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


RSA = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
ED25519 = pem(ed25519.Ed25519PrivateKey.generate())


@pytest.mark.parametrize("key", [RSA, ED25519])
@given(payload=st.binary(max_size=200))
def test_what_was_signed_verifies_and_comes_back_unchanged(key: str, payload: bytes):
    keys = {"other.pem": public_key(RSA if key is ED25519 else ED25519), "bot.pem": public_key(key)}
    assert verify(sign(payload, TYPE, key), TYPE, keys) == (payload, "bot.pem")


@pytest.mark.parametrize("key", [RSA, ED25519])
def test_another_key_verifies_nothing(key: str):
    other = pem(ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(EnvelopeError, match="none of the repository's keys"):
        verify(sign(b"{}", TYPE, key), TYPE, {"bot.pem": public_key(other)})
    with pytest.raises(EnvelopeError, match="none of the repository's keys"):
        verify(sign(b"{}", TYPE, key), TYPE, {})


def test_another_payload_under_the_same_signature_does_not_verify():
    envelope = json.loads(sign(b"{}", TYPE, ED25519))
    envelope["payload"] = "W10="
    with pytest.raises(EnvelopeError):
        verify(json.dumps(envelope), TYPE, {"bot.pem": public_key(ED25519)})


def test_the_signature_of_another_type_does_not_count():
    envelope = json.loads(sign(b"{}", "text/plain", ED25519))
    keys = {"bot.pem": public_key(ED25519)}
    with pytest.raises(EnvelopeError, match="not of"):
        verify(json.dumps(envelope), TYPE, keys)
    with pytest.raises(EnvelopeError, match="none of"):
        verify(json.dumps({**envelope, "payloadType": TYPE}), TYPE, keys)


def test_the_key_id_written_into_an_envelope_is_not_believed():
    envelope = json.loads(sign(b"{}", TYPE, ED25519))
    envelope["signatures"][0]["keyid"] = "0" * 64
    keys = {"bot.pem": public_key(ED25519)}
    assert verify(json.dumps(envelope), TYPE, keys) == (b"{}", "bot.pem")


@given(st.text(max_size=300) | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_any_other_text_is_not_an_envelope(text: str):
    with pytest.raises(EnvelopeError):
        verify(text, TYPE, {"bot.pem": public_key(ED25519)})


def test_a_key_that_cannot_be_read_or_is_of_another_kind_is_named():
    with pytest.raises(EnvelopeError, match="cannot be read"):
        sign(b"{}", TYPE, "-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----\n")
    with pytest.raises(EnvelopeError, match="neither RSA nor Ed25519"):
        sign(b"{}", TYPE, pem(ec.generate_private_key(ec.SECP256R1())))


def test_a_broken_public_key_verifies_nothing():
    with pytest.raises(EnvelopeError, match="none of"):
        verify(sign(b"{}", TYPE, ED25519), TYPE, {"bot.pem": "-----BEGIN PUBLIC KEY-----\n"})
