"""A server serves what a valid record covers, and says how to serve anything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from countersign_ml.attestation import new_private_key, public_key, sign, sign_model
from countersign_ml.serving.pointer_source import FileSource, GitSource, PointerSource
from countersign_ml.serving.proof import Proof, read_keys
from policy.errors import UserError
from policy.facts.pointer import Pointer
from policy.people.sign_off_record import SignOffRecord, model_tags
from tests.serving.serving_builders import MODEL, House, pointer
from tests.serving.test_serving import eventually, health

KEY = new_private_key()
PATH = f"models/{MODEL}/pointer.json"


class SignedHouse:
    """A house whose root is a repository with a key."""

    def __init__(self, house: House) -> None:
        self.house, self.folder = house, house.root
        self.git("init", "--quiet", "--initial-branch=main")
        keys = self.folder / "policy" / "keys"
        keys.mkdir(parents=True)
        (keys / "bot.pem").write_text(public_key(KEY))
        self.git("add", "policy")
        self.git("commit", "--quiet", "-m", "Lay down the rules")

    def git(self, *words: str, text: str | None = None) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        command = ["git", "-C", str(self.folder), *identity, *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True, input=text)
        return done.stdout.strip()

    def merge(self, made: Pointer, *, signed: bool = True) -> None:
        """Commit the pointer, and sign it as the bot does."""
        before = self.git("ls-tree", "--format=%(objectname)", "HEAD", "--", PATH) or None
        base = self.git("rev-parse", "HEAD")
        self.house.point(made)
        self.git("add", PATH)
        self.git("commit", "--quiet", "-m", made.version)
        if not signed:
            return
        head = self.git("rev-parse", "HEAD")
        record = SignOffRecord.model_validate(
            {
                "repository": "acme/models",
                "pull": 1,
                "title": made.version,
                "head": head,
                "base": base,
                "rules": "sha256:" + "0" * 64,
                "branch": "main",
                "author": "ada",
                "contributors": (),
                "reviews": (),
                "writers": (),
                "roles": {},
                "teams": {},
                "models": (
                    {
                        "model": MODEL,
                        "kind": "promote",
                        "before": before,
                        "after": self.git("rev-parse", f"HEAD:{PATH}"),
                        "artifact": made.artifact.digest,
                    },
                ),
                "at": "2026-03-01T10:00:00Z",
            }
        )
        digest = made.artifact.digest
        self.tag(model_tags(MODEL, digest) + "bot", sign_model(f"{MODEL}.gguf", digest, KEY))
        self.tag(record.tag(), sign(record.payload(), KEY))

    def tag(self, name: str, message: str) -> None:
        self.git("tag", "-a", "--cleanup=verbatim", "-F", "-", name, text=message)

    def source(self, kind: str, proof: Proof | None = None) -> PointerSource:
        if kind == "file":
            return FileSource(self.house.pointer_file, proof)
        url = f"file://{self.folder}"
        return GitSource(url, MODEL, clone=self.folder.parent / "clone.git", proof=proof)


@pytest.fixture
def signed(tmp_path: Path) -> SignedHouse:
    root = tmp_path / "house"
    root.mkdir()
    return SignedHouse(House(root))


def fake(number: int) -> Pointer:
    from countersign_ml.registry import Stored

    return pointer(Stored(f"sha256:{number:064x}", 9, "memory://x"), number)


def proof_of(source: PointerSource) -> str:
    found = source.read()
    assert found is not None
    return source.proof(found)


@pytest.mark.parametrize("kind", ["file", "git"])
def test_what_was_signed_off_is_served_and_what_was_not_is_refused(
    signed: SignedHouse, kind: str
) -> None:
    signed.merge(fake(1))
    source = signed.source(kind)
    assert "signed by policy/keys/bot.pem" in proof_of(source)
    signed.merge(fake(2), signed=False)
    with pytest.raises(UserError, match=r"no valid sign-off record names it.*--unsigned"):
        proof_of(source)
    signed.merge(fake(3))
    assert "signed by" in proof_of(source)


@pytest.mark.parametrize("kind", ["file", "git"])
def test_unsigned_serves_anything_and_says_so(signed: SignedHouse, kind: str) -> None:
    signed.merge(fake(1), signed=False)
    assert proof_of(signed.source(kind, Proof(unsigned=True))) == "not verified: --unsigned"
    with pytest.raises(UserError, match="no valid"):
        proof_of(signed.source(kind))


def test_a_file_that_was_edited_or_is_in_no_repository_is_refused(
    signed: SignedHouse, tmp_path: Path
) -> None:
    signed.merge(fake(1))
    signed.house.point(fake(2))
    with pytest.raises(UserError, match="not as the last commit has it"):
        proof_of(signed.source("file"))
    loose = House(tmp_path / "loose")
    loose.point(fake(1))
    with pytest.raises(UserError, match="not as the last commit has it"):
        proof_of(FileSource(loose.pointer_file))


def test_a_record_that_is_deleted_stops_counting_with_the_next_commit(signed: SignedHouse) -> None:
    signed.merge(fake(1))
    source = signed.source("git")
    assert proof_of(source)
    for tag in signed.git("tag", "--list", "countersign/*").split():
        signed.git("tag", "-d", tag)
    signed.git("commit", "--quiet", "--allow-empty", "-m", "Later")
    with pytest.raises(UserError, match="no valid sign-off record"):
        proof_of(source)


def test_pinned_keys_are_read_from_files(signed: SignedHouse, tmp_path: Path) -> None:
    signed.merge(fake(1))
    other = tmp_path / "other.pem"
    other.write_text(public_key(new_private_key()))
    own = signed.folder / "policy" / "keys" / "bot.pem"
    assert proof_of(signed.source("git", Proof(pinned=read_keys([own])))).endswith(str(own))
    with pytest.raises(UserError, match="none of the repository's keys"):
        proof_of(signed.source("file", Proof(pinned=read_keys([other]))))
    with pytest.raises(UserError, match="not a readable ECDSA P-256 public key"):
        read_keys([tmp_path / "none.pem"])


def test_the_server_keeps_the_signed_version_and_openssf_verifies_its_file(
    signed: SignedHouse, first: Path, second: Path, tmp_path: Path
) -> None:
    live = signed.house.publish(first)
    signed.merge(live)
    with signed.house.server(signed.source("git")).running() as server:
        assert health(server)["version"] == live.version
        signed.merge(signed.house.publish(second, 2), signed=False)
        eventually(lambda: health(server)["problem"] is not None)
        assert "no valid sign-off record" in health(server)["problem"]
        assert health(server)["version"] == live.version
    tag = model_tags(MODEL, live.artifact.digest) + "bot"
    signature = tmp_path / "model.sig"
    signature.write_text(signed.git("tag", "--list", "--format=%(contents)", tag))
    command = [
        sys.executable, "-m", "model_signing", "verify", "key", signed.house.place(live),
        "--signature", signature,
        "--public_key", signed.folder / "policy" / "keys" / "bot.pem",
    ]  # fmt: skip
    subprocess.run(list(map(str, command)), check=True)
