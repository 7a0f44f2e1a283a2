"""A moved baseline, judged anew without training: what an earlier run of the proposal left, reused.

A run key names a proposal and an incumbent. Where only the incumbent moved, the training, the file
that would ship and every answer are the same; what is new is whom the candidate is compared with.

All or nothing: the earlier evidence is taken up whole, or the whole line is run and the evidence
says why. Figures of two runs stand side by side only where the same engine on the same device
would have given the same answers; times are no such figures (see `metrics.TIMES`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from countersign_ml.registry import Registry
from countersign_ml.rows.read.row import Row, rows_digest
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import SHIPPED, ArtifactFacts, Evidence, Subject, parse_evidence
from policy.facts.pointer import Pointer
from policy.gates.consistency import contradictions
from policy.gates.judge import STAGES, judge_binding, judge_stages
from policy.governed import evidence_path
from policy.version import RUNNER_VERSION
from runner import reuse_messages as say
from runner.attest import device_name
from runner.job import Job, make_cache
from runner.measure.answer_drift import drift_of
from runner.measure.class_metrics import classes_of
from runner.measure.comparing import compare
from runner.measure.evaluate import (
    Bench,
    Subjected,
    engine_of,
    fetch_artifact,
    measure_gguf,
    outputs_name,
    samples_of,
)
from runner.measure.slicing import Cuts
from runner.measure.spot_check_sample import Answered
from runner.measure.stored_outputs import (
    NotReusable,
    Stored,
    as_incumbent,
    measured,
    read_stored,
    require_as_recorded,
    require_decoding,
)
from runner.measure.subject_metrics import TIMES
from runner.publish import publish_outputs
from runner.run import Run, accepted_rows, require_unchanged
from runner.training.adapter import use_gpu
from runner.win_rate.compare_versions import STAGE as JUDGING
from runner.win_rate.compare_versions import beside, compare_versions, compares

OWN_SUBJECTS: tuple[Subject, ...] = ("base", "merged", "candidate")
INCUMBENT: Subject = "incumbent"
CANDIDATE: Subject = "candidate"


@dataclass(frozen=True)
class TakenUp:
    """Earlier evidence that holds, with all that it names at hand."""

    earlier: Evidence
    rows: tuple[Row, ...]
    subjects: dict[Subject, Stored]
    artifacts: tuple[ArtifactFacts, ...]
    incumbent: Stored | None
    """What the incumbent answered when it was the candidate; None where it has to be asked."""
    told: str
    """Where the incumbent's answers come from; empty where none is live."""


def reuse_outputs(run: Run, digest: str) -> bool:
    """Finish a run by what the evidence named `digest` holds; False where it has to be run whole.

    The data gates have been run. What was found is in `run.found`; the stage `reuse` says what was
    checked, or why nothing is reused.
    """
    job, found = run.job, run.found
    place = run.workspace.folder / "reuse"
    with run.stage("reuse") as note:
        try:
            taken = take_up(run, digest, place)
        except (NotReusable, UserError) as reason:
            note.text = say.nothing_reused(digest, str(reason))
            job.reporter.say(note.text)
            return False
        note.text = say.checked(digest)
    with run.stage("train") as note:
        found.training = taken.earlier.training
        note.text = say.reused(digest)
    with run.stage("export") as note:
        found.parity = taken.earlier.parity
        note.text = say.reused(digest)
    with run.stage("evaluate") as note:
        subjects: dict[Subject, Stored | Subjected] = {**taken.subjects}
        if job.pointer is not None:
            subjects[INCUMBENT] = taken.incumbent or _ask_incumbent(
                job, job.pointer, taken.rows, place
            )
        scored = {name: each.scored for name, each in subjects.items()}
        found.measurements = tuple(each.measurement for each in subjects.values())
        cuts = Cuts.of(job.policy)
        found.comparisons = compare(
            scored, job.folder.contract, apart=frozenset({INCUMBENT}), cuts=cuts
        )
        outputs = subjects[CANDIDATE].measurement.outputs
        found.samples = tuple(samples_of(outputs, taken.rows, scored))
        found.drift = drift_of(scored, accepted_rows(job, "train"), job.folder.contract)
        found.classes = classes_of(scored, job.folder.contract)
        note.text = say.answers_reused(digest, taken.told)
    if compares(run):
        mine, other = (
            Answered.of(name, subjects[name].measurement.outputs, subjects[name].scored)
            for name in (CANDIDATE, beside(run))
        )
        compare_versions(run, taken.rows, mine, other)
    with run.stage("publish"):
        new = [place / outputs_name(INCUMBENT)] if INCUMBENT in subjects else []
        found.artifacts = (*taken.artifacts, *publish_outputs(job.registry_url, new))
    with run.stage("attest"):
        require_unchanged(job)
        found.reused = digest
    return True


