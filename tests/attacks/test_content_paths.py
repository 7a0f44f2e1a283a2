"""Files that are not what they seem: look-alike names, links, submodules, paths out.

In these worlds only the pull request's files can stop a green check, so each scenario names the
reason that readers see.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest

from countersign_ml.markdown import as_read
from tests.attacks import forged as f
from tests.attacks.forged import Entry
from tests.bot import builders as a
from tests.bot.world import World, git

LINK, SUBMODULE, FILE = "120000", "160000", "100644"
NAMES = {
    "a Cyrillic o": "supp\u043ert-triage",
    "full-width letters": "\uff53upport-triage",
    "a letter and an accent": unicodedata.normalize("NFD", "supp\u00f6rt-triage"),
    "an invisible letter": "support\u200b-triage",
    "upper case": "Support-Triage",
    "a path in percent signs": "a%2fb",
    "a dash for an option": "--upload-pack",
    "a trailing dot": "support-triage.",
    "a space": "support triage",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One version is live."""
    with World(tmp_path_factory.mktemp("world")) as found:
        f.shipped(found, "first")
        yield found


def entries(world: World, branch: str, *wanted: Entry) -> int:
    """A pull request that puts these entries into main's tree, after the bot has looked at it."""
    f.push_entries(world, branch, wanted)
    number = world.open(branch, branch)
    world.settle()
    return number


@pytest.mark.parametrize("trick", NAMES)
def test_a_folder_that_looks_like_a_model_is_no_model(world: World, trick: str) -> None:
    """A second folder next to the model's, which a reader mistakes for it or a tool for a path."""
    before, name = world.live(), NAMES[trick]
    files = {path.replace(a.MODEL, name): text for path, text in f.rows("look-alike").items()}
    files[f"models/{name}/pointer.json"] = before
    branch = trick.replace(" ", "-")
    world.push(branch, files)
    number = world.open(branch, trick)
    world.settle()
    assert f.refused(world, number, before)
    assert "is no model name" in f.told(world, number)


@pytest.mark.parametrize(
    "path",
    [
        [b"models", b"..", b"x"],
        [b"models", b".git", b"config"],
        [b"models", b".", b"pointer.json"],
        [b"models", b"", b"pointer.json"],
    ],
)
def test_a_tree_whose_names_lead_out_of_it_moves_nothing(world: World, path: list[bytes]) -> None:
    """A tree that `git add` never creates: `models/../x`, `models/.git/config`."""
    before = world.live()
    branch = "tree-" + path[1].hex()
    status, said = f.push_trees(world, branch, path, b"{}")
    if status != 0:
        assert world.live() == before
        assert "error" in said.lower() or "fatal" in said.lower()
        return
    number = world.open(branch, branch)
    world.settle()
    assert f.refused(world, number, before)


def test_a_link_for_the_training_rows_is_refused(world: World) -> None:
    """The rows are a link to a file outside the model's folder."""
    before = world.live()
    target = f.blob(world, b"../../../README.md")
    number = entries(world, "link-rows", Entry(LINK, target, f"{f.FOLDER}data/train.jsonl"))
    assert f.refused(world, number, before)
    assert "links and submodules cannot be governed" in f.told(world, number)


def test_a_link_for_the_pointer_is_refused(world: World) -> None:
    """pointer.json becomes a link to a file that is not governed."""
    before = world.live()
    text = (before or "").replace("c" * 64, "1" * 64).encode()
    number = entries(
        world,
        "link-pointer",
        Entry(LINK, f.blob(world, b"../../free.json"), f.POINTER),
        Entry(FILE, f.blob(world, text), "free.json"),
    )
    assert f.refused(world, number, before)
    assert "links and submodules cannot be governed" in f.told(world, number)


def test_a_submodule_in_the_model_is_refused(world: World) -> None:
    """The rows come from another repository, at a commit that can be deleted there."""
    before = world.live()
    number = entries(world, "submodule", Entry(SUBMODULE, "1" * 40, f"{f.FOLDER}data/more"))
    assert f.refused(world, number, before)
    assert "links and submodules cannot be governed" in f.told(world, number)


