"""A signed statement verifies with its own key; nothing else verifies. Third parties referee."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as LibraryError
from securesystemslib.signer import SSlibKey

from countersign_ml.attestation import (
    EnvelopeError,
    KeyFormatError,
    new_private_key,
    public_key,
    sign,
    verify,
)
from countersign_ml.attestation.keys import fingerprint
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.attempt import AttemptRecord
from policy.facts.statement import SignedRecord, read_statement, statement, subject
from policy.people.sign_off_record import MeasuredRecord, SignOffRecord

TYPE = "https://countersign_ml/test/v1"
KEY, OTHER = new_private_key(), new_private_key()
SHA, DIGEST = "a" * 40, "sha256:" + "b" * 64


def stated(value: object = 1, predicate_type: str = TYPE) -> bytes:
    return statement(predicate_type, [subject("it", DIGEST)], {"value": value})


RECORDS: list[SignedRecord] = [
    MeasuredRecord(
        repository="acme/models",
        model="support-triage",
        key="0123456789abcdef",
        evidence=DIGEST,
        artifact="sha256:" + "c" * 64,
        at="2026-03-01T10:00:00Z",
    ),
    AttemptRecord(
        repository="acme/models",
        model="support-triage",
        proposal=DIGEST,
        number=2,
        user="grace",
        reason="the loss jumped",
        comment=7,
        asked="2026-03-01T10:00:00Z",
        at="2026-03-01T10:00:05Z",
    ),
    SignOffRecord.model_validate(
        {
            "repository": "acme/models",
            "pull": 7,
            "title": "More tickets",
            "head": SHA,
            "base": SHA,
            "rules": DIGEST,
            "branch": "main",
            "author": "ada",
            "contributors": ("ada",),
            "reviews": (),
            "writers": (),
            "roles": {},
            "teams": {},
            "models": (
                {
                    "model": "support-triage",
                    "kind": "promote",
                    "before": None,
                    "after": "d" * 40,
                    "evidence": DIGEST,
                    "artifact": "sha256:" + "c" * 64,
                },
            ),
            "at": "2026-03-01T10:00:00Z",
        }
    ),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_libraries_of_others_verify_and_read_every_kind_of_record(record: SignedRecord):
    """securesystemslib verifies the envelope, in-toto-attestation validates the statement."""
    text = sign(record.payload(), KEY)
    envelope = Envelope.from_dict(json.loads(text))
    key = SSlibKey.from_crypto(load_pem_public_key(public_key(KEY).encode()))
    envelope.verify([key], 1)
    message = json_format.Parse(envelope.payload, StatementMessage())
    read = Statement.copy_from_pb(message)
    read.validate()
    assert envelope.payload_type == "application/vnd.in-toto+json"
    assert read.pb.predicate_type == record.PREDICATE
    digests = [dict(one.digest) for one in read.pb.subject]
    assert digests == [one["digest"] for one in record.subjects()]
    other = SSlibKey.from_crypto(load_pem_public_key(public_key(OTHER).encode()))
    with pytest.raises(LibraryError):
        envelope.verify([other], 1)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_and_its_subjects_cannot_differ_from_it(record: SignedRecord):
    assert read_statement(type(record), record.payload(), "it") == record
    found = json.loads(record.payload())
    found["subject"][-1]["digest"] = {"sha256": "0" * 64}
    with pytest.raises(UserError, match="subjects are not those of its predicate"):
        read_statement(type(record), json.dumps(found).encode(), "it")


def test_a_model_files_digest_is_a_subject_of_its_records():
    """Tools such as cosign find an attestation by the SHA-256 of the file."""
    measured, _, signed_off = RECORDS
    for record in (measured, signed_off):
        assert {"sha256": "c" * 64} in [one["digest"] for one in record.subjects()]


@given(value=st.recursive(st.text() | st.integers(), st.lists, max_leaves=5))
def test_what_was_signed_verifies_and_comes_back_unchanged(value: object):
    try:
        payload = stated(value)
    except UnicodeEncodeError:
        return
    keys = {"other.pem": public_key(OTHER), "bot.pem": public_key(KEY)}
    assert verify(sign(payload, KEY), TYPE, keys) == (payload, "bot.pem")


def test_another_key_verifies_nothing():
    with pytest.raises(EnvelopeError, match="none of the repository's keys"):
        verify(sign(stated(), KEY), TYPE, {"bot.pem": public_key(OTHER)})
    with pytest.raises(EnvelopeError, match="none of the repository's keys"):
        verify(sign(stated(), KEY), TYPE, {})


def test_another_payload_under_the_same_signature_does_not_verify():
    envelope = json.loads(sign(stated(1), KEY))
    envelope["payload"] = base64.b64encode(stated(2)).decode()
    with pytest.raises(EnvelopeError, match="none of"):
        verify(json.dumps(envelope), TYPE, {"bot.pem": public_key(KEY)})


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (stated(predicate_type="https://elsewhere/v1"), "a statement of 'https://elsewhere/v1'"),
        (stated().replace(b"Statement/v1", b"Statement/v0.1"), "Statement/v0.1"),
        (b"{}", "not an in-toto statement"),
        (b"\xff", "not an in-toto statement"),
    ],
)
def test_the_signature_over_another_kind_of_statement_does_not_count(payload: bytes, why: str):
    with pytest.raises(EnvelopeError, match=why):
        verify(sign(payload, KEY), TYPE, {"bot.pem": public_key(KEY)})


def test_the_signature_of_another_media_type_does_not_count():
    envelope = json.loads(sign(stated(), KEY))
    with pytest.raises(EnvelopeError, match="an envelope of 'text/plain'"):
        verify(json.dumps({**envelope, "payloadType": "text/plain"}), TYPE, {})


def test_the_key_id_written_into_an_envelope_is_not_believed():
    envelope = json.loads(sign(stated(), KEY))
    envelope["signatures"][0]["keyid"] = "0" * 64
    keys = {"bot.pem": public_key(KEY)}
    assert verify(json.dumps(envelope), TYPE, keys) == (stated(), "bot.pem")


@given(st.text(max_size=300) | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_any_other_text_is_not_an_envelope(text: str):
    with pytest.raises(EnvelopeError):
        verify(text, TYPE, {"bot.pem": public_key(KEY)})


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP384R1()),
    ],
)
def test_a_key_of_another_kind_signs_and_verifies_nothing(
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey,
):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(KeyFormatError, match="not an ECDSA key on P-256"):
        sign(stated(), pem)


def test_a_broken_key_is_named_and_verifies_nothing():
    with pytest.raises(KeyFormatError, match="cannot be read"):
        sign(stated(), "-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----\n")
    with pytest.raises(EnvelopeError, match="none of"):
        verify(sign(stated(), KEY), TYPE, {"bot.pem": "-----BEGIN PUBLIC KEY-----\n"})


def test_a_fingerprint_is_the_digest_of_the_file_however_the_text_is_wrapped():
    pem = public_key(KEY)
    assert "sha256:" + fingerprint(pem) == digest_bytes(pem.encode())
    assert fingerprint(pem.replace("\n", "\r\n") + "\n") == fingerprint(pem)
