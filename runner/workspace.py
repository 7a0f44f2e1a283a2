"""The results of stages, kept by the digest of their inputs.

`.countersign/work/<model>/<proposal>/<stage>/` has the stage's files and `stage.json`: its inputs'
digest, its facts, and its files' digests. A stage runs again if its inputs changed, if a file
changed, or with `--fresh`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from countersign_ml.registry.file_digest import digest_file
from policy.canonical import digest_of
from policy.documents import Document

RECORD, INPUTS = "stage.json", "inputs"
D = TypeVar("D", bound=Document)


class Workspace:
    """The stages of one proposal."""

    def __init__(self, folder: Path, *, fresh: bool) -> None:
        self.folder = folder
        self._fresh = fresh

    def keep(
        self,
        stage: str,
        inputs: Any,
        kind: type[D],
        work: Callable[[Path], D],
        files: tuple[str, ...] = (),
    ) -> D:
        """Return the stage's facts, from its record or by doing the work.

        `files` are the paths below the stage's folder that later stages read. If a run of the same
        inputs was interrupted, its files are still there when `work` is called, so it can resume.
        """
        folder = self.folder / stage
        digest = digest_of(inputs)
        if not self._fresh:
            kept = self._kept(folder, digest, kind, files)
            if kept is not None:
                return kept
        begun = folder / INPUTS
        if self._fresh or not begun.is_file() or begun.read_text() != digest:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).unlink(missing_ok=True)
        begun.write_text(digest)
        facts = work(folder)
        record = {
            "inputs": digest,
            "facts": facts.plain(),
            "files": {name: digest_file(folder / name)[0] for name in files},
        }
        part = folder / f".{RECORD}.part"
        part.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        part.replace(folder / RECORD)
        return facts

    def _kept(self, folder: Path, digest: str, kind: type[D], files: tuple[str, ...]) -> D | None:
        """Return recorded facts if inputs and files are unchanged, else None."""
        try:
            record = json.loads((folder / RECORD).read_text())
        except (FileNotFoundError, ValueError):
            return None
        if record.get("inputs") != digest or set(record["files"]) != set(files):
            return None
        for name, expected in record["files"].items():
            path = folder / name
            if not path.is_file() or digest_file(path)[0] != expected:
                return None
        return kind.model_validate(record["facts"])
