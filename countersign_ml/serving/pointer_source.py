"""Where the pointer is read from: a file in a working tree, or a branch of a repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from countersign_ml.git import git
from policy.documents import parse_json
from policy.errors import UserError
from policy.facts.pointer import Pointer
from policy.governed import pointer_path

_SECONDS = 120
"""How long a git command may take."""
_ACCESS = ("GIT_SSH", "GIT_ASKPASS", "GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_")
"""Variables of the caller that tell git how to reach a remote: names that begin so are kept."""


class PointerSource(Protocol):
    """A source that names the live version."""

    @property
    def where(self) -> str:
        """The pointer's place, as messages name it."""

    def read(self) -> Pointer | None:
        """Return the pointer; None if no version is live; UserError if it cannot be read."""


class FileSource:
    """A pointer file in a working tree."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def where(self) -> str:
        return str(self._path)

    def read(self) -> Pointer | None:
        """Read the file; None if it is missing."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError.one(
                self.where, f"cannot be read: {error}", "check the file and its permissions"
            ) from error
        return _parse(text, self.where)


class GitSource:
    """A pointer file on a branch of a repository, fetched into a bare clone of its own.

    Only the branch's newest commit is fetched. If the server supports partial clones, only the
    blobs that are read are fetched, so the data sets are not downloaded.
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
        """Fetch the branch and read the file; None if the branch does not have it."""
        if not (self._clone / "HEAD").is_file():
            self._clone.mkdir(parents=True, exist_ok=True)
            self._git("init", "--quiet", "--bare", ".")
            self._git("config", "remote.origin.promisor", "true")
            self._git("config", "remote.origin.partialclonefilter", "blob:none")
        self._git("config", "remote.origin.url", self._url)
        self._git("fetch", "--quiet", "--depth=1", "--no-tags", "origin", self._ref)
        if not self._git("ls-tree", "FETCH_HEAD", "--", self._path).strip():
            return None
        return _parse(self._git("show", f"FETCH_HEAD:{self._path}"), self.where)

    def _git(self, *words: str) -> str:
        access = {name: value for name, value in os.environ.items() if name.startswith(_ACCESS)}
        # `show` fetches the pointer's blob from the remote
        extra = {**access, "GIT_NO_LAZY_FETCH": "0"}
        answer = git(self._clone, *words, extra=extra, seconds=_SECONDS)
        if not answer.ok:
            raise UserError.one(
                self.where,
                f"git {words[0]} failed: {answer.said}",
                "check the repository's URL, the branch name and this account's access",
            )
        return answer.text


def _parse(text: str, where: str) -> Pointer | None:
    """Read a pointer file's text; `null` and an empty file mean that no version is live."""
    if text.strip() in ("", "null"):
        return None
    return parse_json(Pointer, text, where)
