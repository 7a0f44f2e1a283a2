"""The held-out rows that the base branch has, and how live version and candidate do on them.

If a proposal changes its held-out rows, the figures on the new ones cannot show what the candidate
lost on the old ones. So both versions answer the old ones too, by the decoding and the contract of
the proposal. Which of the old rows count is decided by the base branch's own contract and card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from countersign_ml.rows.governed.governed_model import load_model
from countersign_ml.rows.read.row import Row, rows_digest
from policy.errors import UserError
from policy.facts.evidence import SHIPPED, FormerRows, Subject
from policy.governed import MODELS
from runner.data_gates import gate_rows
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
    digest = job.pointer.artifact.digest
    live = fetch_artifact(job.pointer, job.registry_url, job.cache)
    found = {
        "incumbent": measure_gguf(old, "incumbent", live, digest),
        "candidate": measure_gguf(old, "candidate", made / SHIPPED, candidate),
    }
    scored = {subject: found[subject].scored for subject in SUBJECTS}
    return FormerRows(
        rows=former.digest,
        measurements=tuple(found[subject].measurement for subject in SUBJECTS),
        comparisons=compare(scored, bench.folder.contract, cuts=bench.cuts),
    )
