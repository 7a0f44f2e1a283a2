"""Too much of everything: files, commits, bytes, brackets, digits."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.attacks import forged as f
from tests.attacks.forged import Entry
from tests.bot import builders as a
from tests.bot.world import World, git

RECIPES = {
    "a bomb of aliases": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nbase_model: *c\n",
    "forty brackets too many": a.RECIPE + "decoding: " + "[" * 80 + "]" * 80 + "\n",
    "a hundred thousand brackets": "[" * 100_000,
    "a megabyte": a.RECIPE + "# x\n" * 300_000,
    "a key given twice": a.RECIPE + "seed: 1\nseed: 2\n",
    "a number without digits": a.RECIPE + 'seed: !!int ""\n',
    "a number of six thousand digits": a.RECIPE + "seed: 0x" + "f" * 6000 + "\n",
    "a character beyond every alphabet": a.RECIPE + 'seed: "\\U00110000"\n',
    "a tag that makes an object": a.RECIPE + 'seed: !!python/object/apply:os.system ["true"]\n',
    "a control character": a.RECIPE + "seed: \x07\n",
    "no mapping": "- a\n- b\n",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One version is live."""
    with World(tmp_path_factory.mktemp("world")) as found:
        f.shipped(found, "first")
        yield found


@pytest.mark.parametrize("trick", RECIPES)
def test_a_recipe_that_would_break_a_reader_is_refused(world: World, trick: str) -> None:
    """YAML that expands, nests or misleads; the bot reads it before anything else."""
    before = world.live()
    started, branch = world.runs(), trick.replace(" ", "-")
    world.push(branch, {**f.rows(trick), f"{f.FOLDER}recipe.yml": RECIPES[trick]})
    number = world.open(branch, trick)
    world.settle()
    assert f.refused(world, number, before)
    assert "recipe" in f.told(world, number)
    assert world.runs() == started


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nested", '{"a":' * 50_000),
        ("large", '{"schema_version": 1, "model": "' + "x" * 5_000_000 + '"}'),
        ("digits", '{"schema_version": ' + "9" * 5_000 + "}"),
    ],
)
def test_a_pointer_that_would_break_a_reader_is_refused(world: World, name: str, text: str) -> None:
    """A pointer.json of brackets, of megabytes, of digits."""
    before = world.live()
    world.push(f"pointer-{name}", {**f.rows(f"pointer {name}"), f.POINTER: text})
    number = world.open(f"pointer-{name}")
    world.settle()
    assert f.refused(world, number, before)
    assert "changed by hand" in f.told(world, number)


def test_evidence_of_fifty_megabytes_is_not_read(world: World) -> None:
    """Good evidence after fifty million spaces: the zip is small."""
    before = world.live()
    text = " " * 50_000_000 + f.evidence(world, "large").text()
    number = f.proposed(world, "large", text)
    assert f.refused(world, number, before)
    assert "its evidence is larger than" in f.told(world, number)


def test_a_pull_request_of_three_thousand_and_one_files_is_refused(world: World) -> None:
    """The one file that matters may be the one that GitHub does not list."""
    before = world.live()
    blob = f.blob(world, b"x")
    listed = [Entry("100644", blob, f"notes/{n:04}.txt") for n in range(3_000)]
    rows = Entry("100644", f.blob(world, b"many files"), f"{f.FOLDER}data/train.jsonl")
    f.push_entries(world, "many-files", [*listed, rows])
    number = world.open("many-files")
    world.settle()
    assert world.pull(number)["changed_files"] == 3_001
    assert f.refused(world, number, before)
    assert "3,000 files or more" in f.told(world, number)


def test_a_pull_request_of_two_hundred_and_fifty_one_commits_is_refused(world: World) -> None:
    """The one author who may not sign may be the one whose commit GitHub does not list."""
    before = world.live()
    git(world.clone, "fetch", "--quiet", "origin")
    tip = git(world.clone, "rev-parse", "origin/main")
    rows = f.blob(world, b"many commits")
    who = "committer Ada <ada@example.com> 1700000000 +0000\ndata 1\nx\n"
    stream = "".join(
        f"commit refs/heads/many-commits\n{who}"
        + (f"from {tip}\nM 100644 {rows} {f.FOLDER}data/train.jsonl\n" if n == 0 else "")
        + f"M 100644 {rows} notes/{n}.txt\n"
        for n in range(251)
    )
    git(world.clone, "checkout", "--quiet", "--force", "--detach", "origin/main")
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=world.clone, input=stream.encode(), check=True
    )
    git(world.clone, "push", "--quiet", "origin", "many-commits")
    number = world.open("many-commits")
    world.settle()
    assert world.pull(number)["commits"] == 251
    assert f.refused(world, number, before)
    assert "250 commits or more" in f.told(world, number)


def test_control_many_files_below_the_limit_get_through(world: World) -> None:
    """Four hundred files, more than one comparison lists, together with honest rows."""
    before = world.live()
    world.prepare(f.key_of(world, "honest"), f.evidence(world, "honest").text())
    blob, rows = f.blob(world, b"x"), f.blob(world, b"honest")
    listed = [Entry("100644", blob, f"notes/{n:04}.txt") for n in range(400)]
    rows_entry = Entry("100644", rows, f"{f.FOLDER}data/train.jsonl")
    f.push_entries(world, "honest", [*listed, rows_entry])
    number = world.open("honest")
    world.settle()
    f.signed(world, number)
    assert world.live() != before
