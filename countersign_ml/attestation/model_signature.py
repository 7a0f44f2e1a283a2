"""Model signatures in the format of OpenSSF model signing, over one file.

The command `model_signing verify key` accepts them. The format is a Sigstore bundle around a DSSE
envelope, whose statement lists the model's files; we write these few keys ourselves, because the
package needs the Sigstore client, TUF and Rekor (`docs/decisions/0021-signatures-of-models.md`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from countersign_ml.attestation.envelope import EnvelopeError, sign_to_dict, verify
from countersign_ml.attestation.keys import fingerprint, public_key
from policy.facts.statement import statement

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PREDICATE = "https://model_signing/signature/v1.0"
_FILE = "."
"""The name that the format gives a model which is a single file."""


def sign_model(name: str, digest: str, private_key: str) -> str:
    """Return the bundle for a file with the digest `sha256:<hex>`, as JSON text."""
    content = digest.removeprefix("sha256:")
    envelope = sign_to_dict(_statement(name, content), private_key)
    return json.dumps(
        {
            "mediaType": BUNDLE,
            "verificationMaterial": {
                "publicKey": {"hint": fingerprint(public_key(private_key))},
                "tlogEntries": [],
            },
            "dsseEnvelope": envelope,
        },
        indent=1,
    )


def verify_model(text: str, digest: str, keys: Mapping[str, str]) -> str:
    """Return the name of the key that signed the file with this digest.

    EnvelopeError if no key did, or if the signature is over another file or over several.
    """
    try:
        bundle = json.loads(text)
        media, envelope = bundle["mediaType"], json.dumps(bundle["dsseEnvelope"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EnvelopeError("not a model signature") from error
    if media != BUNDLE:
        raise EnvelopeError(f"a bundle of {media!r}, not of {BUNDLE!r}")
    payload, key = verify(envelope, PREDICATE, keys)
    try:
        found = json.loads(payload)
        subject, resources = found["subject"], found["predicate"]["resources"]
        named = [(one["name"], one["algorithm"], one["digest"]) for one in resources]
        root = [one["digest"] for one in subject]
    except (KeyError, TypeError) as error:
        raise EnvelopeError("not a list of a model's files") from error
    content = digest.removeprefix("sha256:")
    if named != [(_FILE, "sha256", content)] or root != [{"sha256": _root(content)}]:
        raise EnvelopeError(f"a signature of another file than {digest}")
    return key


def _statement(name: str, content: str) -> bytes:
    subject = {"name": name, "digest": {"sha256": _root(content)}}
    predicate = {
        "resources": [{"name": _FILE, "algorithm": "sha256", "digest": content}],
        "serialization": {
            "method": "files",
            "hash_type": "sha256",
            "allow_symlinks": False,
            "ignore_paths": [],
        },
    }
    return statement(PREDICATE, [subject], predicate)


def _root(content: str) -> str:
    """Return the digest over the digests of all files: here of one."""
    return hashlib.sha256(bytes.fromhex(content)).hexdigest()
