"""Git history: commits and changes between two commits, trial merges, reverts."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from countersign_ml.forge.git.bare_repository import (
    EMPTY_TREE,
    SHA,
    CommitObject,
    GitError,
    GitStore,
    Person,
    parse_commit,
)

STATUS = {
    "A": "added",
    "M": "modified",
    "D": "removed",
    "R": "renamed",
    "C": "copied",
    "T": "changed",
}
LARGEST_PATCH = 3_000  # lines; GitHub leaves larger patches out


@dataclass(frozen=True)
class FileChange:
    """One file of a diff, in GitHub's words for `status`."""

    path: str
    previous: str | None
    status: str
    sha: str | None
    additions: int
    deletions: int
    patch: str | None


@dataclass(frozen=True)
class Merged:
    """A trial merge: the tree, or the paths in conflict."""

    tree: str | None
    conflicts: tuple[str, ...]


def log(
    store: GitStore,
    start: str,
    *,
    exclude: str | None = None,
    path: str | None = None,
    limit: int | None = None,
    oldest_first: bool = False,
) -> list[str]:
    """Commits reachable from `start` but not from `exclude`, newest first."""
    args = ["rev-list", "--topo-order" if oldest_first else "--date-order"]
    args += ["--reverse"] if oldest_first else []
    args += [f"--max-count={limit}"] if limit else []
    args += [start] + ([f"^{exclude}"] if exclude else [])
    args += ["--", path] if path else ["--"]
    return store.text(*args).split()


def commits(store: GitStore, shas: list[str]) -> list[CommitObject]:
    """Read many commits in one call, in the given order."""
    if not shas:
        return []
    out = store.raw("cat-file", "--batch", stdin="\n".join(shas).encode() + b"\n")
    found, at = [], 0
    for sha in shas:
        end = out.index(b"\n", at)
        size = int(out[at:end].split()[2])
        raw = out[end + 1 : end + 1 + size]
        found.append(parse_commit(sha, raw.decode(errors="replace")))
        at = end + 1 + size + 1
    return found


def merge_base(store: GitStore, one: str, other: str) -> str | None:
    """The best common ancestor, or None for unrelated histories."""
    try:
        return _of_commits(store, one, other)("merge-base", one, other).decode().strip() or None
    except GitError:
        return None


def _of_commits(store: GitStore, *names: str) -> Callable[..., bytes]:
    """The reader for these commits: `fixed`, which caches, if each is named by its SHA."""
    return store.fixed if all(map(SHA.fullmatch, names)) else store.raw


def contains(store: GitStore, descendant: str, ancestor: str) -> bool:
    """Whether `ancestor` is reachable from `descendant`."""
    return merge_base(store, descendant, ancestor) == ancestor


def distance(store: GitStore, base: str, head: str) -> tuple[int, int]:
    """How many commits `head` is ahead of and behind `base`."""
    read = _of_commits(store, base, head)
    left, right = read("rev-list", "--left-right", "--count", f"{base}...{head}").split()
    return int(right), int(left)


def changes(
    store: GitStore, old: str | None, new: str, *, patches: bool = True
) -> list[FileChange]:
    """Files that differ between two commits or trees, renames found as GitHub does (50 %)."""
    return list(_changes(store, old or EMPTY_TREE, new, patches))


# Objects never change, and a client that pages through 3,000 files needs the same diff 30 times.
@lru_cache(maxsize=32)
def _changes(store: GitStore, old: str, new: str, patches: bool) -> tuple[FileChange, ...]:
    raw = store.raw("diff-tree", "-r", "-z", "-M50%", "-l3000", "--raw", "--numstat", old, new)
    records, counts = _parse_raw(raw)
    texts = _patches(store, old, new) if patches and records else {}
    found = []
    for letter, sha, previous, path in records:
        added, removed = counts.get(path, (0, 0))
        found.append(
            FileChange(
                path, previous, STATUS.get(letter, "changed"), sha, added, removed, texts.get(path)
            )
        )
    return tuple(found)


def _parse_raw(
    raw: bytes,
) -> tuple[list[tuple[str, str | None, str | None, str]], dict[str, tuple[int, int]]]:
    fields = [field.decode(errors="replace") for field in raw.split(b"\0")]
    records: list[tuple[str, str | None, str | None, str]] = []
    counts: dict[str, tuple[int, int]] = {}
    at = 0
    while at < len(fields):
        field = fields[at]
        if field.startswith(":"):
            _, _, before, after, letter = field.split(" ")
            sha = after if letter[0] != "D" else before
            if letter[0] in "RC":
                records.append((letter[0], sha, fields[at + 1], fields[at + 2]))
                at += 3
            else:
                records.append((letter[0], sha, None, fields[at + 1]))
                at += 2
        elif field:
            added, removed, path = field.split("\t")
            if path:
                at += 1
            else:
                path = fields[at + 2]
                at += 3
            counts[path] = (_count(added), _count(removed))
        else:
            at += 1
    return records, counts


def _count(text: str) -> int:
    return 0 if text == "-" else int(text)  # "-" is a binary file


def _patches(store: GitStore, old: str, new: str) -> dict[str, str]:
    text = store.raw(
        "diff-tree",
        "-r",
        "-p",
        "-M50%",
        "-l3000",
        "--no-prefix",
        old,
        new,
    ).decode(errors="replace")
    found = {}
    for part in re.split(r"^diff --git ", text, flags=re.M)[1:]:
        lines = part.split("\n")
        hunk = next((n for n, line in enumerate(lines) if line.startswith("@@ ")), None)
        if hunk is None or len(lines) - hunk > LARGEST_PATCH:
            continue
        names = {
            line[:4]: line[4:].rstrip("\t") for line in lines[:hunk] if line[:4] in ("--- ", "+++ ")
        }
        path = names["+++ "] if names["+++ "] != "/dev/null" else names["--- "]
        found[path.strip('"')] = "\n".join(lines[hunk:]).rstrip("\n")
    return found


def trial_merge(store: GitStore, base: str, head: str) -> Merged:
    """Merge `head` into `base` without touching a ref."""
    out = (
        store.raw(
            "merge-tree",
            "--write-tree",
            "-z",
            "--name-only",
            "--no-messages",
            base,
            head,
            extra=None,
            accept=(0, 1),
        )
        .decode(errors="replace")
        .split("\0")
    )
    paths = tuple(dict.fromkeys(path for path in out[1:] if path))
    return Merged(None, paths) if paths else Merged(out[0], ())


def reverted_tree(store: GitStore, onto: str, merge: str, author: Person) -> str:
    """The tree after `git revert -m 1 merge` on top of `onto`; raise GitError on a conflict."""
    parents = store.commit(merge).parents
    folder = Path(tempfile.mkdtemp(prefix="forge-revert-"))
    shutil.rmtree(folder)
    who = {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_COMMITTER_NAME": author.name,
        "GIT_COMMITTER_EMAIL": author.email,
    }
    try:
        store.text("worktree", "add", "--detach", "--quiet", str(folder), onto)
        here = GitStore(folder)
        main = ["-m", "1"] if len(parents) > 1 else []
        here.text("revert", "--no-edit", *main, merge, extra=who)
        return here.text("rev-parse", "HEAD^{tree}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        store.text("worktree", "prune")
