"""Where the pointer is read from: a working tree's file, or a branch of a repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Protocol

from policy.documents import parse_json
from policy.errors import UserError
from policy.facts.pointer import Pointer

_SECONDS = 120
"""How long git may take to answer."""


class PointerSource(Protocol):
    """Something that names the live version."""

    @property
    def where(self) -> str:
        """The pointer's place, as messages name it."""

    def read(self) -> Pointer | None:
        """Return the pointer; None where nothing was promoted yet; UserError where it is broken."""


def pointer_path(model: str) -> str:
    """Return a model's pointer file, relative to the repository's root."""
    return f"models/{model}/pointer.json"


def parse_pointer(text: str, where: str) -> Pointer | None:
    """Read a pointer file's text; `null` and nothing at all both mean that nothing is live."""
    if text.strip() in ("", "null"):
        return None
    return parse_json(Pointer, text, where)


class FileSource:
    """A pointer file in a working tree."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def where(self) -> str:
        return str(self._path)

    def read(self) -> Pointer | None:
        """Read the file; None where there is none."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError.one(self.where, f"cannot be read: {error}") from error
        return parse_pointer(text, self.where)


class GitSource:
    """A pointer file on a branch of a repository, fetched into a bare clone of its own.

    Only the branch's newest commit is fetched, and only the blobs that are looked at where the
    server knows partial clones: the data sets stay where they are.
    """

    def __init__(self, url: str, model: str, *, ref: str = "main", clone: Path) -> None:
        """Follow a model's pointer on `ref` of `url`, which may be a path, through `clone`."""
        self._url = str(Path(url).resolve()) if Path(url).exists() else url
        self._ref = ref
        self._path = pointer_path(model)
        self._clone = clone

    @property
    def where(self) -> str:
        return f"{self._url} {self._ref}:{self._path}"

    def read(self) -> Pointer | None:
        """Fetch the branch and read the file; None where the branch has none."""
        if not (self._clone / "HEAD").is_file():
            self._clone.mkdir(parents=True, exist_ok=True)
            self._git("init", "--quiet", "--bare", ".")
            self._git("config", "remote.origin.promisor", "true")
            self._git("config", "remote.origin.partialclonefilter", "blob:none")
        self._git("config", "remote.origin.url", self._url)
        self._git("fetch", "--quiet", "--depth=1", "--no-tags", "origin", self._ref)
        if not self._git("ls-tree", "FETCH_HEAD", "--", self._path).strip():
            return None
        return parse_pointer(self._git("show", f"FETCH_HEAD:{self._path}"), self.where)

    def _git(self, *words: str) -> str:
        env = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        try:
            done = subprocess.run(
                ["git", *words],
                cwd=self._clone,
                env=env,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self._refusal(f"git {words[0]} took over {_SECONDS} s") from error
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["git gave no reason"]
            raise self._refusal(f"git {words[0]} failed: {lines[-1]}")
        return done.stdout

    def _refusal(self, what: str) -> UserError:
        return UserError.one(
            self.where,
            what,
            "check the repository's URL, the branch's name and this account's access",
        )
