"""How many held-out rows a proposal shares with the other models of the base branch.

A new name has no live version, so no margin against one applies. Its rows say whether the task is
new: two rows are equal if their questions are, without regard to case and spaces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from countersign_ml.rows.governed.governed_model import load_model, model_names
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.sample_lines import read_source
from countersign_ml.rows.read.source import Source
from policy.errors import UserError
from policy.facts.pointer import Pointer
from policy.facts.run_context import MAX_MODELS, EqualRows
from policy.governed import is_model_name, pointer_path
from runner.job import Job, read_pointer


def equal_rows(job: Job) -> tuple[EqualRows, ...]:
    """Return the other models with some of the same held-out rows, those with the most first.

    A model whose rows cannot be read is listed with the reason: it may have all of them.
    """
    root = job.base or job.folder.repo
    mine = list(_questions(job.folder.data_file("test"), "test rows"))
    found = []
    for name in model_names(root):
        if name == job.folder.name or not is_model_name(name):
            continue
        pointer, why = None, ""
        theirs: frozenset[bytes] = frozenset()
        try:
            pointer = live_version(root, name)
            model = load_model(root, name).with_data(job.cache, job.policy.gates.data.places)
            theirs = frozenset(_questions(model.data_file("test"), name))
        except UserError as error:
            why = str(error)[:500]
        count = sum(question in theirs for question in mine)
        if count or why:
            found.append(
                EqualRows(
                    model=name,
                    version=pointer.version if pointer is not None else "",
                    artifact=pointer.artifact.digest if pointer is not None else None,
                    equal=count,
                    of=len(mine),
                    why=why,
                )
            )
    found.sort(key=lambda each: (-each.equal, each.model))
    return tuple(found[:MAX_MODELS])


def live_version(root: Path, model: str) -> Pointer | None:
    """Return what a model's pointer names in a checkout; None if no version is live."""
    path = root / pointer_path(model)
    return read_pointer(path, model) if path.is_file() else None


def _questions(path: Path, where: str) -> Iterator[bytes]:
    """Yield the digest of each row's question; lines that are no rows are left out."""
    for row in read_source(Source(str(path), where)):
        if isinstance(row, Row):
            said = " ".join(row.user_text.casefold().split())
            yield hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()
