"""Commits with any parents and any tree, and what an attack on the history needs of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from countersign_ml.forge.deeds.ref_moves import moved
from countersign_ml.forge.git.bare_repository import Person
from tests.attacks.scene import Scene
from tests.bot import builders as a
from tests.bot.world import git, write

_DATES = iter(range(1_800_000_000, 1_900_000_000, 60))
"""Every woven commit is newer than those before it: git names the newest merge base first."""


def woven(
    world: Scene,
    branch: str,
    tree: str,
    parents: Sequence[str],
    files: Mapping[str, str | None] | None = None,
) -> str:
    """Push a commit with these parents and the tree of `tree`, changed by `files`; return it."""
    git(world.clone, "fetch", "--quiet", "origin")
    git(world.clone, "checkout", "--quiet", "--detach", tree)
    write(world.clone, files or {})
    git(world.clone, "add", "--all")
    made = git(world.clone, "write-tree")
    git(world.clone, "reset", "--quiet", "--hard")
    words = [word for parent in parents for word in ("-p", parent)]
    date = f"{next(_DATES)} +0000"
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{who}_NAME": "Ada", f"GIT_{who}_EMAIL": "ada@example.com"}
        environment[f"GIT_{who}_DATE"] = date
    done = subprocess.run(
        ["git", "commit-tree", made, *words, "-m", "Woven"],
        cwd=world.clone,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    commit = done.stdout.strip()
    git(world.clone, "push", "--quiet", "--force", "origin", f"{commit}:refs/heads/{branch}")
    return commit


def tip(world: Scene, branch: str = "main") -> str:
    """Return the commit of a branch on the forge, and have it in the clone."""
    git(world.clone, "fetch", "--quiet", "origin")
    return git(world.clone, "rev-parse", f"origin/{branch}")


def merge(world: Scene, login: str, number: int) -> int:
    """Press the merge button; return the status of the answer."""
    return world.try_api(login, "PUT", f"/pulls/{number}/merge", {}).status_code


def main_moves(world: Scene, files: Mapping[str, str], by: str = "omar") -> str:
    """Put a commit on main while a request is under way; return it."""
    record = world.forge.repository(a.REPOSITORY)
    old = record.store.ref("refs/heads/main") or ""
    changes = [
        (path, "100644", record.store.write_blob(text.encode())) for path, text in files.items()
    ]
    made_tree = record.store.write_tree(record.store.commit(old).tree, changes)
    person = Person(by.title(), f"{by}@example.com", 1_790_000_000)
    made = record.store.write_commit(made_tree, [old], "Another change\n", person, person)
    record.store.move("refs/heads/main", made, old)
    moved(world.forge.world, record, "refs/heads/main", old, made, world.forge.actor(by).account)
    return made
