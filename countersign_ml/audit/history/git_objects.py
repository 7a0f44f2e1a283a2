"""Read git's objects from a local clone, and check each one against its id.

One `git cat-file --batch` process answers every read. Each object is hashed again, so that every
statement about a history rests on the id of its last commit alone, not on trust in the clone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import IO

from countersign_ml.git import git, start_git
from policy.errors import UserError

PLAIN = frozenset({"100644", "100755"})
FOLDER = "40000"
MAX_BYTES = 64_000_000
"""Larger objects are cut off: no governed file is that large, and a cut one proves nothing."""
_OFFLINE = ("protocol.allow=never",)
"""Git fetches nothing, whatever the clone's settings say."""


@dataclass(frozen=True)
class Person:
    """Who made a commit, by its own claim: anyone can write any name. `at` is RFC 3339, UTC."""

    name: str
    email: str
    at: str


@dataclass(frozen=True)
class Commit:
    """One commit object."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0]


@dataclass(frozen=True)
class Entry:
    """One name in a tree: its mode as git writes it, and the object's id."""

    mode: str
    id: str

    @property
    def is_plain(self) -> bool:
        return self.mode in PLAIN


@dataclass(frozen=True)
class Tag:
    """An annotated tag: the object it points at, that object's kind, and the message."""

    target: str
    kind: str
    message: str


def run_git(directory: Path, *arguments: str) -> str:
    """Return the output of a git command; UserError if it fails. Paths keep their odd bytes."""
    answer = git(directory, *arguments, settings=_OFFLINE)
    if not answer.ok:
        raise UserError.one(
            str(directory),
            f"git {arguments[0]} failed: {answer.said}",
            "name a clone: --repository DIR",
        )
    return answer.text


class Objects:
    """The objects of one clone, each read once and checked against its id."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process = start_git(directory, "cat-file", "--batch", settings=_OFFLINE)
        self.commit = lru_cache(maxsize=None)(self._commit)
        self.tree = lru_cache(maxsize=100_000)(self._tree)
        self.blob = lru_cache(maxsize=2_000)(self._blob)

    def __enter__(self) -> Objects:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _pipe(self._process.stdin).close()
        self._process.wait()
        _pipe(self._process.stdout).close()

    def _read(self, oid: str, wanted: str) -> bytes:
        """Return an object's content, checked against its id and kind."""
        answered = self._ask(oid)
        header = answered.readline().decode("utf-8", "replace").split()
        if len(header) != 3 or header[1] == "missing":
            raise UserError.one(
                str(self._directory),
                f"the {wanted} {oid[:12]} is not in this clone",
                "clone the whole repository: no --depth, no --filter",
            )
        kind, size = header[1], int(header[2])
        digest = hashlib.new("sha256" if len(oid) == 64 else "sha1", usedforsecurity=False)
        digest.update(f"{kind} {size}\0".encode())
        kept, left = b"", size
        while left:
            chunk = answered.read(min(left, MAX_BYTES))
            if not chunk:
                raise self._damaged(f"git cannot read the {wanted} {oid[:12]}")
            digest.update(chunk)
            left -= len(chunk)
            kept = kept or chunk
        answered.read(1)
        if digest.hexdigest() != oid or kind != wanted:
            raise self._damaged(f"the content of the {wanted} {oid[:12]} does not match its id")
        return kept

    def _ask(self, oid: str) -> IO[bytes]:
        """Request an object; the answer is on the pipe that is returned."""
        asked = _pipe(self._process.stdin)
        try:
            asked.write(oid.encode("ascii") + b"\n")
            asked.flush()
        except BrokenPipeError as error:
            raise UserError.one(
                str(self._directory), "git stopped answering", "check the clone with git fsck"
            ) from error
        return _pipe(self._process.stdout)

    def _damaged(self, what: str) -> UserError:
        remedy = "the clone is damaged or forged: clone it again, and run git fsck"
        return UserError.one(str(self._directory), what, remedy)

    def _commit(self, oid: str) -> Commit:
        head, _, message = _text(self._read(oid, "commit")).partition("\n\n")
        fields: dict[str, list[str]] = {}
        for line in head.split("\n"):
            name, _, value = line.partition(" ")
            if name:  # a line that begins with a space continues a signature
                fields.setdefault(name, []).append(value)
        return Commit(
            id=oid,
            tree=fields["tree"][0],
            parents=tuple(fields.get("parent", ())),
            author=_person(fields["author"][0]),
            committer=_person(fields["committer"][0]),
            message=message,
        )

    def tag(self, oid: str) -> Tag:
        head, _, message = _text(self._read(oid, "tag")).partition("\n\n")
        fields = dict(line.split(" ", 1) for line in head.split("\n") if " " in line)
        return Tag(fields["object"], fields["type"], message)

    def _tree(self, oid: str) -> dict[str, Entry]:
        content, found, at = self._read(oid, "tree"), {}, 0
        width = len(oid) // 2
        while at < len(content):
            space = content.index(b" ", at)
            end = content.index(b"\0", space)
            name = content[space + 1 : end].decode("utf-8", "surrogateescape")
            mode = content[at:space].decode("ascii")
            found[name] = Entry(mode, content[end + 1 : end + 1 + width].hex())
            at = end + 1 + width
        return found

    def _blob(self, oid: str) -> bytes:
        return self._read(oid, "blob")


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("git was started without its pipes")
    return pipe


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _person(line: str) -> Person:
    """Parse `name <email> seconds zone`."""
    name, _, rest = line.partition(" <")
    email, _, when = rest.rpartition("> ")
    seconds = when.partition(" ")[0]
    try:
        at = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        at = ""
    return Person(name, email, at)
