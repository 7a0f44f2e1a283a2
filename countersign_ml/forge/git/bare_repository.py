"""Objects and refs of one bare repository, through the git command.

Nothing here knows about pull requests or permissions. A value from a request is either checked by
`valid_ref`, or passed where git cannot read it as an option.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from countersign_ml.git import NO_USER_SETTINGS, git

SHA = re.compile(r"[0-9a-f]{40}")
ZERO = "0" * 40
KEPT_ANSWERS, KEPT_BYTES = 4096, 16_000  # cached answers about objects, and the longest of them
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

# The forge decides before it calls receive-pack; this hook only passes the answer to the client.
UPDATE_HOOK = """#!/bin/sh
case "$1" in
  refs/pull/*) echo "deny updating a hidden ref" >&2; exit 1 ;;
esac
case "$1" in
  refs/heads/gh-readonly-queue/*)
    echo "error: GH006: Protected branch update failed for $1." >&2; exit 1 ;;
esac
case " $FORGE_QUEUED " in
  *" $1 "*)
    echo "error: GH006: Protected branch update failed for $1." >&2
    echo "error: A pull request for this branch has been added to a merge queue." >&2
    exit 1 ;;
esac
case " $FORGE_PROTECTED " in
  *" $1 "*)
    echo "error: GH006: Protected branch update failed for $1." >&2
    echo "error: Changes must be made through a pull request." >&2
    exit 1 ;;
esac
"""


CONFIG = """
[http]
\treceivepack = true
[uploadpack]
\tallowAnySHA1InWant = true
[gc]
\tauto = 0
"""


class GitError(Exception):
    """A git command failed; `str()` is its message."""


@dataclass(frozen=True)
class Person:
    """Name, address and time in a commit's author or committer line."""

    name: str
    email: str
    seconds: int
    zone: str = "+0000"

    def line(self) -> str:
        """The form in a commit object, without the characters that git forbids."""
        name, email = (re.sub(r"[<>\n]", "", text) for text in (self.name, self.email))
        return f"{name} <{email}> {self.seconds} {self.zone}"


@dataclass(frozen=True)
class CommitObject:
    """A commit as it is stored."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True)
class TagObject:
    """An annotated tag as it is stored."""

    sha: str
    name: str
    target: str
    kind: str
    tagger: Person
    message: str


@dataclass(frozen=True)
class TreeEntry:
    """One line of a tree: octal mode, kind (blob, tree, commit), object, path, size of a blob."""

    mode: str
    kind: str
    sha: str
    path: str
    size: int | None


def valid_ref(ref: str) -> bool:
    """Whether git would accept the name as a full ref below refs/."""
    forbidden = re.compile(r"[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{|//|/\.|\.lock(/|$)|[/.]$")
    return ref.startswith("refs/") and ref.count("/") >= 2 and not forbidden.search(ref)


class GitStore:
    """One bare repository on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: dict[tuple[str, ...], bytes] = {}

    @classmethod
    def create(cls, path: Path, default_branch: str) -> GitStore:
        """Create an empty bare repository that http-backend will serve."""
        path.mkdir(parents=True)
        store = cls(path)
        store.text("init", "--bare", "--quiet", f"--initial-branch={default_branch}", ".")
        with (path / "config").open("a", encoding="utf-8") as config:
            config.write(CONFIG)
        hook = path / "hooks" / "update"
        hook.write_text(UPDATE_HOOK)
        hook.chmod(0o755)
        return store

    def raw(
        self,
        *args: str,
        stdin: bytes = b"",
        extra: Mapping[str, str] | None = None,
        accept: Iterable[int] = (0,),
    ) -> bytes:
        """Standard output of `git args`; GitError if the exit code is not in `accept`."""
        done = git(self.path, *args, stdin=stdin, extra={**NO_USER_SETTINGS, **(extra or {})})
        if done.code not in tuple(accept):
            raise GitError(f"git {args[0]}: {done.err.decode(errors='replace').strip()}")
        return done.out

    def fixed(self, *args: str) -> bytes:
        """Like `raw`, where every object is named by its SHA: the answer never changes."""
        found = self._kept.get(args)
        if found is None:
            found = self.raw(*args)
            if len(self._kept) >= KEPT_ANSWERS:
                self._kept.clear()
            if len(found) <= KEPT_BYTES:
                self._kept[args] = found
        return found

    def text(self, *args: str, stdin: str = "", extra: Mapping[str, str] | None = None) -> str:
        """Like `raw`, decoded and stripped."""
        return self.raw(*args, stdin=stdin.encode(), extra=extra).decode(errors="replace").strip()

    # A name comes from the caller, so each goes through --verify with --end-of-options.
    def resolve(self, name: str, kind: str = "commit") -> str | None:
        """The object that a branch, tag, ref or SHA names; None if there is none of that kind."""
        if not name or "\n" in name or "\0" in name:
            return None
        candidates = [name] if SHA.fullmatch(name) or name.startswith("refs/") else []
        candidates += [f"refs/heads/{name}", f"refs/tags/{name}"]
        if re.fullmatch(r"[0-9a-f]{7,40}", name) or name in ("HEAD",):
            candidates.append(name)
        for candidate in candidates:
            read = self.fixed if SHA.fullmatch(candidate) else self.raw
            asked = ("--verify", "--quiet", "--end-of-options", f"{candidate}^{{{kind}}}")
            try:
                return read("rev-parse", *asked).decode().strip()
            except GitError:
                continue
        return None

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Every visible ref below the prefix with its object."""
        lines = self.text("for-each-ref", "--format=%(objectname) %(refname)", prefix.rstrip("/"))
        if not lines:
            lines = self.text("for-each-ref", "--format=%(objectname) %(refname)", f"{prefix}*")
        pairs = (line.split(" ", 1) for line in lines.splitlines())
        return {ref: sha for sha, ref in pairs}

    def ref(self, ref: str) -> str | None:
        """The object that this full ref points at, or None."""
        try:
            return self.text("rev-parse", "--verify", "--quiet", "--end-of-options", ref)
        except GitError:
            return None

    def move(self, ref: str, new: str, old: str | None = None) -> None:
        """Set the ref, guarded by its old value if one is given; the zero SHA deletes it."""
        if new == ZERO:
            self.text("update-ref", "-d", ref, *([old] if old else []))
        else:
            self.text("update-ref", ref, new, *([old] if old else []))

    def kind(self, sha: str) -> str | None:
        """commit, tree, blob or tag; None if there is no such object."""
        if not SHA.fullmatch(sha):
            return None
        try:
            return self.fixed("cat-file", "-t", sha).decode().strip()
        except GitError:
            return None

    def blob(self, sha: str) -> bytes:
        """A blob's bytes."""
        return self.fixed("cat-file", "blob", sha)

    def write_blob(self, content: bytes) -> str:
        """Store bytes; return the blob's SHA."""
        return self.raw("hash-object", "-w", "--stdin", stdin=content).decode().strip()

    def tree(self, tree: str, *, recursive: bool = False, path: str = "") -> list[TreeEntry]:
        """The entries of a tree, or below one path of it; recursion lists sub-trees too."""
        args = ["ls-tree", "-z", "--long", *(["-r", "-t"] if recursive else []), tree]
        if path:
            args += ["--", path]
        found = []
        read = self.fixed if SHA.fullmatch(tree) else self.raw
        for line in read(*args).split(b"\0"):
            if line:
                head, _, name = line.partition(b"\t")
                mode, kind, sha, size = head.decode().split()
                bytes_ = None if size == "-" else int(size)
                found.append(TreeEntry(mode, kind, sha, name.decode(errors="replace"), bytes_))
        return found

    def entry(self, commit: str, path: str) -> TreeEntry | None:
        """The entry at exactly this path of a commit."""
        found = self.tree(commit, path=path.strip("/"))
        return found[0] if found else None

    def file(self, commit: str, path: str) -> bytes | None:
        """A file's bytes at a commit, or None."""
        entry = self.entry(commit, path)
        return self.blob(entry.sha) if entry is not None and entry.kind == "blob" else None

    def write_tree(self, base: str | None, changes: Iterable[tuple[str, str, str | None]]) -> str:
        """Apply (path, mode, sha or None to delete) to a tree; return the new tree's SHA."""
        index = {"GIT_INDEX_FILE": str(self.path / f"index.{os.getpid()}.{time.monotonic_ns()}")}
        try:
            self.text("read-tree", base or EMPTY_TREE if base else "--empty", extra=index)
            for path, mode, sha in changes:
                if mode == "040000" and sha is not None:
                    self.text("read-tree", f"--prefix={path}/", sha, extra=index)
                elif sha is None:
                    gone = "".join(
                        f"0 {'0' * 40}\t{entry.path}\0"
                        for entry in (self.tree(base, recursive=True, path=path) if base else ())
                        if entry.kind != "tree"
                    )
                    self.raw("update-index", "-z", "--index-info", stdin=gone.encode(), extra=index)
                else:
                    line = f"{mode} {sha}\t{path}\0".encode()
                    self.raw("update-index", "--add", "-z", "--index-info", stdin=line, extra=index)
            return self.text("write-tree", extra=index)
        finally:
            Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)

    def write_commit(
        self, tree: str, parents: Iterable[str], message: str, author: Person, committer: Person
    ) -> str:
        """Store a commit; return its SHA."""
        lines = [f"tree {tree}", *(f"parent {p}" for p in parents)]
        lines += [f"author {author.line()}", f"committer {committer.line()}", "", message]
        raw = "\n".join(lines)
        return self.text("hash-object", "-w", "-t", "commit", "--stdin", stdin=raw)

    def write_tag(self, target: str, kind: str, name: str, message: str, tagger: Person) -> str:
        """Store an annotated tag; return its SHA."""
        raw = f"object {target}\ntype {kind}\ntag {name}\ntagger {tagger.line()}\n\n{message}\n"
        return self.text("hash-object", "-w", "-t", "tag", "--stdin", stdin=raw)

    def tag(self, sha: str) -> TagObject:
        """An annotated tag's own fields."""
        head, _, message = self.text("cat-file", "tag", sha).partition("\n\n")
        fields = dict(line.partition(" ")[::2] for line in head.splitlines())
        return TagObject(
            sha,
            fields["tag"],
            fields["object"],
            fields["type"],
            _person(fields.get("tagger", "")),
            message,
        )

    def bring(self, other: GitStore, *wanted: str) -> None:
        """Fetch objects, by SHA or refspec, from another repository on this disk."""
        self.text(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(other.path), *wanted
        )

    def commit(self, sha: str) -> CommitObject:
        """A commit's own fields."""
        raw = self.fixed("cat-file", "commit", sha).decode(errors="replace")
        return parse_commit(sha, raw)


def parse_commit(sha: str, raw: str) -> CommitObject:
    """Read a raw commit object."""
    head, _, message = raw.partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.splitlines():
        if not line.startswith(" "):
            key, _, value = line.partition(" ")
            fields.setdefault(key, []).append(value)
    return CommitObject(
        sha=sha,
        tree=fields["tree"][0],
        parents=tuple(fields.get("parent", [])),
        author=_person(fields["author"][0]),
        committer=_person(fields["committer"][0]),
        message=message,
    )


def _person(line: str) -> Person:
    found = re.fullmatch(r"(.*?) ?<(.*)> (-?\d+) ([+-]\d{4})", line)
    if found is None:
        return Person(line, "", 0)
    return Person(found[1], found[2], int(found[3]), found[4])
