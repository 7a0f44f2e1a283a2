"""What is to be gated and in how many parts, and where in the shared folder everything lies.

Whoever may write to the folder may run code in the tasks, because parts are pickled; it is the
folder of one run and of one person, as datatrove's own logging folder is.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy.errors import UserError
from policy.files.rules import DataRules


@dataclass(frozen=True)
class Plan:
    """One run: its files, its rules, and its folder, which every task must be able to reach."""

    folder: Path
    sources: tuple[tuple[str, Source], ...]
    row_rules: RowRules
    rules: DataRules
    shards: int
    """Into how many parts the rows of every file are cut."""
    partitions: int
    """Into how many parts the keys are cut: what one `keep` task holds in memory is one of them."""
    whole: bool = False
    """Whether the policy's least numbers of rows count, as they do for a model."""

    @classmethod
    def of(
        cls,
        folder: Path,
        sources: list[tuple[str, Source]],
        row_rules: RowRules,
        rules: DataRules,
        *,
        shards: int,
        partitions: int | None = None,
        whole: bool = False,
    ) -> Plan:
        """Return a plan; UserError where the folder holds anything, or there is nothing to do."""
        if shards < 1 or (partitions is not None and partitions < 1):
            raise UserError.one(
                "--shards", f"{shards} is not a number of parts", "give a number from 1 on"
            )
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError.one(
                str(folder), "is not an empty folder", "name a new one: runs do not share folders"
            )
        local = [(split, replace(source, path=_absolute(source))) for split, source in sources]
        return cls(
            folder.absolute(), tuple(local), replace(row_rules), rules,
            shards, partitions or shards, whole,
        )  # fmt: skip

    def place(self, *names: object) -> Path:
        """Return the path of a file in the folder, whose folder is there."""
        path = self.folder.joinpath(*map(str, names))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _absolute(source: Source) -> str:
    return source.path if source.is_url else str(Path(source.path).absolute())


def save(path: Path, value: Any) -> None:
    """Write a value for a later stage: whole, or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(pickle.dumps(value, protocol=5))
    draft.replace(path)


def load(path: Path) -> Any:
    """Read what an earlier stage of this run wrote."""
    return pickle.loads(path.read_bytes())  # noqa: S301 - of this run's own folder