def take_up(run: Run, digest: str, place: Path) -> TakenUp:
    """Return what the evidence named `digest` holds, all of it fetched and verified.

    NotReusable or UserError where it is about something else, is not whole, or lacks what it names.
    """
    job = run.job
    registry = Registry(job.registry_url)
    earlier = stored_evidence(registry, digest, place)
    require_same(run, earlier)
    rows = accepted_rows(job, "test")
    if measured(earlier, "candidate").rows != rows_digest(rows):
        raise NotReusable(say.other_rows("test"))
    subjects = {}
    for name in OWN_SUBJECTS:
        recorded = measured(earlier, name)
        subjects[name] = read_stored(registry, job.folder, rows, recorded, place)
        require_as_recorded(subjects[name], recorded)
    artifacts = tuple(_verified(registry, earlier))
    incumbent, told = None, ""
    if job.pointer is not None:
        first = asked_in(registry, earlier, place)
        try:
            incumbent, told = _recorded_incumbent(job, job.pointer, registry, rows, first, place)
        except (NotReusable, UserError) as reason:
            _require_same_bench(first)
            told = say.incumbent_asked(str(reason))
    return TakenUp(earlier, rows, subjects, artifacts, incumbent, told)


def stored_evidence(registry: Registry, digest: str, place: Path) -> Evidence:
    """Return the evidence that the registry keeps under its digest."""
    path = registry.fetch(digest, place / f"{digest.removeprefix('sha256:')}.json")
    return parse_evidence(path.read_bytes(), f"evidence {say.short(digest)}")


def asked_in(registry: Registry, evidence: Evidence, place: Path) -> Evidence:
    """Return the evidence of the run that asked the candidate: it names the device."""
    while evidence.reused is not None:  # ends: no document can hold the digest of a later one
        evidence = stored_evidence(registry, evidence.reused, place)
    return evidence


def require_same(run: Run, earlier: Evidence) -> None:
    """Raise NotReusable unless earlier evidence is whole and about exactly these inputs."""
    job, data = run.job, run.found.data
    found = {earlier.producer.runner_version, earlier.proposal.runner_version} - {RUNNER_VERSION}
    if found:
        raise NotReusable(say.other_runner(", ".join(sorted(found)), RUNNER_VERSION))
    live = earlier.incumbent.artifact if earlier.incumbent else None
    for finding in (
        judge_binding(earlier, job.folder.proposal.digest, live, earlier.attempt),
        judge_stages(_without_judging(earlier), STAGES),
    ):
        if not finding.outcome.lets_through:
            raise NotReusable("; ".join(leaf.sentence for leaf in finding.blocking()))
    if denied := contradictions(earlier):
        raise NotReusable("; ".join(denied))
    for gate in job.policy.gates.metrics:
        if job.pointer is not None and gate.metric in TIMES and gate.max_drop is not None:
            raise NotReusable(say.times_are_bounded(gate.metric))
    for what, here in (("training facts", earlier.training), ("parity", earlier.parity)):
        if here is None:
            raise NotReusable(say.lacks(what))
    if earlier.attempt != job.attempt:
        raise NotReusable(say.other_attempt(earlier.attempt, job.attempt))
    if data is None or earlier.data is None or data.splits != earlier.data.splits:
        raise NotReusable(say.other_data("the files' rows"))
    before = {gate.gate: gate.count for gate in earlier.data.gates}
    for gate_facts in data.gates:
        if before.get(gate_facts.gate) != gate_facts.count:
            raise NotReusable(say.other_data(gate_facts.gate))
    trained_on = rows_digest(accepted_rows(job, "train"))
    if earlier.training is not None and earlier.training.dataset != trained_on:
        raise NotReusable(say.other_rows("train"))


