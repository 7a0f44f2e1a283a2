"""A moved baseline: judge a proposal against a new live version without training again.

A run key names a proposal and an incumbent. If only the incumbent changed, the training, the file
that would ship and every answer are the same; only what the candidate is compared with is new.

All or nothing: the earlier evidence is reused as a whole, or the whole line runs and the evidence
says why. Figures of two runs are compared only if the same engine on the same device would give
the same answers. Times are never compared (see `subject_metrics.TIMES`).
"""

from __future__ import annotations

from pathlib import Path

from countersign_ml.rows.read.row import Row
from policy.errors import UserError
from policy.facts.evidence import (
    FormerRows,
    MeasuredPart,
    PublishedPart,
    Subject,
    TrainingPart,
)
from policy.facts.pointer import Pointer
from runner.data_gates import GatedData, accepted_rows
from runner.job import Job, make_cache
from runner.measure.answer_drift import drift_of
from runner.measure.base_branch_rows import read_former, ready_rivals
from runner.measure.class_metrics import classes_of
from runner.measure.comparing import compare
from runner.measure.evaluate import (
    Bench,
    Subjected,
    fetch_artifact,
    measure_gguf,
    outputs_name,
    samples_of,
)
from runner.measure.slicing import Cuts
from runner.measure.spot_check_sample import Answered
from runner.measure.stored_outputs import NotReusable, Stored
from runner.publish import publish_outputs
from runner.reusable import Reusable, read_reusable, short
from runner.run import Run, require_unchanged
from runner.win_rate.compare_versions import compare_versions, compared_with, compares

INCUMBENT: Subject = "incumbent"
CANDIDATE: Subject = "candidate"


def reuse_outputs(run: Run, digest: str, gated: GatedData) -> bool:
    """Finish a run with the results of earlier evidence; False if the whole line must run.

    `gated` is what the data gates found in this run. The stage `reuse` says what was checked, or
    why nothing is reused.
    """
    job = run.job
    name = short(digest)
    place = run.workspace.folder / "reuse"
    with run.stage("reuse") as note:
        try:
            found = read_reusable(job, digest, gated, place)
            former = read_former(job)
            if former is not None and former.differs_from(found.rows):
                raise NotReusable("the base branch has other held-out rows, to be measured too")
            if ready_rivals(job, run.evidence().equal_rows):
                raise NotReusable("another model with the same held-out rows is compared with")
        except (NotReusable, UserError) as reason:
            note.text = f"nothing is reused from {name}; every stage runs: {reason}"
            job.reporter.say(note.text)
            return False
        note.text = f"everything in {name} is present and complete"
    with run.stage("train") as note:
        run.record(TrainingPart(training=found.earlier.training))
        note.text = f"reused from {name}"
    with run.stage("export") as note:
        run.record(MeasuredPart(parity=found.earlier.parity))
        note.text = f"reused from {name}"
    with run.stage("evaluate") as note:
        subjects = _subjects(job, found, place)
        run.record(_measured_part(job, gated, subjects, found.rows))
        if former is not None:
            run.record(MeasuredPart(former=FormerRows(rows=former.digest, why=former.why)))
        note.text = "; ".join(filter(None, (f"answers reused from {name}", found.source)))
    _compare(run, subjects, found.rows)
    with run.stage("publish"):
        new = [place / outputs_name(INCUMBENT)] if INCUMBENT in subjects else []
        published = publish_outputs(job.registry_url, new)
        run.record(PublishedPart(artifacts=(*found.artifacts, *published)))
    with run.stage("attest"):
        require_unchanged(job)
        run.reused = digest
    return True


def _subjects(job: Job, found: Reusable, place: Path) -> dict[Subject, Stored | Subjected]:
    """Return the stored answers of every subject, asking only an incumbent that has none."""
    subjects: dict[Subject, Stored | Subjected] = {**found.subjects}
    if job.pointer is not None:
        subjects[INCUMBENT] = found.incumbent or _ask_incumbent(job, job.pointer, found.rows, place)
    return subjects


def _measured_part(
    job: Job,
    gated: GatedData,
    subjects: dict[Subject, Stored | Subjected],
    rows: tuple[Row, ...],
) -> MeasuredPart:
    """Compare the subjects as `evaluate` does, but never their times."""
    contract = job.folder.contract
    scored = {name: each.scored for name, each in subjects.items()}
    outputs = subjects[CANDIDATE].measurement.outputs
    return MeasuredPart(
        measurements=tuple(each.measurement for each in subjects.values()),
        comparisons=compare(
            scored, contract, apart=frozenset({INCUMBENT}), cuts=Cuts.of(job.policy)
        ),
        samples=tuple(samples_of(outputs, rows, scored)),
        drift=drift_of(scored, accepted_rows(job.folder, gated, "train"), contract),
        classes=classes_of(scored, contract),
    )


def _compare(run: Run, subjects: dict[Subject, Stored | Subjected], rows: tuple[Row, ...]) -> None:
    if not compares(run):
        return
    candidate, other = (
        Answered.of(name, subjects[name].measurement.outputs, subjects[name].scored)
        for name in (CANDIDATE, compared_with(run))
    )
    compare_versions(run, rows, candidate, other)


def _ask_incumbent(job: Job, pointer: Pointer, rows: tuple[Row, ...], place: Path) -> Subjected:
    """Measure the live version's file from the registry; no other subject is asked."""
    make_cache(job.cache)
    file = fetch_artifact(pointer, job.registry_url, job.cache)
    bench = Bench(job.folder, rows, job.cache, job.fresh, place, job.reporter.progress)
    return measure_gguf(bench, INCUMBENT, file, pointer.artifact.digest)
