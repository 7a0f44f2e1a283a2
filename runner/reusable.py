"""What a run can reuse: earlier evidence, checked against this run and fetched with its files.

Every reason not to reuse something is a NotReusable, in words that the run's evidence repeats.
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
from policy.facts.evidence import (
    SHIPPED,
    ArtifactFacts,
    Evidence,
    Subject,
    parse_evidence,
)
from policy.facts.pointer import Pointer
from policy.facts.runner_version import RUNNER_VERSION
from policy.gates.consistency import contradictions
from policy.gates.judge import STAGES, judge_binding, judge_stages
from policy.governed import evidence_path
from runner.attest import device_name
from runner.data_gates import GatedData, accepted_rows
from runner.job import Job
from runner.measure.evaluate import (
    engine_of,
    outputs_name,
)
from runner.measure.stored_outputs import (
    NotReusable,
    Stored,
    as_incumbent,
    asked_differently,
    lacks,
    measured,
    read_stored,
    require_as_recorded,
    require_decoding,
)
from runner.measure.subject_metrics import TIMES
from runner.training.adapter import use_gpu
from runner.win_rate.compare_versions import STAGE as WIN_RATE

OWN_SUBJECTS: tuple[Subject, ...] = ("base", "merged", "candidate")
INCUMBENT: Subject = "incumbent"


@dataclass(frozen=True)
class Reusable:
    """Earlier evidence that still applies, with everything that it names fetched and verified."""

    earlier: Evidence
    rows: tuple[Row, ...]
    subjects: dict[Subject, Stored]
    artifacts: tuple[ArtifactFacts, ...]
    incumbent: Stored | None
    """The answers the incumbent gave when it was the candidate; None if it must be asked now."""
    source: str
    """Where the incumbent's answers come from; empty if no version is live."""


def read_reusable(job: Job, digest: str, gated: GatedData, place: Path) -> Reusable:
    """Return what earlier evidence names, all of it fetched and verified.

    NotReusable or UserError if it is about something else, is incomplete, or a file is missing.
    """
    registry = Registry(job.registry_url)
    earlier = stored_evidence(registry, digest, place)
    require_same(job, gated, earlier)
    rows = tuple(accepted_rows(job.folder, gated, "test"))
    if measured(earlier, "candidate").rows != rows_digest(rows):
        raise NotReusable(_other_rows("test"))
    subjects = {}
    for name in OWN_SUBJECTS:
        recorded = measured(earlier, name)
        subjects[name] = read_stored(registry, job.folder, rows, recorded, place)
        require_as_recorded(subjects[name], recorded)
    artifacts = tuple(_verified(registry, earlier))
    incumbent, source = None, ""
    if job.pointer is not None:
        first = asked_in(registry, earlier, place)
        try:
            incumbent = _recorded_incumbent(job, job.pointer, registry, rows, first, place)
            source = f"the incumbent's from its own evidence {short(job.pointer.evidence.digest)}"
        except (NotReusable, UserError) as reason:
            _require_same_bench(first)
            source = f"the incumbent was asked again: {reason}"
    return Reusable(earlier, rows, subjects, artifacts, incumbent, source)


def stored_evidence(registry: Registry, digest: str, place: Path) -> Evidence:
    """Return the evidence that the registry holds under this digest."""
    path = registry.fetch(digest, place / f"{digest.removeprefix('sha256:')}.json")
    return parse_evidence(path.read_bytes(), f"evidence {short(digest)}")


def asked_in(registry: Registry, evidence: Evidence, place: Path) -> Evidence:
    """Return the evidence of the run that asked the candidate; it names the device."""
    while evidence.reused is not None:  # ends: no document can contain the digest of a later one
        evidence = stored_evidence(registry, evidence.reused, place)
    return evidence


def require_same(job: Job, gated: GatedData, earlier: Evidence) -> None:
    """Raise NotReusable unless earlier evidence is complete and about exactly these inputs."""
    versions = {earlier.producer.runner_version, earlier.proposal.runner_version}
    if other := versions - {RUNNER_VERSION}:
        raise NotReusable(_other_runner(", ".join(sorted(other))))
    live = earlier.incumbent.artifact if earlier.incumbent else None
    for finding in (
        judge_binding(earlier, job.folder.proposal.digest, live, earlier.attempt),
        judge_stages(_without_win_rate(earlier), STAGES),
    ):
        if not finding.outcome.lets_through:
            raise NotReusable("; ".join(leaf.sentence for leaf in finding.blocking()))
    if denied := contradictions(earlier):
        raise NotReusable("; ".join(denied))
    for gate in job.policy.gates.metrics:
        if job.pointer is not None and gate.metric in TIMES and gate.max_drop is not None:
            raise NotReusable(
                f"the policy bounds the drop of {gate.metric}, and times of two runs are not "
                "compared"
            )
    for what, here in (("training facts", earlier.training), ("parity", earlier.parity)):
        if here is None:
            raise NotReusable(lacks(what))
    if earlier.attempt != job.attempt:
        raise NotReusable(
            f"it is attempt {earlier.attempt} of the proposal, and this is attempt {job.attempt}"
        )
    _require_same_data(job, gated, earlier)


