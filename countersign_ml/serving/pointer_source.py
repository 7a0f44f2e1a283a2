"""Where the pointer is read from: a file in a working tree, or a branch of a repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from countersign_ml.git import Answer, git
from countersign_ml.serving.proof import UNSIGNED, Proof, not_covered
from policy.documents import parse_json
from policy.errors import UserError
from policy.facts.pointer import Pointer
from policy.governed import pointer_path
from policy.people.sign_off_record import MODEL_TAGS, TAGS

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

    def proof(self, pointer: Pointer) -> str:
        """Return what covers the pointer that was read last; UserError if nothing does."""


class FileSource:
    """A pointer file in a working tree; records and keys are those of the tree's repository."""

    def __init__(self, path: Path, proof: Proof | None = None) -> None:
        self._path = path
        self._proof = proof or Proof()
        self._text = ""

    @property
    def where(self) -> str:
        return str(self._path)

    def read(self) -> Pointer | None:
        """Read the file; None if it is missing."""
        try:
            self._text = self._path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError.one(
                self.where, f"cannot be read: {error}", "check the file and its permissions"
            ) from error
        return _parse(self._text, self.where)

    def proof(self, pointer: Pointer) -> str:
        """Require that the file is committed, and covered there."""
        if self._proof.unsigned:
            return UNSIGNED
        tip = self._git("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        committed = self._git("show", f"HEAD:./{self._path.name}")
        if not tip.ok or not committed.ok or committed.text != self._text:
            raise not_covered(self.where, pointer, "the file is not as the last commit has it")
        top = Path(self._git("rev-parse", "--show-toplevel").text.strip())

        def run(*words: str) -> Answer:
            return git(top, *words, seconds=_SECONDS)

        return self._proof.of(run, tip.text.strip(), pointer, self.where)

    def _git(self, *words: str) -> Answer:
        return git(self._path.parent, *words, seconds=_SECONDS)


class GitSource:
    """A pointer file on a branch of a repository, fetched into a bare clone of its own.

    With the branch come its history and the bot's tags. If the server supports partial clones,
    only the blobs that are read are fetched, so the data sets are not downloaded. Without proof
    only the branch's newest commit is fetched.
    """

    def __init__(
        self, url: str, model: str, *, ref: str = "main", clone: Path, proof: Proof | None = None
    ) -> None:
        """Follow a model's pointer on `ref` of `url`, which may be a path, through `clone`."""
        self._url = str(Path(url).resolve()) if Path(url).exists() else url
        self._ref = ref
        self._path = pointer_path(model)
        self._clone = clone
        self._proof = proof or Proof()
        self._tip = ""
        self._proven: tuple[str, str] | None = None

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
        self._git("fetch", "--quiet", "--no-tags", *self._wanted())
        self._tip = self._git("rev-parse", "FETCH_HEAD").strip()
        if not self._git("ls-tree", self._tip, "--", self._path).strip():
            return None
        return _parse(self._git("show", f"{self._tip}:{self._path}"), self.where)

    def proof(self, pointer: Pointer) -> str:
        """Judge the commit that was read last; once for each commit."""
        if self._proven is None or self._proven[0] != self._tip:
            found = self._proof.of(self._run, self._tip, pointer, self.where)
            self._proven = self._tip, found
        return self._proven[1]

    def _wanted(self) -> list[str]:
        """Return what is fetched: the branch first, because FETCH_HEAD begins with it."""
        if self._proof.unsigned:
            return ["--depth=1", "origin", self._ref]
        tags = [f"+refs/tags/{prefix}*:refs/tags/{prefix}*" for prefix in (TAGS, MODEL_TAGS)]
        shallow = (self._clone / "shallow").is_file()
        return [*(["--unshallow"] if shallow else []), "--prune", "origin", self._ref, *tags]

    def _run(self, *words: str) -> Answer:
        access = {name: value for name, value in os.environ.items() if name.startswith(_ACCESS)}
        # blobs that are read are fetched from the remote
        extra = {**access, "GIT_NO_LAZY_FETCH": "0"}
        return git(self._clone, *words, extra=extra, seconds=_SECONDS)

    def _git(self, *words: str) -> str:
        answer = self._run(*words)
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
