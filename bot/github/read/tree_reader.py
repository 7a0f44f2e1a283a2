"""Files of a commit: blob ids by path, and texts by blob id. All of it is immutable."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from bot.github.api import Api, ApiError, path

PLAIN = frozenset({"100644", "100755"})


@dataclass(frozen=True)
class Tree:
    """The files of one commit; `irregular` are links and submodules."""

    blobs: dict[str, str]
    irregular: frozenset[str]
    sizes: dict[str, int]
    """The size of each plain file in bytes."""

    def below(self, folder: str) -> tuple[tuple[str, str], ...]:
        """Return `(path below the folder, blob id)` of every entry, links too, sorted."""
        prefix = folder + "/"
        return tuple(
            (name.removeprefix(prefix), blob)
            for name, blob in sorted(self.blobs.items())
            if name.startswith(prefix)
        )

    def irregular_below(self, folder: str) -> tuple[str, ...]:
        return tuple(sorted(name for name in self.irregular if name.startswith(folder + "/")))


class Files:
    """Reads one repository's trees and blobs."""

    def __init__(self, api: Api, repository: str) -> None:
        self._api = api
        self._base = path("repos", *repository.split("/"))

    def tree(self, commit: str) -> Tree:
        """Return every file of a commit; folder by folder if GitHub cuts one listing off."""
        answer = self._api.fixed(f"{self._base}/git/trees/{commit}", {"recursive": "1"})
        if answer is None:
            raise ApiError("GET", f"git/trees/{commit}", 404, "no such commit")
        entries = answer["tree"] if not answer.get("truncated") else self._walk(commit)
        return _tree(entries)

    def blob(self, commit: str, file: str) -> str | None:
        """Return the id of one file of a commit, read folder by folder; None if it is absent."""
        found = commit
        for name in file.split("/"):
            answer = self._api.fixed(f"{self._base}/git/trees/{found}") or {"truncated": False}
            if answer["truncated"] or (found == commit and "tree" not in answer):
                raise ApiError("GET", f"git/trees/{found}", 404, "cannot be read whole")
            entries = {entry["path"]: entry["sha"] for entry in answer.get("tree", ())}
            if name not in entries:
                return None
            found = str(entries[name])
        return found

    def _walk(self, sha: str, prefix: str = "") -> list[dict[str, Any]]:
        answer = self._api.fixed(f"{self._base}/git/trees/{sha}")
        if answer is None or answer.get("truncated"):
            raise ApiError("GET", f"git/trees/{sha}", 422, f"{prefix or '/'} has too many files")
        found: list[dict[str, Any]] = []
        for entry in answer["tree"]:
            entry = {**entry, "path": prefix + entry["path"]}
            if entry["type"] == "tree":
                found.extend(self._walk(entry["sha"], entry["path"] + "/"))
            else:
                found.append(entry)
        return found

    def text(self, blob: str | None) -> str | None:
        """Return a blob as UTF-8 text; bytes that are none become U+FFFD, so that parsing fails."""
        if blob is None:
            return None
        answer = self._api.fixed(f"{self._base}/git/blobs/{blob}")
        if answer is None:
            raise ApiError("GET", f"git/blobs/{blob}", 404, "no such blob")
        if answer["encoding"] == "base64":
            return base64.b64decode(answer["content"]).decode("utf-8", "replace")
        return str(answer["content"])

    def tree_of(self, commit: str) -> str:
        """Return the id of a commit's tree; empty if there is no such commit."""
        answer = self._api.fixed(f"{self._base}/git/commits/{commit}")
        return str(answer["tree"]["sha"]) if answer else ""


def _tree(entries: list[dict[str, Any]]) -> Tree:
    files = [entry for entry in entries if entry["type"] != "tree"]
    return Tree(
        blobs={str(entry["path"]): str(entry["sha"]) for entry in files},
        irregular=frozenset(str(e["path"]) for e in files if e.get("mode") not in PLAIN),
        sizes={str(entry["path"]): int(entry.get("size") or 0) for entry in files},
    )
