"""What a run knows before it measures: the base branch's data, the budget, earlier records.

The base branch is the checkout that contains the file of `--incumbent`: workflows name the live
pointer of the default branch there. What cannot be read is recorded as unknown and never stops a
run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from countersign_ml.git import git
from countersign_ml.rows.diff.diff_rows import diff_rows
from countersign_ml.rows.governed.governed_model import CARD
from countersign_ml.rows.read.row import Defect, Row
from countersign_ml.rows.read.sample_lines import read_source
from countersign_ml.rows.read.source import Source
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import DataPart, Evidence, parse_evidence
from policy.facts.next_pointer import pointer_of
from policy.facts.run_context import (
    MAX_EARLIER,
    MAX_METRICS,
    DataChange,
    EarlierVersion,
    Expected,
    SplitFile,
)
from policy.files.budget import estimate
from policy.files.dataset_card import parse_card
from policy.governed import MODELS, evidence_path
from runner.equal_rows import equal_rows
from runner.job import Job
from runner.runner_sentences import missing_file, unreadable

NO_BASE_BRANCH = "no base branch was given; --incumbent names its pointer.json in a clone of it"


def known_before(job: Job) -> DataPart:
    """Return what is known before the data gates have measured anything."""
    return DataPart(
        data_change=data_change(job),
        expected=expected(job),
        earlier=earlier_versions(job),
        equal_rows=equal_rows(job),
    )


def data_change(job: Job) -> DataChange:
    """Compare the proposal's rows with those of the base branch, if one was given."""
    folder = job.folder
    mine = {split: folder.data_file(split) for split in folder.card.splits}
    splits = tuple(
        SplitFile(split=split, file=folder.where(path)) for split, path in sorted(mine.items())
    )
    base = job.base
    if base is None:
        return DataChange(base="unknown", why=NO_BASE_BRANCH, splits=splits)
    commit = _commit(base)
    if not (base / MODELS / folder.name / "data").is_dir():
        return DataChange(base="first", commit=commit, splits=splits)
    try:
        before = _base_files(base, folder.name)
        diff = diff_rows(
            _rows(lambda path: str(path.relative_to(base)), before), _rows(folder.where, mine)
        )
    except UserError as error:
        return DataChange(base="unknown", commit=commit, why=str(error)[:500], splits=splits)
    return DataChange(base="branch", commit=commit, splits=splits, diff=diff)


def _base_files(base: Path, model: str) -> dict[str, Path]:
    """Return the file of each split on the base branch, as its own dataset card lists them."""
    folder = base / MODELS / model
    where = f"{MODELS}/{model}/{CARD}"
    try:
        text = (folder / CARD).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(where, error) from error
    found = {
        split: folder / "data" / name for split, name in parse_card(text, where).splits.items()
    }
    for path in found.values():
        if path.is_symlink() or not path.is_file():
            raise missing_file(str(path.relative_to(base)))
    return found


def _rows(where: Callable[[Path], str], files: Mapping[str, Path]) -> Iterator[Row | Defect]:
    for path in dict.fromkeys(files[split] for split in sorted(files)):
        yield from read_source(Source(str(path), where(path)))


def _commit(base: Path) -> str:
    head = git(base, "rev-parse", "--verify", "--quiet", "HEAD")
    return head.text.strip() if head.ok else ""


def expected(job: Job) -> Expected | None:
    """Return the estimate for the training and the budget; None if it cannot be estimated."""
    budget = job.policy.budget
    path = job.folder.data_file("train")
    found = estimate(job.folder.recipe, path.stat().st_size, budget)
    if found is None or found.tokens >= 2**53:
        return None
    hours = found.hours
    return Expected(
        tokens=found.tokens,
        hours=hours if hours is not None and math.isfinite(hours) else None,
        price_per_hour=budget.price_per_hour,
        currency=budget.currency[:20] if budget.price_per_hour is not None else "",
        max_tokens=budget.max_tokens,
        max_hours=budget.max_hours,
        max_cost=budget.max_cost,
    )


def earlier_versions(job: Job) -> tuple[EarlierVersion, ...]:
    """Return what the records of the live version and its predecessors say, oldest first.

    The pointer names the first record by its digest; each record names the version before it. A
    record that is missing, or belongs to another version, ends the list.
    """
    if job.pointer is None:
        return ()
    root = job.base or job.folder.repo
    version, artifact = job.pointer.version, job.pointer.artifact.digest
    digest: str | None = job.pointer.evidence.digest
    found: list[EarlierVersion] = []
    while len(found) < MAX_EARLIER:
        record = _record(root, job.folder.name, version, digest)
        pointer = pointer_of(record) if record is not None else None
        if record is None or pointer is None:
            break
        if (pointer.version, pointer.artifact.digest) != (version, artifact):
            break
        measured = record.measurement("candidate")
        if measured is not None:
            named = {
                each.name: each.value for each in measured.metrics if math.isfinite(each.value)
            }
            metrics = dict(list(named.items())[:MAX_METRICS])
            found.append(EarlierVersion(version=version, rows=measured.rows, metrics=metrics))
        if record.incumbent is None:
            break
        version, artifact, digest = record.incumbent.version, record.incumbent.artifact, None
    return tuple(reversed(found))


def _record(root: Path, model: str, version: str, digest: str | None) -> Evidence | None:
    """Return the record of a version, if it can be read and has the expected digest."""
    name = evidence_path(model, version)
    path = root / name
    try:
        content = path.read_bytes() if not path.is_symlink() else b""
        if digest is not None and digest_bytes(content) != digest:
            return None
        return parse_evidence(content, name)
    except (OSError, UserError):
        return None
