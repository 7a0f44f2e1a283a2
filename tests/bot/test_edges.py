"""The edges: settings, zips, commits, the queue on disk, and what the bot must not import."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.bot_commands import main
from bot.facts.snapshot import Commit
from bot.github.read.artifact_zip import MAX_EVIDENCE_BYTES, ArtifactError, evidence_in
from bot.github.read.author_reader import AuthorReader
from bot.github.read.people_reader import commit_facts
from bot.settings import Settings, read_settings
from bot.web.queue_place import open_queue
from countersign_ml.attestation import new_private_key, public_key
from policy.errors import UserError
from tests.bot.test_webhook import settings  # noqa: F401  a fixture

BOT = "countersign[bot]"
PEM = (
    ed25519.Ed25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)


def zipped(**files: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


def test_the_evidence_is_read_from_the_zip() -> None:
    assert evidence_in(zipped(**{"evidence.json": b"{}", "log.txt": b"x"})) == b"{}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip",
        zipped(**{"other.json": b"{}"}),
        zipped(**{"../evidence.json": b"{}"}),
        zipped(**{"out/evidence.json": b"{}"}),
        zipped(**{"evidence.json": b"0" * (MAX_EVIDENCE_BYTES + 1)}),
        zipped(**{"evidence.json": b"{}"})[:-30],
    ],
    ids=["nothing", "no-zip", "another-name", "above", "beneath", "too-large", "torn"],
)
def test_a_zip_that_is_not_as_it_should_be_gives_no_evidence(content: bytes) -> None:
    with pytest.raises(ArtifactError):
        evidence_in(content)


def test_a_zip_that_lies_about_its_size_is_read_no_further_than_the_limit() -> None:
    real = zipped(**{"evidence.json": b"0" * (MAX_EVIDENCE_BYTES + 1000)})
    size = (MAX_EVIDENCE_BYTES + 1000).to_bytes(4, "little")
    with pytest.raises(ArtifactError):
        evidence_in(real.replace(size, (2).to_bytes(4, "little")))


def commit(message: str = "x", *, verified: bool = False, **accounts: Any) -> dict[str, Any]:
    people = {"author": {"login": "ada"}, "committer": {"login": "ada"}, **accounts}
    written = {"name": "N", "email": "n@example.org"}
    return {
        "sha": "a" * 40,
        "commit": {
            "author": written,
            "committer": written,
            "message": message,
            "verification": {"verified": verified},
        },
        **people,
    }


def test_authors_and_committers_are_contributors_and_trailers_stay_addresses() -> None:
    text = "x\n\nCo-authored-by: Omar <12+omar@users.noreply.github.com>\n"
    facts = commit_facts(commit(text, committer={"login": "grace"}), BOT)
    assert facts.logins == ("ada", "grace")
    assert facts.unknown == ()
    assert facts.credited == ("12+omar@users.noreply.github.com",)


def test_an_address_that_belongs_to_nobody_is_unknown() -> None:
    assert commit_facts(commit(author=None), BOT).unknown == ("n@example.org",)


class Answers:
    """Stands for the API: what GraphQL answers, what was asked, and what is kept."""

    def __init__(self, users: dict[str, str]) -> None:
        self.users = users
        self.kept: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []

    def recall(self, key: str) -> Any:
        return self.kept.get(key)

    def remember(self, key: str, value: Any) -> None:
        self.kept[key] = value

    def query(self, _query: str, variables: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(variables)
        nodes = [
            {"email": email, "user": {"login": login} if login else None}
            for email, login in self.users.items()
        ]
        names = [name for name in variables if name[0] == "c"]
        return {"repository": {name: {"authors": {"nodes": nodes}} for name in names}}


OMAR, TOOL = "omar@home.example", "9+tool[bot]@users.noreply.github.com"


def resolved(api: Answers, *emails: str, now: str = "2026-01-01T10:00:00Z") -> Commit:
    reader = AuthorReader(api, "acme/models", BOT, "https://github.com")  # type: ignore[arg-type]
    (found,) = reader.resolved([Commit("a" * 40, credited=emails)], now)
    return found


def test_trailers_name_whom_github_says_and_the_bots_of_apps_name_nobody() -> None:
    api = Answers({OMAR: "omar", "x@x.example": "", TOOL: ""})
    found = resolved(api, OMAR, "x@x.example", TOOL)
    assert found.co_authors == ("omar",)
    assert found.credited == ("x@x.example",)


@pytest.mark.parametrize("domain", ["evil.example", "github.com.evil.example", "github.community"])
def test_a_noreply_address_of_another_server_names_no_bot(domain: str) -> None:
    email = f"9+tool[bot]@users.noreply.{domain}"
    assert resolved(Answers({email: ""}), email).credited == (email,)


def test_who_is_found_is_asked_once_and_nobody_once_an_hour() -> None:
    api = Answers({OMAR: "omar"})
    for _ in range(2):
        resolved(api, OMAR)
    assert len(api.asked) == 1
    api = Answers({OMAR: ""})
    for now in ("2026-01-01T10:00:00Z", "2026-01-01T10:59:00Z", "2026-01-01T11:00:00Z"):
        resolved(api, OMAR, now=now)
    assert len(api.asked) == 2


def test_commits_without_trailers_are_not_asked_about() -> None:
    api = Answers({})
    resolved(api)
    assert api.asked == []


def test_the_bots_name_on_a_commit_counts_only_with_a_verified_signature() -> None:
    bot = {"login": BOT}
    assert commit_facts(commit(author=bot, committer=bot, verified=True), BOT).unknown == ()
    assert commit_facts(commit(author=bot, committer=bot), BOT).unknown != ()
    flow = {"login": "web-flow"}
    assert commit_facts(commit(committer=flow), BOT).unknown != ()


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(UserError) as error:
        read_settings({"COUNTERSIGN_PORT": "99999", "COUNTERSIGN_GITHUB_API": "github"})
    told = str(error.value)
    for name in ("APP_ID", "PRIVATE_KEY", "SIGNING_KEY", "WEBHOOK_SECRET", "PORT", "GITHUB_API"):
        assert f"COUNTERSIGN_{name}" in told


def test_a_private_key_may_be_text_or_a_path(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(PEM)
    known = {
        "COUNTERSIGN_APP_ID": "1",
        "COUNTERSIGN_WEBHOOK_SECRET": "s",
        "COUNTERSIGN_SIGNING_KEY": new_private_key(),
    }
    for value in (PEM, str(file)):
        assert (
            "PRIVATE KEY" in read_settings({**known, "COUNTERSIGN_PRIVATE_KEY": value}).private_key
        )
    with pytest.raises(UserError, match="PRIVATE_KEY"):
        read_settings({**known, "COUNTERSIGN_PRIVATE_KEY": str(tmp_path / "none")})


def test_the_apps_key_signs_no_records() -> None:
    """Every API call uses it, and GitHub makes it: it is RSA, and records need ECDSA."""
    known = {"APP_ID": "1", "WEBHOOK_SECRET": "s", "PRIVATE_KEY": PEM, "SIGNING_KEY": PEM}
    with pytest.raises(UserError, match=r"SIGNING_KEY.*not an ECDSA key.*countersign key --new"):
        read_settings({f"COUNTERSIGN_{name}": value for name, value in known.items()})
    del known["SIGNING_KEY"]
    with pytest.raises(UserError, match="SIGNING_KEY: not set; make one with"):
        read_settings({f"COUNTERSIGN_{name}": value for name, value in known.items()})


def test_a_new_key_is_private_and_replaces_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "signing.pem"
    assert main(["key", "--new", str(file)]) == 0
    assert capsys.readouterr().out == public_key(file.read_text())
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UserError, match="name a new file"):
        main(["key", "--new", str(file)])


def test_secrets_are_not_shown_with_the_settings() -> None:
    assert "hidden" not in repr(Settings(1, "hidden key", "hidden secret", "hidden key"))


def test_a_queue_that_cannot_be_opened_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="COUNTERSIGN_QUEUE"):
        open_queue(str(tmp_path / "file" / "queue.sqlite"))


def test_the_bot_never_imports_what_only_the_runner_needs() -> None:
    heavy = ("torch", "transformers", "peft", "accelerate", "wandb", "llama_cpp", "numpy", "runner")
    script = (
        "import sys, bot.bot_commands, bot.web.app, bot.web.work_queue, bot.reconcile, waitress\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
