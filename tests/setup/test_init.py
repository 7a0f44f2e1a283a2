"""`countersign init` lays down a governed repository, once, and loses nothing of anybody's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from countersign_ml.attestation import new_private_key, public_key
from countersign_ml.cli.command_table import main
from countersign_ml.setup.layout import LAID_DOWN, codeowners_text, governed_files, policy_text
from policy.documents import parse
from policy.files import codeowners
from policy.files.people_rules import Role
from policy.files.rules import Policy
from policy.governed import is_rule

ROLES = ("--role", "ml-lead=grace,@acme/leads", "--role", "operations=omar,olga")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", "-b", "trunk", str(tmp_path)], check=True)
    return tmp_path


def init(folder: Path, *more: str) -> int:
    return main(["init", str(folder), *ROLES, "--yes", *more])


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def test_an_empty_repository_becomes_a_governed_one(folder: Path, capsys) -> None:
    key = folder.parent / "key.pem"
    key.write_text(public_key(new_private_key()))
    assert init(folder, "--public-key", str(key), "--base", "Qwen/*") == 0
    policy = parse(Policy, (folder / "policy/policy.yml").read_text(), "policy.yml")
    assert policy.roles["ml-lead"] == Role(users=("grace",), teams=("acme/leads",))
    assert policy.sign_off.promote == {"ml-lead": 1, "operations": 1}
    assert policy.bases is not None
    assert policy.bases.hub == ("Qwen/*",)
    deploy = (folder / ".github/workflows/deploy.yml").read_text()
    assert 'branches: ["trunk"]' in deploy
    capsys.readouterr()
    assert main(["doctor", "--repo", str(folder), "--offline", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outcome"] == "warning"
    assert {c["check"] for c in found["checks"] if c["outcome"] != "passed"} <= {
        "roles", "models", "accelerator", "registry", "disk", "memory"
    }  # fmt: skip


def test_a_second_run_changes_nothing(folder: Path, capsys) -> None:
    init(folder)
    before = content(folder)
    capsys.readouterr()
    for more in ((), ("--upgrade",)):
        assert init(folder, *more) == 0
        assert "Nothing to do." in capsys.readouterr().out
        assert content(folder) == before


def test_what_is_there_stays_and_shared_lists_grow(folder: Path, capsys) -> None:
    (folder / ".gitignore").write_text("*.tmp")
    (folder / ".github").mkdir()
    (folder / ".github/CODEOWNERS").write_text("* @acme/all\n")
    init(folder)
    assert (folder / ".gitignore").read_text().splitlines()[0] == "*.tmp"
    assert "/.countersign/" in (folder / ".gitignore").read_text().splitlines()
    assert (folder / ".github/CODEOWNERS").read_text() == "* @acme/all\n"


def test_an_upgrade_replaces_what_nobody_edited_and_shows_the_rest(folder: Path, capsys) -> None:
    init(folder)
    older = folder / ".github/workflows/finetune.yml"
    edited = folder / ".github/workflows/rollback.yml"
    current = older.read_text()
    laid_down = json.loads((folder / LAID_DOWN).read_text())
    older.write_text("name: an older release's\n")
    from countersign_ml.setup.layout import digest

    laid_down[".github/workflows/finetune.yml"] = digest(older.read_text())
    (folder / LAID_DOWN).write_text(json.dumps(laid_down))
    edited.write_text(edited.read_text() + "# ours\n")
    capsys.readouterr()
    init(folder, "--upgrade")
    said = capsys.readouterr().out
    assert older.read_text() == current
    assert edited.read_text().endswith("# ours\n")
    assert "-# ours" in said


def test_a_link_or_a_folder_in_the_way_stops_it_before_anything_is_written(
    folder: Path, capsys
) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "policy").symlink_to(folder / "elsewhere")
    assert init(folder) == 2
    assert "policy: a link" in capsys.readouterr().err
    assert list((folder / "elsewhere").iterdir()) == []
    assert not (folder / ".github").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nobody could sign anything"),
        (("--role", "ml-lead"), "names no people"),
        (("--role", "ML=grace"), "no name of a role"),
        (("--role", "ml-lead=gr ace"), "no login"),
        (("--role", "ml-lead=@acme/a/b"), "no login"),
    ],
)
def test_a_wrong_role_is_named(folder: Path, capsys, words: tuple[str, ...], said: str) -> None:
    assert main(["init", str(folder), "--yes", *words]) == 2
    assert said in capsys.readouterr().err
    assert content(folder) == {}


def test_without_a_terminal_nothing_is_written_unasked(folder: Path, capsys) -> None:
    assert main(["init", str(folder), *ROLES]) == 2
    assert "--yes" in capsys.readouterr().err
    assert content(folder) == {}


logins = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True)
teams = st.from_regex(r"@[A-Za-z0-9][A-Za-z0-9-]{0,10}/[A-Za-z0-9_-]{1,10}", fullmatch=True)
names = st.from_regex(r"[a-z][a-z0-9-]{0,15}", fullmatch=True)
holders = st.lists(logins | teams, min_size=1, max_size=4, unique=True).map(tuple)


@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.dictionaries(names, holders, min_size=1, max_size=4))
def test_any_roles_give_a_policy_and_owners_that_name_exactly_them(roles) -> None:
    """Also those that YAML would read as something else: `on`, `no`, `1e3`, `null`."""
    policy = parse(Policy, policy_text(roles), "policy.yml")
    for name, wanted in roles.items():
        role = policy.roles[name]
        assert {*role.users, *(f"@{team}" for team in role.teams)} == set(wanted)
    assert set(policy.roles) == set(roles)
    found = codeowners.parse(codeowners_text(roles))
    assert found.problems == ()
    assert {owner.removeprefix("@") for owner in found.owners()} == {
        holder.removeprefix("@") for holder in (h for listed in roles.values() for h in listed)
    }


def test_whoever_owns_the_rules_owns_all_that_init_lays_down() -> None:
    roles = {"ml-lead": ("grace",)}
    files = governed_files(roles, "main", (), {})
    owners = codeowners.parse(files[".github/CODEOWNERS"])
    for path in files:
        if is_rule(path):
            rule = owners.rule_for(path)
            assert rule is not None
            assert rule.owners == ("@grace",)
