"""Git is a graph: the changes since one merge base are not what a merge does.

Ken has write access and no role. His branch and main have two merge bases, so the changes that a
pull request shows are empty or harmless, and the merge is not.
"""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.attacks.scene import POINTER, POLICY, TRAIN, Scene, nothing_got_through
from tests.bot import builders as a
from tests.bot.world import git, write

POLICY_FILE = "policy/policy.yml"
WEAK = POLICY.replace("{ml-lead: 1, operations: 1}", "{ml-lead: 1}")
KEN = ("Ken", "ken@example.com")


def criss_cross(world: Scene, path: str, old: str, now: str) -> str:
    """Return a branch that brings a file's old content back without showing it.

    Main had `old`, and has `now`. A document left main before that change and was merged honestly.
    The branch merged the same two commits the other way round and kept `old`. So main and branch
    have two merge bases; the newer one has `old` already.
    """
    clone = world.clone
    early = world.push_main({path: old}, "omar", "Before")
    late = world.push_main({path: now}, "omar", "Now")
    git(clone, "checkout", "--quiet", "-B", "document", early)
    write(clone, {"docs/guide.md": "Guide.\n"})
    git(clone, "add", "--all")
    when = {"GIT_COMMITTER_DATE": "2030-01-01T00:00:00Z"}
    words = ["git", "commit", "--quiet", "-m", "A guide"]
    subprocess.run(words, cwd=clone, env=os.environ | when, check=True)
    document = git(clone, "rev-parse", "HEAD")
    git(clone, "checkout", "--quiet", "-B", "main", late)
    git(clone, "merge", "--quiet", "--no-ff", "-m", "Merge the guide", document)
    administrators_push(world, "main")
    git(clone, "checkout", "--quiet", "-B", "crossed", document)
    git(clone, "merge", "--quiet", "--no-ff", "-m", "Merge main", "-s", "ours", late)
    return "crossed"


def administrators_push(world: Scene, branch: str) -> None:
    token = world.forge.world.account("omar").token  # type: ignore[union-attr] # a user of the scene
    url = f"{world.forge.url}/{a.REPOSITORY}.git".replace("://", f"://omar:{token}@", 1)
    git(world.clone, "push", "--quiet", url, branch)


def push(world: Scene, branch: str) -> int:
    git(world.clone, "push", "--quiet", "--force", "origin", branch)
    number = world.open(branch, "Only words")
    world.settle()
    return number


def merge_bases(world: Scene, branch: str) -> int:
    git(world.clone, "fetch", "--quiet", "origin")
    done = subprocess.run(
        ["git", "merge-base", "--all", "origin/main", branch],
        cwd=world.clone, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return len(done.stdout.split())


@pytest.mark.parametrize("path", [POLICY_FILE, ".github/CODEOWNERS", POINTER, TRAIN])
def test_a_criss_cross_merge_that_shows_nothing_governed_is_refused(
    world: Scene, path: str
) -> None:
    """Two merge bases: the pull request shows a document, the merge replaces a governed file."""
    usual = world.main(path) or "{}\n"
    branch = criss_cross(world, path, usual + "\n", usual)
    assert merge_bases(world, branch) == 2
    live = world.live()
    number = push(world, branch)
    files = world.api("ken", "GET", f"/pulls/{number}/files")
    assert path not in {file["filename"] for file in files}
    refused = world.try_api("ken", "PUT", f"/pulls/{number}/merge", {"sha": world.head(number)})
    assert refused.status_code == 405
    world.everything_again()
    assert world.main(path) == usual
    nothing_got_through(world, number, live=live, because="otherwise than this branch shows")


def test_control_an_honest_document_beside_a_moved_main_gets_through(world: Scene) -> None:
    """A document on a branch that left main earlier; main moved on."""
    clone = world.clone
    git(clone, "fetch", "--quiet", "origin")
    start = git(clone, "rev-parse", "origin/main")
    world.push_main({"docs/other.md": "Other.\n"}, "omar")
    git(clone, "checkout", "--quiet", "-B", "honest", start)
    write(clone, {"docs/guide.md": "Guide.\n"})
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "A guide")
    number = push(world, "honest")
    assert world.conclusion(number) == "success"
    done = world.try_api("ken", "PUT", f"/pulls/{number}/merge", {"sha": world.head(number)})
    assert done.status_code == 200
    assert world.main("docs/guide.md") == "Guide.\n"
