"""The default branch: its commits along first parents, their trees, and the clone's tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from countersign_ml.audit.history.git_objects import FOLDER, Commit, Entry, Objects, Tag, run_git
from policy.errors import UserError
from policy.facts.pointer_history import first_parents

Change = tuple[str, Entry | None, Entry | None]
"""A path, its entry before and its entry after."""


class History:
    """Commits along first parents; trees are compared by id."""

    def __init__(self, directory: Path, objects: Objects, ref: str) -> None:
        self._directory = directory
        self.objects = objects
        self.ref, tip = _resolve(directory, ref)
        line = [objects.commit(oid) for oid in first_parents(tip, self._parents)]
        self.line = tuple(reversed(line))
        """Oldest first."""
        self.places = {commit.id: place for place, commit in enumerate(self.line)}

    @property
    def tip(self) -> Commit:
        return self.line[-1]

    @property
    def branch(self) -> str:
        """Return the branch's name; empty if a bare commit was given."""
        for prefix in ("refs/heads/", "refs/remotes/origin/"):
            if self.ref.startswith(prefix):
                return self.ref.removeprefix(prefix)
        return ""

    def _parents(self, oid: str) -> tuple[str, ...]:
        return self.objects.commit(oid).parents

    def entry(self, commit: Commit | None, path: str) -> Entry | None:
        """Return the entry at a path; None if there is none."""
        found: Entry | None = None
        tree = commit.tree if commit is not None else None
        for name in path.split("/"):
            if tree is None:
                return None
            found = self.objects.tree(tree).get(name)
            tree = found.id if found is not None and found.mode == FOLDER else None
        return found

    def content(self, commit: Commit | None, path: str) -> bytes | None:
        """Return a plain file's bytes; None if there is none. A link is not a plain file."""
        entry = self.entry(commit, path)
        return self.objects.blob(entry.id) if entry is not None and entry.is_plain else None

    def text(self, commit: Commit | None, path: str) -> str | None:
        """Return a plain file as text; invalid bytes become U+FFFD, so that parsing it fails."""
        content = self.content(commit, path)
        return None if content is None else content.decode("utf-8", "replace")

    def below(self, commit: Commit | None, folder: str) -> tuple[tuple[str, Entry], ...]:
        """Return `(path below the folder, entry)` of every file, sorted."""
        entry = self.entry(commit, folder)
        if entry is None or entry.mode != FOLDER:
            return ()
        return tuple(
            (path, new) for path, _, new in self._changed(None, entry.id, "") if new is not None
        )

    def changed(self, old: Commit | None, new: Commit | None) -> tuple[Change, ...]:
        """Return every path that differs, sorted; a rename appears under both names."""
        before, after = (commit.tree if commit else None for commit in (old, new))
        if before == after:
            return ()
        return tuple(self._changed(before, after, ""))

    def _changed(self, old: str | None, new: str | None, prefix: str) -> Iterator[Change]:
        before = self.objects.tree(old) if old else {}
        after = self.objects.tree(new) if new else {}
        for name in sorted(before.keys() | after.keys()):
            was, is_now = before.get(name), after.get(name)
            if was == is_now:
                continue
            folders = [e.id if e and e.mode == FOLDER else None for e in (was, is_now)]
            files = [e if e and e.mode != FOLDER else None for e in (was, is_now)]
            if any(files):
                yield prefix + name, files[0], files[1]
            if any(folders):
                yield from self._changed(folders[0], folders[1], f"{prefix}{name}/")

    def fork_point(self, base: Commit, head: str) -> Commit | None:
        """Return where a branch left the base; None if they share no history."""
        if self.objects.commit(head).parents[:1] == (base.id,):
            return base
        try:
            found = run_git(self._directory, "merge-base", base.id, head).split()
        except UserError:
            return None
        return self.objects.commit(found[0])

    def brought(self, base: Commit, head: str) -> tuple[Commit, ...]:
        """Return the commits that `head` has and `base` does not, newest first."""
        listed = run_git(self._directory, "rev-list", head, f"^{base.id}").split()
        return tuple(self.objects.commit(oid) for oid in listed)

    def tags(self, prefix: str) -> dict[str, Tag | None]:
        """Return the tags below `refs/tags/<prefix>`; None for a tag that is not annotated."""
        lines = run_git(
            self._directory,
            "for-each-ref",
            "--format=%(objecttype) %(objectname) %(refname)",
            f"refs/tags/{prefix}",
        ).splitlines()
        found: dict[str, Tag | None] = {}
        for line in sorted(lines):
            kind, oid, name = line.split(" ", 2)
            short = name.removeprefix("refs/tags/")
            found[short] = self.objects.tag(oid) if kind == "tag" else None
        return found


def _resolve(directory: Path, ref: str) -> tuple[str, str]:
    """Return a branch's full name and its commit; a tag of the same name is ignored."""
    if run_git(directory, "rev-parse", "--is-shallow-repository").strip() == "true":
        raise UserError.one(
            str(directory),
            "a shallow clone: the history before its first commit cannot be proven",
            "fetch the rest: git fetch --unshallow --tags",
        )
    names = (
        [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/remotes/origin/{ref}"]
    )
    for name in names:
        line = run_git(
            directory, "for-each-ref", "--format=%(refname) %(objectname) %(objecttype)", name
        )
        for found in line.splitlines():
            full, oid, kind = found.split(" ")
            if full == name and kind == "commit":
                return full, oid
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", ref):
        return ref, ref
    raise UserError.one(str(directory), f"no branch {ref!r}", "name the default branch: --ref NAME")