def _without_judging(earlier: Evidence) -> Evidence:
    """Return evidence without the stage that is run anew: answers hold, whatever a judge said."""
    kept = tuple(stage for stage in earlier.stages if stage.stage != JUDGING)
    return earlier.model_copy(update={"stages": kept})


def _verified(registry: Registry, earlier: Evidence) -> Iterator[ArtifactFacts]:
    """Yield what earlier evidence published but the incumbent's outputs, each file's bytes read."""
    if earlier.artifact(SHIPPED) is None:
        raise NotReusable(say.lacks(SHIPPED))
    for facts in earlier.artifacts:
        if facts.name == outputs_name(INCUMBENT):
            continue
        stored = registry.verify(facts.digest)
        if stored.size != facts.size:
            raise NotReusable(say.other_size(facts.name, stored.size, facts.size))
        yield facts.model_copy(update={"uri": stored.uri})


def _recorded_incumbent(
    job: Job,
    pointer: Pointer,
    registry: Registry,
    rows: tuple[Row, ...],
    first: Evidence,
    place: Path,
) -> tuple[Stored, str]:
    """Return what the live version answered in its own run, and a sentence that names that run.

    NotReusable where it was asked otherwise than the candidate was, in the run `first`.
    """
    with _told():
        record = _record(job, pointer, registry, place)
        asked = asked_in(registry, record, place)
    recorded = measured(record, "candidate")
    candidate = measured(first, "candidate")
    if recorded.model != pointer.artifact.digest:
        raise NotReusable(say.record_of_another())
    version = record.producer.runner_version
    if version != RUNNER_VERSION:
        raise NotReusable(say.other_runner(version, RUNNER_VERSION))
    if recorded.rows != candidate.rows:
        raise NotReusable(say.asked_otherwise("other rows"))
    if recorded.engine != candidate.engine:
        raise NotReusable(say.asked_otherwise(f"{recorded.engine}, not {candidate.engine}"))
    if asked.producer.device != first.producer.device:
        raise NotReusable(say.asked_otherwise(f"another device, {asked.producer.device}"))
    stored = read_stored(registry, job.folder, rows, recorded, place)
    require_decoding(stored, job.folder.recipe.decoding)
    told = say.incumbent_reused(pointer.evidence.digest)
    return as_incumbent(stored, job.folder, place), told


def _record(job: Job, pointer: Pointer, registry: Registry, place: Path) -> Evidence:
    """Return the live version's own evidence: from the checkout, else from the registry.

    The pointer names its digest, so it does not matter who brought the bytes.
    """
    digest = pointer.evidence.digest
    name = evidence_path(job.folder.name, pointer.version)
    path = job.folder.repo / name
    if path.is_file() and digest_bytes(content := path.read_bytes()) == digest:
        return parse_evidence(content, name)
    return stored_evidence(registry, digest, place)


@contextmanager
def _told() -> Iterator[None]:
    """Say of a record that cannot be had that it is the record that is meant."""
    try:
        yield
    except UserError as error:
        raise NotReusable(say.no_record(str(error))) from error


def _require_same_bench(first: Evidence) -> None:
    """Raise NotReusable where the incumbent would be asked otherwise than the candidate was."""
    use_gpu()  # loads torch, so that the device is told truly
    was = measured(first, "candidate").engine, first.producer.device
    now = engine_of(INCUMBENT), device_name()
    if was != now:
        raise NotReusable(say.another_bench(*was, *now))


def _ask_incumbent(job: Job, pointer: Pointer, rows: tuple[Row, ...], place: Path) -> Subjected:
    """Measure the live version's file from the registry; nothing else is asked anything."""
    make_cache(job.cache)
    file = fetch_artifact(pointer, job.registry_url, job.cache)
    bench = Bench(job.folder, rows, job.cache, job.fresh, place, job.reporter.progress)
    return measure_gguf(bench, INCUMBENT, file, pointer.artifact.digest)
