"""What was live: the default branch along first parents, whatever merged branches had in between.

Ada has write access. Her branches hold commits that move the pointer there and back, or bring a
history of their own, so that what the pull request changes in the end looks like any other.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from bot.facts import proposed
from bot.github.read.pointer_line import PointerLine
from countersign_ml.audit.audit_command import read
from policy.facts.evidence import Incumbent
from policy.facts.pointer_history import quarantined
from tests.attacks import forged as f
from tests.attacks.scene import POINTER, Scene
from tests.attacks.weaving import tip, woven
from tests.bot import builders as a
from tests.bot.world import git, inputs_of, write

PLANTED = a.pointer(1).text().replace('"size": 1400000', '"size": 1400001')
ONE, TWO = a.pointer(1).text(), a.pointer(2).text()


def shipped_with(world: Scene, version: int, *planted: str | None) -> int:
    """Ship a version whose branch had these pointers in between, one commit each."""
    world.prepare(a.forward_key(version), a.evidence(version).text())
    branch = f"version-{version}"
    world.push(branch, dict(inputs_of(version)))
    for text in planted:
        world.commit(branch, {POINTER: text})
    number = world.open(branch)
    world.settle()
    world.sign(number)
    assert world.live() == a.pointer(version).text()
    return number


def test_planted_pointers_of_merged_branches_block_no_rollback(world: Scene) -> None:
    """Two branches had the same made-up pointer, so version 1 looks as if it was taken back."""
    shipped_with(world, 1, PLANTED, None)
    shipped_with(world, 2)
    shipped_with(world, 3, PLANTED, TWO)
    world.push("back", {**inputs_of(1), POINTER: ONE})
    number = world.open("back")
    live = a.pointer(3)
    incumbent = Incumbent(version=live.version, artifact=live.artifact.digest)
    key = proposed.rollback_key(a.ARTIFACTS[1], a.ARTIFACTS[3], number)
    world.prepare(key, a.recovery(1, incumbent=incumbent).text())
    world.settle()
    world.sign(number)
    assert world.live() == ONE, f.told(world, number)


def test_a_history_of_its_own_lifts_no_quarantine(world: Scene) -> None:
    """A branch hangs on commits without a parent: by path, git follows these and leaves main."""
    for version in (1, 2):
        world.shipped(version)
    back = world.revert(2, "ada")
    world.settle()
    world.sign(back)
    assert world.live() == ONE
    orphan = woven(world, "orphan", "origin/main", ())
    other = f.evidence(world, "more").text().replace(a.ARTIFACTS[2], a.ARTIFACTS[3])
    world.prepare(f.key_of(world, "more"), other)
    woven(world, "more", "origin/main", (orphan, tip(world)), f.rows("more"))
    number = world.open("more")
    world.settle()
    world.sign(number)
    before = world.live()
    assert before not in (ONE, TWO, None)
    same = f.evidence(world, "again").text().replace(a.ARTIFACTS[1], a.ARTIFACTS[3])
    again = f.proposed(world, "again", same)
    assert f.refused(world, again, before)
    assert "is quarantined" in f.told(world, again)


class Loom:
    """Commits of any shape in the forge's own store; what the bot and an audit read of them."""

    def __init__(self, world: Scene) -> None:
        self.world, self.clone = world, world.clone
        self._dates = count(1_800_000_000, 60)
        self.start = tip(world)

    def commit(self, *parents: str, pointer: str | None = None, date: int | None = None) -> str:
        """A commit with the tree of `start` and this pointer."""
        at = f"@{next(self._dates) if date is None else date} +0000"
        git(self.clone, "checkout", "--quiet", "--detach", self.start)
        if pointer is not None:
            write(self.clone, {POINTER: pointer})
        git(self.clone, "add", "--all")
        tree = git(self.clone, "write-tree")
        git(self.clone, "reset", "--quiet", "--hard")
        words = [word for parent in parents for word in ("-p", parent)]
        who = {f"GIT_{one}_DATE": at for one in ("AUTHOR", "COMMITTER")}
        who |= {f"GIT_{one}_NAME": "A" for one in ("AUTHOR", "COMMITTER")}
        who |= {f"GIT_{one}_EMAIL": "a@example.com" for one in ("AUTHOR", "COMMITTER")}
        done = subprocess.run(
            ["git", "commit-tree", tree, *words, "-m", "Woven"],
            cwd=self.clone, env=os.environ | who, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def read(self, head: str) -> tuple[list[str | None], list[str | None]]:
        """Every pointer up to a commit, as the bot reads it and as the audit does."""
        git(self.clone, "push", "--quiet", "--force", "origin", f"{head}:refs/heads/woven")
        api = self.world.evaluator.connection.api(self.world.app.installation_id)
        line = PointerLine(api, a.REPOSITORY).moments(head, POINTER)
        store = self.world.forge.repository(a.REPOSITORY).store
        blobs = [moment.content for moment in line]
        by_bot = [store.blob(blob).decode() if blob else None for blob in blobs]
        facts = read(Path(self.clone), head)
        return by_bot, [change.after.text if change.after else None for change in facts.changes]


@pytest.fixture(scope="module")
def loom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loom]:
    with Scene(tmp_path_factory.mktemp("loom")) as world:
        yield Loom(world)


