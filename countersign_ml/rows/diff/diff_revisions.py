"""The data of a model at two git revisions, read from the clone without a checkout."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from countersign_ml.git import git
from countersign_ml.rows.read.row import Defect, Row
from countersign_ml.rows.read.sample_lines import read_source
from countersign_ml.rows.read.source import Source
from policy.errors import UserError
from policy.governed import is_model_name, model_of

ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".jsonl.zstd", ".parquet")
_LFS = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Revision:
    """One commit: the name given, and its id."""

    name: str
    commit: str


class DataHistory:
    """The rows in the history of a clone."""

    def __init__(self, directory: Path) -> None:
        """Find the top of the clone that `directory` is in."""
        self.top = directory
        found = self._git("rev-parse", "--show-toplevel") if directory.is_dir() else None
        if found is None:
            raise UserError.one(str(directory), "not a git clone", "name one with --repo")
        self.top = Path(found.decode().rstrip("\n"))

    def span(self, words: str) -> tuple[Revision, Revision]:
        """Return the two ends of BASE..HEAD; with three dots BASE is their merge base."""
        dots = "..." if "..." in words else ".."
        base, _, head = words.partition(dots)
        one, other = self.revision(base or "HEAD"), self.revision(head or "HEAD")
        if dots == "..":
            return one, other
        fork = self._git("merge-base", one.commit, other.commit)
        if fork is None:
            raise UserError.one(
                words, "the two share no history here", "fetch more history, or use two dots"
            )
        return Revision(f"{one.name} (where they forked)", fork.decode().strip()), other

    def revision(self, name: str) -> Revision:
        """Return a revision; UserError if git does not know it."""
        found = self._git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
        if found is None:
            raise UserError.one(
                name, "no such revision here", "give a branch, tag or commit, or fetch it"
            )
        return Revision(name, found.decode().strip())

    def models(self, *revisions: Revision) -> list[str]:
        """Return the models that have data at any of the revisions."""
        found = set()
        for revision in revisions:
            for path, _ in self._tree(revision, "models"):
                name = model_of(path) or ""
                if is_model_name(name) and path.startswith(f"models/{name}/data/"):
                    found.add(name)
        return sorted(found)

    def changed(self, before: Revision, after: Revision) -> list[str]:
        """Return the models whose files of rows differ between the revisions."""
        return [
            name
            for name in self.models(before, after)
            if self.files(before, name) != self.files(after, name)
        ]

    def files(self, revision: Revision, model: str) -> list[tuple[str, str]]:
        """Return path and blob of every file of rows that a model has."""
        return [
            (path, blob)
            for path, blob in self._tree(revision, f"models/{model}/data")
            if path.endswith(ENDINGS)
        ]

    def rows(self, revision: Revision, model: str) -> Iterator[Row | Defect]:
        """Yield the rows of all of a model's files, one file at a time through a temporary copy."""
        for path, blob in self.files(revision, model):
            where = f"{revision.name}:{path}"
            with tempfile.TemporaryDirectory(prefix="countersign-") as folder:
                copy = Path(folder) / Path(path).name
                self._copy(blob, copy, where)
                yield from read_source(Source(str(copy), path))

    def _copy(self, blob: str, target: Path, where: str) -> None:
        with target.open("wb") as sink:
            answer = git(self.top, "cat-file", "blob", blob, stdout=sink)
        if not answer.ok:
            raise UserError.one(
                where, f"git cannot read it: {answer.said}", "fetch it, or run: git fsck"
            )
        with target.open("rb") as source:
            if source.read(len(_LFS)) == _LFS:
                raise UserError.one(
                    where,
                    "this revision contains only a Git LFS pointer",
                    "compare two files that git lfs has fetched: countersign data diff OLD NEW",
                )

    def _tree(self, revision: Revision, folder: str) -> list[tuple[str, str]]:
        listed = self._git("ls-tree", "-rz", revision.commit, "--", f"{folder}/")
        if listed is None:
            raise UserError.one(revision.name, "its files cannot be listed", "run: git fsck")
        found = []
        for entry in filter(None, listed.decode("utf-8", "surrogateescape").split("\0")):
            facts, _, path = entry.partition("\t")
            mode, _, blob = facts.split()
            if mode in ("100644", "100755"):
                found.append((path, blob))
        return found

    def _git(self, *words: str) -> bytes | None:
        """Return what git prints; None if it fails."""
        answer = git(self.top, *words)
        return answer.out if answer.ok else None