@pytest.mark.parametrize("place", ["models/fresh", "model_cards/fresh"])
@pytest.mark.parametrize("mode", [LINK, SUBMODULE])
def test_a_link_in_the_place_of_a_models_folder_is_refused(
    world: World, place: str, mode: str
) -> None:
    """A new model that is a link to a folder that is not governed."""
    before = world.live()
    target = f.blob(world, b"../free") if mode == LINK else "2" * 40
    number = entries(
        world,
        f"place-{place.replace('/', '-')}-{mode}",
        Entry(mode, target, place),
        Entry(FILE, f.blob(world, (before or "").encode()), "free/pointer.json"),
    )
    assert f.refused(world, number, before)
    assert "links and submodules cannot be governed" in f.told(world, number)


def test_a_governed_file_that_is_moved_out_of_its_folder_is_judged(world: World) -> None:
    """A rename: the new name is not governed, the old one is the model's."""
    before = world.live()
    old = f"{f.FOLDER}data/test.jsonl"
    text = world.forge.repository(a.REPOSITORY).store.file("refs/heads/main", old)
    assert text is not None
    world.push("moved", {old: None, "notes/test.jsonl": text.decode()})
    number = world.open("moved", "Tidy up")
    world.settle()
    files = world.api("ada", "GET", f"/pulls/{number}/files")
    assert [item["status"] for item in files] == ["renamed"]
    assert f.refused(world, number, before)


def test_a_pointer_that_is_moved_out_of_its_folder_is_judged(world: World) -> None:
    """Nothing is live once the pointer has another name."""
    before = world.live()
    assert before is not None
    world.push("away", {f.POINTER: None, "old-pointer.json": before})
    number = world.open("away", "Tidy up")
    world.settle()
    signed_by_half(world, number)
    assert world.live() == before
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})


def signed_by_half(world: World, number: int) -> None:
    """Only the lead signs, which is half of a promotion; a rollback needs someone in operations."""
    world.approve(number, "grace")
    f.looked_at(world, number)
    assert world.conclusion(number) != "success"


@pytest.mark.parametrize(
    "path",
    [
        ".gitattributes",
        f"{f.FOLDER}data/.gitattributes",
        ".GITATTRIBUTES",
        ".gitmodules",
        ".lfsconfig",
        ".dvc/config",
        ".countersign/work/x/stage.json",
        "Policy/policy.yml",
        ".github/workflows/helpful.yml",
    ],
)
def test_a_file_that_changes_how_others_are_read_needs_the_rules_quorum(
    world: World, path: str
) -> None:
    """No model's file changes, but git, LFS, DVC or the runner read them differently afterwards."""
    before = world.live()
    target = f.blob(world, b"# Not what it seems\n")
    number = entries(world, "reading-" + path.encode().hex()[:30], Entry(FILE, target, path))
    check = world.conclusion(number)
    assert check not in ("success", "neutral", "skipped"), f.told(world, number)
    assert "Nothing governed changes here" not in f.told(world, number)
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    assert world.live() == before


def test_files_of_nobody_that_ride_along_with_a_model_are_listed(world: World) -> None:
    """Next to the rows: a build file, a lock file, code, a script. Signers look at the rows."""
    before = world.live()
    beside = ["Makefile", "requirements.lock", "runner/line.py", "scripts/run.sh", "setup.cfg"]
    world.push("ride", {**f.rows("ride"), **dict.fromkeys(beside, "# Not what it seems\n")})
    number = world.open("ride", "More rows")
    world.settle()
    shown = world.check(number)["output"]
    said = as_read("\n".join(world.comments(number))), as_read(str(shown))
    for path in beside:
        assert all(path in text for text in said), said
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    assert world.live() == before


def test_control_a_plain_new_file_of_the_model_gets_through(world: World) -> None:
    """The same folders, with correct names and files."""
    before = world.live()
    git(world.clone, "checkout", "--quiet", "--force", "origin/main")
    f.shipped(world, "honest")
    assert world.live() != before
