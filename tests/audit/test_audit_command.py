"""The command: exit codes, and what a clone must be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from countersign_ml.audit.audit_command import main
from countersign_ml.cli import command_table
from policy.errors import UserError
from policy.governed import pointer_path
from tests.audit.audit_builders import MODEL, Repository


def clone(repository: Repository, to: Path, *options: str) -> Path:
    subprocess.run(
        ["git", "clone", "-q", *options, f"file://{repository.folder}", str(to)], check=True
    )
    return to


def test_the_exit_code_shows_whether_everything_is_proven(
    one: Repository, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
):
    assert command_table.main(["audit", "--repository", str(one.folder)]) == 0
    assert b"Everything is proven." in capsysbinary.readouterr().out
    one.merge(one.propose(2))
    out = tmp_path / "audit.json"
    words = ["--repository", str(one.folder), "--format", "json", "--output", str(out)]
    assert main(words) == 1
    assert json.loads(out.read_bytes())["proven"] is False


def test_a_repository_without_a_version_has_nothing_to_prove(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
):
    repository = Repository(tmp_path / "models")
    for form in ("md", "html"):
        assert main(["--repository", str(repository.folder), "--format", form]) == 0
        text = capsysbinary.readouterr().out
        assert b"Nothing to prove" in text
        assert b"verything is proven" not in text
        assert b"0 of 0" not in text
    assert main(["--repository", str(repository.folder), "--format", "json"]) == 0
    assert json.loads(capsysbinary.readouterr().out)["conclusion"].startswith("Nothing to prove")


def test_a_fresh_clone_a_bare_one_and_a_named_remote_branch_are_audited(
    one: Repository, tmp_path: Path
):
    assert main(["--repository", str(clone(one, tmp_path / "bare", "--bare"))]) == 0
    full = clone(one, tmp_path / "full")
    subprocess.run(["git", "-C", str(full), "checkout", "-q", "--detach"], check=True)
    subprocess.run(["git", "-C", str(full), "branch", "-q", "-D", "main"], check=True)
    assert main(["--repository", str(full)]) == 0


def test_a_clone_without_tags_is_not_proven(
    one: Repository, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
):
    assert main(["--repository", str(clone(one, tmp_path / "bare", "--no-tags"))]) == 1
    assert b"git fetch --tags" in capsysbinary.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--depth=1",), "shallow"),
        (("--filter=blob:none", "--no-checkout"), "is not in this clone"),
    ],
)
def test_a_clone_that_is_not_whole_is_wrong_use(
    one: Repository, tmp_path: Path, options: tuple[str, ...], words: str
):
    one.git("config", "uploadpack.allowFilter", "true")
    with pytest.raises(UserError, match=words):
        main(["--repository", str(clone(one, tmp_path / "part", *options))])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ref", "trunk"], "no branch 'trunk'"),
        (["--ref", "--all"], "no branch"),
        (["--model", "nothing"], "never had a model"),
    ],
)
def test_what_does_not_exist_is_named(one: Repository, words: list[str], message: str):
    with pytest.raises(UserError, match=message):
        main(["--repository", str(one.folder), *("=".join(words),)])


def test_a_folder_that_is_no_repository_is_named(tmp_path: Path):
    with pytest.raises(UserError, match="git rev-parse failed"):
        main(["--repository", str(tmp_path)])
    with pytest.raises(UserError, match="no such folder"):
        main(["--repository", str(tmp_path / "none")])


def test_a_tag_of_the_branchs_name_is_not_the_branch(one: Repository):
    one.git("tag", "main", one.founding)
    assert one.audit().tip.id == one.head("refs/heads/main")


def test_replaced_objects_and_grafts_are_not_believed(one: Repository):
    before = one.audit()
    other = one.git("commit-tree", "-m", "another past", f"{one.founding}^{{tree}}")
    one.git("replace", one.head("main"), other)
    (one.folder / ".git" / "info").mkdir(exist_ok=True)
    (one.folder / ".git" / "info" / "grafts").write_text(f"{one.head('main')}\n")
    assert one.audit().text() == before.text()


def test_an_object_that_its_id_does_not_name_is_found(one: Repository):
    import zlib

    pointer = one.blob(pointer_path(MODEL), "main")
    assert pointer is not None
    file = one.folder / ".git" / "objects" / pointer[:2] / pointer[2:]
    content = zlib.decompress(file.read_bytes()).replace(b"1" * 64, b"2" * 64)
    file.chmod(0o644)
    file.write_bytes(zlib.compress(content))
    with pytest.raises(UserError, match=r"not match its id|git cannot read the|not in this clone"):
        one.audit()


def test_only_the_model_that_was_asked_for_is_reported(one: Repository, tmp_path: Path):
    one.push("Another model", {"models/other/pointer.json": "{}\n"})
    assert main(["--repository", str(one.folder), "--model", MODEL]) == 0
    assert main(["--repository", str(one.folder)]) == 1


def test_paths_that_are_not_utf_8_break_nothing(one: Repository, tmp_path: Path):
    one.git("checkout", "-q", "main")
    odd = one.folder / "models" / MODEL / "data"
    (Path(str(odd)) / b"x\xff.jsonl".decode("utf-8", "surrogateescape")).write_text("row\n")
    one.later()
    one.git("add", "--all")
    one.git("commit", "-q", "-m", "odd")
    for form in ("md", "json", "html"):
        out = tmp_path / form
        words = ["--repository", str(one.folder), "--format", form, "--output", str(out)]
        assert main(words) == 1
        out.read_bytes().decode("utf-8")


def test_the_audit_needs_no_network_and_none_of_the_heavy_packages(one: Repository):
    code = (
        "import sys; from countersign_ml.audit.audit_command import main; "
        f"code = main(['--repository', {str(one.folder)!r}]); "
        "heavy = {'torch', 'github', 'flask', 'numpy', 'bot', 'runner', 'countersign_ml.forge'}; "
        "bad = heavy & set(sys.modules); "
        "sys.exit(code or (f'imported {bad}' if bad else 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", ["", "[" * 100_000, "\x00", "a: &a [*a]", "\ud7ff\ufeff{}"])
@pytest.mark.parametrize(
    "path",
    [f"models/{MODEL}/recipe.yml", "policy/policy.yml", ".github/CODEOWNERS", "policy/keys/x"],
)
def test_broken_files_are_reported_and_never_a_traceback(one: Repository, path: str, text: str):
    """Nothing that a person commits to a repository causes a traceback."""
    head = one.propose(2)
    one.tag(one.record(head))
    one.merge(one.commit("Break it", {pointer_path(MODEL): "{", path: text}, "ada"))
    one.merge(one.propose(3))
    assert main(["--repository", str(one.folder)]) == 1
