"""What the base branch has to compare with: its held-out rows, and other models with the same.

If a proposal changes its held-out rows, the figures on the new ones cannot show what the candidate
lost on the old ones. So both versions answer the old ones too, by the decoding and the contract of
the proposal. Which of the old rows count is decided by the base branch's own contract and card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from countersign_ml.rows.governed.governed_model import load_model
from countersign_ml.rows.read.row import Row, rows_digest
from policy.errors import UserError
from policy.facts.evidence import SHIPPED, FormerRows, Rival, Subject
from policy.facts.pointer import Pointer
from policy.facts.run_context import EqualRows
from policy.gates.equal_rows_gate import must_compare
from policy.governed import MODELS
from runner.data_gates import gate_rows
from runner.equal_rows import live_version
from runner.job import Job
from runner.measure.comparing import compare
from runner.measure.evaluate import FORMER, Bench, fetch_artifact, measure_gguf, outputs_name

SUBJECTS: tuple[Subject, ...] = ("incumbent", "candidate")


@dataclass(frozen=True)
class Former:
    """The base branch's held-out rows; without any, `why` says why they cannot be read."""

    rows: tuple[Row, ...] = ()
    why: str = ""

    @property
    def digest(self) -> str | None:
        return rows_digest(self.rows) if self.rows else None

    def files_next_to(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """Return the names of the files of outputs that measuring these rows leaves."""
        return tuple(outputs_name(s, FORMER) for s in SUBJECTS) if self.differs_from(rows) else ()

    def differs_from(self, rows: Sequence[Row]) -> bool:
        """Return whether these are rows that must be measured apart from a proposal's own."""
        return self.digest is not None and self.digest != rows_digest(rows)


@dataclass(frozen=True)
class Ready:
    """Another model to compare with; without a pointer, `why` says why it cannot be."""

    model: str
    pointer: Pointer | None
    why: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """Return the names of the files of outputs that measuring it leaves."""
        if self.pointer is None:
            return ()
        return tuple(outputs_name(subject, rival_prefix(self.model)) for subject in SUBJECTS)


def read_former(job: Job) -> Former | None:
    """Return the held-out rows of the base branch; None if no version is live or it is unknown."""
    if job.pointer is None or job.base is None:
        return None
    if not (job.base / MODELS / job.folder.name / "data").is_dir():
        return Former(why="the base branch has a live version, but no data of this model")
    rules = job.policy.gates.data
    try:
        model = load_model(job.base, job.folder.name).with_data(job.cache, rules.places)
        return Former(tuple(gate_rows(model, rules, "test", job.reporter.progress)))
    except UserError as error:
        return Former(why=str(error)[:500])


def measure_former(
    job: Job, bench: Bench, former: Former, made: Path, candidate: str
) -> FormerRows:
    """Measure the live version and the candidate on the old rows, if they are not the new ones."""
    if not former.differs_from(bench.rows):
        return FormerRows(rows=former.digest, why=former.why)
    assert job.pointer is not None
    old = replace(bench, rows=former.rows, prefix=FORMER)
    return FormerRows(**_faced(job, old, job.pointer, made, candidate))


def ready_rivals(job: Job, others: Sequence[EqualRows]) -> tuple[Ready, ...]:
    """Return the other models that the policy wants compared, each with its file or a reason."""
    found = []
    for other in must_compare(job.policy, tuple(others)):
        try:
            pointer = live_version(job.base or job.folder.repo, other.model)
            assert pointer is not None
            fetch_artifact(pointer, job.registry_url, job.cache)
            found.append(Ready(other.model, pointer))
        except UserError as error:
            found.append(Ready(other.model, None, str(error)[:500]))
    return tuple(found)


def measure_rivals(
    job: Job, bench: Bench, rivals: Sequence[Ready], made: Path, candidate: str
) -> tuple[Rival, ...]:
    """Measure the live versions of other models and the candidate on the candidate's rows."""
    found = []
    for ready in rivals:
        facts: dict[str, Any] = {"rows": rows_digest(bench.rows), "why": ready.why}
        if ready.pointer is not None:
            facing = replace(bench, prefix=rival_prefix(ready.model))
            facts = _faced(job, facing, ready.pointer, made, candidate)
        found.append(Rival(model=ready.model, **facts))
    return tuple(found)


def measure_both(
    job: Job,
    bench: Bench,
    former: Former | None,
    rivals: Sequence[Ready],
    made: Path,
    candidate: str,
) -> dict[str, Any]:
    """Return the fields of a `MeasuredPart` that come from the base branch."""
    found: dict[str, Any] = {}
    if former is not None:
        found["former"] = measure_former(job, bench, former, made, candidate)
    if rivals:
        found["rivals"] = measure_rivals(job, bench, rivals, made, candidate)
    return found


def rival_prefix(model: str) -> str:
    """Return what begins the names of the outputs of another model's live version."""
    return f"rival-{model}-"


def _faced(job: Job, bench: Bench, live: Pointer, made: Path, candidate: str) -> dict[str, Any]:
    """Return rows, measurements and comparisons of a live version and the candidate."""
    file = fetch_artifact(live, job.registry_url, job.cache)
    found = {
        "incumbent": measure_gguf(bench, "incumbent", file, live.artifact.digest),
        "candidate": measure_gguf(bench, "candidate", made / SHIPPED, candidate),
    }
    scored = {subject: found[subject].scored for subject in SUBJECTS}
    return {
        "rows": rows_digest(bench.rows),
        "measurements": tuple(found[subject].measurement for subject in SUBJECTS),
        "comparisons": compare(scored, bench.folder.contract, cuts=bench.cuts),
    }