def in_a_merged_branch(loom: Loom, main: str) -> str:
    planted = loom.commit(loom.commit(main, pointer="C"), pointer="B")
    return loom.commit(main, planted, pointer="B")


def dated_before_everything(loom: Loom, main: str) -> str:
    planted = loom.commit(loom.commit(main, pointer="C", date=1), pointer="B", date=2)
    return loom.commit(main, planted, pointer="B")


def dated_after_everything(loom: Loom, main: str) -> str:
    late = 4_000_000_000
    planted = loom.commit(loom.commit(main, pointer="C", date=late), pointer="B", date=late + 1)
    return loom.commit(main, planted, pointer="B")


def with_the_parents_swapped_inside_the_branch(loom: Loom, main: str) -> str:
    planted = loom.commit(main, pointer="C")
    crossed = loom.commit(planted, main, pointer="B")
    return loom.commit(main, crossed, pointer="B")


def without_a_common_ancestor(loom: Loom, main: str) -> str:
    planted = loom.commit(loom.commit(pointer="C"), pointer="D")
    return loom.commit(main, planted, pointer="B")


def by_an_octopus(loom: Loom, main: str) -> str:
    one, other = loom.commit(main, pointer="C"), loom.commit(main, pointer="D")
    return loom.commit(main, one, other, pointer="B")


def in_a_branch_of_a_branch(loom: Loom, main: str) -> str:
    inner = loom.commit(loom.commit(main, pointer="C"), pointer="B")
    outer = loom.commit(loom.commit(main, pointer="B"), inner, pointer="B")
    return loom.commit(main, outer, pointer="B")


@pytest.mark.parametrize(
    "plant",
    [
        in_a_merged_branch,
        dated_before_everything,
        dated_after_everything,
        with_the_parents_swapped_inside_the_branch,
        without_a_common_ancestor,
        by_an_octopus,
        in_a_branch_of_a_branch,
    ],
)
def test_bot_and_audit_read_only_what_main_had(
    loom: Loom, plant: Callable[[Loom, str], str]
) -> None:
    """Commits in a merged branch hold other pointers, in many shapes of a graph."""
    main = loom.commit(loom.start, pointer="A")
    main = plant(loom, loom.commit(main, pointer="B"))
    main = loom.commit(main, pointer="A")
    by_bot, by_audit = loom.read(main)
    assert by_bot == by_audit == ["A", "B", "A"]
    assert quarantined(by_bot) == {"B"}
    further = loom.commit(plant(loom, loom.commit(main, pointer="B")), pointer=None)
    by_bot, by_audit = loom.read(further)
    assert by_bot == by_audit == ["A", "B", "A", "B", None]


def test_control_what_main_had_itself_is_history(loom: Loom) -> None:
    """Main had each of these pointers in turn; removing the file counts too."""
    main = loom.start
    for pointer in ("A", "B", None, "B"):
        main = loom.commit(main, pointer=pointer)
    by_bot, by_audit = loom.read(main)
    assert by_bot == by_audit == ["A", "B", None, "B"]


def test_a_history_past_the_limit_is_not_judged_by_halves(
    world: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Main has more commits than are read, so what was live before is unknown."""
    for number in range(3):
        world.push_main({"notes.md": f"{number}\n"}, "omar")
    monkeypatch.setattr("bot.github.read.pointer_line.MOST_PAGES", 1)
    monkeypatch.setattr("bot.github.read.pointer_line.PAGE", 2)
    before = world.live()
    number = world.propose(1)
    world.settle()
    world.sign(number)
    assert world.live() == before
    assert "it is unknown which versions were live" in f.told(world, number)
