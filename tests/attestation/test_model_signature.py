"""OpenSSF's own tool accepts our model signatures, and we accept those it makes with our key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from countersign_ml.attestation import (
    EnvelopeError,
    new_private_key,
    public_key,
    sign_model,
    verify_model,
)
from policy.canonical import digest_bytes

KEY, OTHER = new_private_key(), new_private_key()
KEYS = {"bot.pem": public_key(KEY)}


def tool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command `model_signing` of the package model-signing."""
    command = [sys.executable, "-m", "model_signing", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF and weights")
    (tmp_path / "key.pem").write_text(KEY)
    (tmp_path / "public.pem").write_text(public_key(KEY))
    return path


def judged(model: Path, signature: str) -> subprocess.CompletedProcess[str]:
    folder = model.parent
    (folder / "model.sig").write_text(signature)
    return tool(
        "verify", "key", model,
        "--signature", folder / "model.sig",
        "--public_key", folder / "public.pem",
    )  # fmt: skip


def test_the_openssf_tool_verifies_our_signature_and_refuses_other_bytes_and_keys(model: Path):
    digest = digest_bytes(model.read_bytes())
    found = judged(model, sign_model("model.gguf", digest, KEY))
    assert found.returncode == 0, found.stderr
    assert "Verification succeeded" in found.stdout + found.stderr
    assert judged(model, sign_model("model.gguf", digest, OTHER)).returncode != 0
    model.write_bytes(b"GGUF and other weights")
    assert judged(model, sign_model("model.gguf", digest, KEY)).returncode != 0


def test_we_verify_what_the_openssf_tool_signed_with_our_key(model: Path):
    folder = model.parent
    done = tool(
        "sign", "key", model,
        "--signature", folder / "model.sig",
        "--private_key", folder / "key.pem",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (folder / "model.sig").read_text()
    assert verify_model(text, digest_bytes(model.read_bytes()), KEYS) == "bot.pem"


def test_a_signature_counts_for_one_file_and_one_key():
    digest, other = digest_bytes(b"one"), digest_bytes(b"two")
    text = sign_model("model.gguf", digest, KEY)
    assert verify_model(text, digest, KEYS) == "bot.pem"
    with pytest.raises(EnvelopeError, match="another file"):
        verify_model(text, other, KEYS)
    with pytest.raises(EnvelopeError, match="none of"):
        verify_model(text, digest, {"other.pem": public_key(OTHER)})


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"mediaType": "x", "dsseEnvelope": {}}'])
def test_any_other_text_is_no_model_signature(text: str):
    with pytest.raises(EnvelopeError):
        verify_model(text, digest_bytes(b"one"), KEYS)


def test_a_signature_over_several_files_does_not_count_for_one_of_them(model: Path):
    """The format lists files; a list that also names other files says more than we know."""
    folder = model.parent / "folder"
    folder.mkdir()
    for name in ("a.gguf", "b.gguf"):
        (folder / name).write_bytes(b"GGUF")
    tool(
        "sign", "key", folder,
        "--signature", model.parent / "folder.sig",
        "--private_key", model.parent / "key.pem",
    )  # fmt: skip
    text = (model.parent / "folder.sig").read_text()
    assert json.loads(text)["mediaType"]
    with pytest.raises(EnvelopeError, match="another file"):
        verify_model(text, digest_bytes(b"GGUF"), KEYS)