def _require_same_data(job: Job, gated: GatedData, earlier: Evidence) -> None:
    """Raise NotReusable if the data gates count anything differently now."""
    differently = "the data gates now count {} differently"
    if earlier.data is None or gated.facts.splits != earlier.data.splits:
        raise NotReusable(differently.format("the files' rows"))
    before = {gate.gate: gate.count for gate in earlier.data.gates}
    for gate in gated.facts.gates:
        if before.get(gate.gate) != gate.count:
            raise NotReusable(differently.format(gate.gate))
    trained_on = rows_digest(accepted_rows(job.folder, gated, "train"))
    if earlier.training is not None and earlier.training.dataset != trained_on:
        raise NotReusable(_other_rows("train"))


def _without_win_rate(earlier: Evidence) -> Evidence:
    """Return evidence without the stage that runs again: answers do not depend on it."""
    kept = tuple(stage for stage in earlier.stages if stage.stage != WIN_RATE)
    return earlier.model_copy(update={"stages": kept})


def _verified(registry: Registry, earlier: Evidence) -> Iterator[ArtifactFacts]:
    """Yield the artifacts of earlier evidence, each verified, except the incumbent's outputs."""
    if earlier.artifact(SHIPPED) is None:
        raise NotReusable(lacks(SHIPPED))
    for facts in earlier.artifacts:
        if facts.name == outputs_name(INCUMBENT):
            continue
        stored = registry.verify(facts.digest)
        if stored.size != facts.size:
            raise NotReusable(
                f"{facts.name} has {stored.size} bytes in the registry, but {facts.size} in the "
                "evidence"
            )
        yield facts.model_copy(update={"uri": stored.uri})


def _recorded_incumbent(
    job: Job,
    pointer: Pointer,
    registry: Registry,
    rows: tuple[Row, ...],
    first: Evidence,
    place: Path,
) -> Stored:
    """Return what the live version answered in its own run.

    NotReusable if it was asked differently from the candidate in the run `first`.
    """
    with _about_the_record():
        record = _record(job, pointer, registry, place)
        asked = asked_in(registry, record, place)
    recorded = measured(record, "candidate")
    candidate = measured(first, "candidate")
    if recorded.model != pointer.artifact.digest:
        raise NotReusable("its recorded evidence is about another file")
    version = record.producer.runner_version
    if version != RUNNER_VERSION:
        raise NotReusable(_other_runner(version))
    if recorded.rows != candidate.rows:
        raise NotReusable(asked_differently("other rows"))
    if recorded.engine != candidate.engine:
        raise NotReusable(asked_differently(f"{recorded.engine}, not {candidate.engine}"))
    if asked.producer.device != first.producer.device:
        raise NotReusable(asked_differently(f"another device, {asked.producer.device}"))
    stored = read_stored(registry, job.folder, rows, recorded, place)
    require_decoding(stored, job.folder.recipe.decoding)
    return as_incumbent(stored, job.folder, place)


def _record(job: Job, pointer: Pointer, registry: Registry, place: Path) -> Evidence:
    """Return the live version's own evidence: from the checkout, else from the registry.

    The pointer names its digest, so the source of the bytes does not matter.
    """
    digest = pointer.evidence.digest
    name = evidence_path(job.folder.name, pointer.version)
    path = job.folder.repo / name
    if path.is_file() and digest_bytes(content := path.read_bytes()) == digest:
        return parse_evidence(content, name)
    return stored_evidence(registry, digest, place)


@contextmanager
def _about_the_record() -> Iterator[None]:
    """Turn an error about the live version's record into a reason that names the record."""
    try:
        yield
    except UserError as error:
        raise NotReusable(f"its recorded evidence is not available ({error})") from error


def _require_same_bench(first: Evidence) -> None:
    """Raise NotReusable if the incumbent would be asked differently from the candidate."""
    use_gpu()  # loads torch; only then does `device_name` know the GPU
    was = measured(first, "candidate").engine, first.producer.device
    now = engine_of(INCUMBENT), device_name()
    if was != now:
        raise NotReusable(
            f"the incumbent must be asked, by {now[0]} on {now[1]}, but the candidate was asked by "
            f"{was[0]} on {was[1]}"
        )


def short(digest: str) -> str:
    """Return the beginning of a digest, as people read it."""
    return f"{digest[:19]}..."


def _other_runner(found: str) -> str:
    return f"it was measured by runner {found}, and this is {RUNNER_VERSION}"


def _other_rows(split: str) -> str:
    return f"the {split} rows are not those that it used"
