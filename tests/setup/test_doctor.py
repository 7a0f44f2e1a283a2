"""`countersign doctor` finds what would keep a repository from working, and says how to fix it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from countersign_ml.attestation import fingerprint, new_private_key, public_key
from countersign_ml.cli.command_table import main
from tests.bot import builders as a
from tests.bot.world import World

Break = Callable[[Path], None]
ROLES = ("--role", "ml-lead=grace,ken", "--role", "operations=omar,olga")


@pytest.fixture
def repo(tmp_path: Path, capsys) -> Path:
    """A sound repository, as `init` lays it down."""
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / ".git").mkdir()
    key = tmp_path / "key.pem"
    key.write_text(public_key(new_private_key()))
    words = ["init", str(folder), *ROLES, "--branch", "main", "--public-key", str(key), "--yes"]
    assert main(words) == 0
    capsys.readouterr()
    return folder


def checks(repo: Path, capsys, *more: str) -> dict[str, list[tuple[str, str, str]]]:
    words = ["doctor", "--repo", str(repo), "--branch", "main", "--json", *more]
    code = main(words)
    report = json.loads(capsys.readouterr().out)
    assert code == (1 if report["outcome"] == "failed" else 0)
    found: dict[str, list[tuple[str, str, str]]] = {}
    for check in report["checks"]:
        assert set(check) == {"check", "outcome", "message", "remedy"}
        assert check["remedy"] or check["outcome"] == "passed", "a remedy for each line"
        found.setdefault(check["check"], []).append(
            (check["outcome"], check["message"], check["remedy"])
        )
    return found


def test_a_sound_repository_has_no_failed_check(repo: Path, capsys) -> None:
    found = checks(repo, capsys, "--offline")
    assert not [c for listed in found.values() for c in listed if c[0] == "failed"]
    assert [outcome for outcome, _, _ in found["workflows"]] == ["passed"] * 4


def write(path: str, text: str) -> Break:
    def act(repo: Path) -> None:
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_text(text)

    return act


def remove(path: str) -> Break:
    return lambda repo: (repo / path).unlink()


def link(path: str) -> Break:
    def act(repo: Path) -> None:
        (repo / path).rename(repo / "moved")
        (repo / path).symlink_to(repo / "moved")

    return act


def revoke(repo: Path) -> None:
    key = (repo / "policy/keys/countersign.pem").read_text()
    write(
        "policy/keys/revoked.yml",
        f"revoked:\n- sha256: {fingerprint(key)}\n  after: {'a' * 40}\n  reason: it was stolen\n",
    )(repo)


@pytest.mark.parametrize(
    ("act", "check", "said"),
    [
        (remove("policy/policy.yml"), "policy", "is missing"),
        (write("policy/policy.yml", "roles: ["), "policy", "policy.yml"),
        (link("policy/policy.yml"), "policy", "a link"),
        (remove(".github/CODEOWNERS"), "code owners", "is missing"),
        (write(".github/CODEOWNERS", "!x @a\n* @b\n"), "code owners", "negation"),
        (remove("policy/keys/countersign.pem"), "signing key", "no key"),
        (write("policy/keys/countersign.pem", "no key"), "signing key", "no public key"),
        (write("policy/keys/revoked.yml", "revoked: 3"), "signing key", "revoked"),
        (revoke, "signing key", "no key"),
        (remove(".github/workflows/finetune.yml"), "workflows", "is missing"),
        (link(".github/workflows/finetune.yml"), "workflows", "a link"),
    ],
)
def test_what_would_not_work_fails(repo: Path, capsys, act: Break, check: str, said: str) -> None:
    act(repo)
    failed = [message for outcome, message, _ in checks(repo, capsys, "--offline")[check]
              if outcome == "failed"]  # fmt: skip
    assert any(said in message for message in failed), failed


@pytest.mark.parametrize(
    ("act", "check", "said"),
    [
        (write(".github/CODEOWNERS", "/docs/ @grace\n"), "code owners", "nobody owns"),
        (write(".github/workflows/deploy.yml", "name: ours\n"), "workflows", "ships"),
        (write(".github/workflows/x.yml", "runs-on: self-hosted\n"), "workflows", "x.yml"),
    ],
)
def test_what_may_be_meant_is_a_warning(
    repo: Path, capsys, act: Break, check: str, said: str
) -> None:
    act(repo)
    warned = [message for outcome, message, _ in checks(repo, capsys, "--offline")[check]
              if outcome == "warning"]  # fmt: skip
    assert any(said in message for message in warned), warned


def test_a_role_that_too_few_hold_fails(tmp_path: Path, capsys) -> None:
    (tmp_path / ".git").mkdir()
    main(["init", str(tmp_path), "--role", "ml-lead=grace", "--branch", "main", "--yes"])
    capsys.readouterr()
    policy = tmp_path / "policy/policy.yml"
    found = checks(tmp_path, capsys, "--offline")["roles"]
    assert {outcome for outcome, _, _ in found} == {"warning"}, "grace's own could never merge"
    text = policy.read_text()
    policy.write_text(text.replace("promote: {ml-lead: 1}", "promote: {ml-lead: 2}"))
    found = checks(tmp_path, capsys, "--offline")["roles"]
    assert ("failed", "promote needs 2 signatures of ml-lead, which 1 hold") in [
        c[:2] for c in found
    ]


def test_github_is_asked_who_may_write(
    tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World(tmp_path) as world:
        monkeypatch.setenv("COUNTERSIGN_GITHUB_API", world.forge.api_url)
        monkeypatch.setenv("GITHUB_TOKEN", world.forge.world.accounts["ada"].token)
        record = world.forge.repository(a.REPOSITORY)
        record.collaborators["grace"] = "read"
        found = checks(world.clone, capsys, "--repository", a.REPOSITORY)
        failed = [m for outcome, m, _ in found["people"] if outcome == "failed"]
        assert failed == ["@grace has read access"]
        assert any(m == "@omar has admin access" for _, m, _ in found["people"])
        assert found["merge methods"][0][0] == "passed"
        monkeypatch.setenv("GITHUB_TOKEN", "nobody's")
        found = checks(world.clone, capsys, "--repository", a.REPOSITORY)
        assert found["repository"][0][:2] == ("failed", f"{a.REPOSITORY}: GitHub answered 401")


def test_without_a_token_it_does_not_pretend(repo: Path, capsys, monkeypatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    assert checks(repo, capsys)["repository"][0][0] == "failed"
