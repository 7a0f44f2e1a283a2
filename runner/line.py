"""The line: validate, train, export, evaluate, publish, attest - from a proposal to its evidence.

The file that ships is the one that is measured, so export comes before evaluate. Evidence names the
published files, so publish comes before attest. Each stage is one function here. It records its
part of the evidence in the run, which keeps it even if a later stage fails.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from countersign_ml.rows.read.row import Row
from policy.errors import Problem, UserError
from policy.facts.evidence import (
    SHIPPED,
    DataFacts,
    DataPart,
    MeasuredPart,
    Subject,
    TrainingFacts,
    TrainingPart,
)
from policy.gates.judge import judge_data
from runner.attest import device_name, library_versions
from runner.data_gates import GatedData, accepted_rows, gate_data
from runner.job import Job, make_cache
from runner.known_before import known_before
from runner.measure.own_metrics import package_versions
from runner.run import Run, Stopped, require_unchanged
from runner.training.adapter import ADAPTER_FILES

if TYPE_CHECKING:  # these load torch
    from runner.base.base_model import BaseModel
    from runner.chat import Chat
    from runner.export.export_model import ExportFacts

TOKENS = "tokens"
"""The folder of the rows as tokens, while they are trained on."""
Stage = Literal["validate", "train", "export", "evaluate", "publish", "attest"]
TRAINERS = ("accelerate", "bitsandbytes", "peft", "tokenizers", "torch", "transformers")
EXPORTERS = ("gguf", "llama-cpp-python", "torch", "transformers")
METRICS = (
    "jsonschema-rs",
    "llama-cpp-python",
    "numpy",
    "rouge-score",
    "sacrebleu",
    "scipy",
    "torch",
    "transformers",
)


@dataclass(frozen=True)
class Trained:
    """What training leaves for the stages after it."""

    base: BaseModel
    chat: Chat
    facts: TrainingFacts
    adapter: Path


def run_line(run: Run, until: Stage = "attest") -> None:
    """Run the stages up to `until`; `run.evidence()` holds what they found, even if one raises.

    If the job names earlier evidence and all of it still applies, its training and answers are
    reused.
    """
    gated = validate(run)
    if until == "validate":
        return
    require_runnable(run.job)
    if until == "attest" and run.job.reuse is not None:
        from runner.reuse import reuse_outputs

        if reuse_outputs(run, run.job.reuse, gated):
            return
    trained = train(run, gated)
    if until == "train":
        return
    rows = tuple(accepted_rows(run.job.folder, gated, "test"))
    exported = export(run, trained, rows)
    if until == "export":
        return
    measured = evaluate(run, trained, exported, rows, gated)
    if until == "evaluate":
        return
    compare(run, measured, rows)
    publish(run, trained, exported, measured)
    if until == "publish":
        return
    attest(run, trained.base)


def validate(run: Run) -> GatedData:
    """Run the data gates; Stopped if the policy forbids training on these rows."""
    with run.stage("validate"):
        gated = gate_files(run)
        run.record(DataPart(data=gated.facts))
        run.record(known_before(run.job))
        stop_at_gates(run.job, gated.facts)
    return gated


def train(run: Run, gated: GatedData) -> Trained:
    """Train the adapter that the recipe describes on the accepted training rows."""
    from runner.base.base_model import resolve_base
    from runner.chat import Chat
    from runner.measure.evaluate import fetch_artifact
    from runner.tell.third_party_noise import hush
    from runner.training.adapter import use_gpu

    job = run.job
    recipe = job.folder.recipe
    hush()
    with run.stage("train"):
        progress = job.reporter.progress
        progress("loading torch", 0.0)
        use_gpu()  # loads torch; only then does `device_name` know the GPU
        make_cache(job.cache)
        if job.pointer is not None:  # a live version that is missing must not cost a training
            progress("fetching the live version", 0.0)
            fetch_artifact(job.pointer, job.registry_url, job.cache)
        base = resolve_base(recipe, job.folder.repo, job.cache, progress)
        chat = Chat(base.path, recipe.chat_template, base.name)
        facts = run.workspace.keep(
            "train",
            [job.folder.proposal.digest, base.digest, library_versions(TRAINERS), device_name()],
            TrainingFacts,
            lambda place: _train(job, gated, base, chat, place),
            files=(*(f"adapter/{name}" for name in ADAPTER_FILES), "metrics.json"),
        )
        run.record(TrainingPart(training=facts))
    return Trained(base, chat, facts, job.workspace / "train" / "adapter")


def export(run: Run, trained: Trained, rows: tuple[Row, ...]) -> ExportFacts:
    """Merge the adapter, write the file that ships, and check that it reads prompts the same."""
    from runner.export.export_model import MERGED, ExportFacts, export_model

    job = run.job
    base = trained.base
    with run.stage("export"):
        return run.workspace.keep(
            "export",
            [
                job.folder.proposal.digest,
                trained.facts.adapter,
                base.digest,
                library_versions(EXPORTERS),
            ],
            ExportFacts,
            lambda place: export_model(
                job.folder.name,
                base,
                trained.adapter,
                trained.chat,
                job.folder.recipe.quantization,
                rows,
                place,
                job.reporter.progress,
            ),
            files=(SHIPPED, f"{MERGED}/config.json", f"{MERGED}/tokenizer.json"),
        )


def evaluate(
    run: Run, trained: Trained, exported: ExportFacts, rows: tuple[Row, ...], gated: GatedData
) -> MeasuredPart:
    """Measure base, merged, candidate and incumbent on the test rows."""
    from runner.measure.base_branch_rows import measure_both, read_former, ready_rivals
    from runner.measure.evaluate import Bench, measure_subjects, outputs_name
    from runner.measure.slicing import Cuts

    job = run.job
    cuts = Cuts.of(job.policy)
    subjects: list[Subject] = ["base", "merged", "candidate"]
    if job.pointer is not None:
        subjects.append("incumbent")
    former = read_former(job)
    rivals = ready_rivals(job, run.evidence().equal_rows)

    def measure(place: Path) -> MeasuredPart:
        trained_on = accepted_rows(job.folder, gated, "train")
        bench = Bench(
            job.folder, rows, job.cache, job.fresh, place, job.reporter.progress, cuts, trained_on
        )
        made = job.workspace / "export"
        found = measure_subjects(
            bench, trained.base, trained.chat, exported, made, job.pointer, job.registry_url
        )
        more = measure_both(job, bench, former, rivals, made, exported.artifact)
        return found.model_copy(update=more)

    with run.stage("evaluate"):
        measured = run.workspace.keep(
            "evaluate",
            [
                job.folder.proposal.digest,
                exported.artifact,
                exported.merged,
                job.incumbent.model_dump() if job.incumbent else None,
                library_versions(METRICS) | package_versions(job.folder.contract.metrics),
                device_name(),
                [list(cuts.slices), list(cuts.clusters)],
                [former.digest, former.why] if former is not None else None,
                [[each.model, each.pointer and each.pointer.text(), each.why] for each in rivals],
            ],
            MeasuredPart,
            measure,
            files=(
                *map(outputs_name, subjects),
                *(former.files_next_to(rows) if former is not None else ()),
                *(name for each in rivals for name in each.files),
            ),
        )
        run.record(measured)
    return measured


def compare(run: Run, measured: MeasuredPart, rows: tuple[Row, ...]) -> None:
    """Ask a judge model and draw the sample that people read, each if the policy requires it."""
    from runner.win_rate.compare_versions import (
        compare_versions,
        compared_with,
        compares,
        read_answered,
    )

    if not compares(run):
        return
    folder = run.job.workspace / "evaluate"
    candidate = read_answered(measured.measurements, "candidate", folder)
    other = read_answered(measured.measurements, compared_with(run), folder)
    compare_versions(run, rows, candidate, other)


def publish(run: Run, trained: Trained, exported: ExportFacts, measured: MeasuredPart) -> None:
    """Put the file that ships, the adapter and all outputs into the registry."""
    from runner.publish import publish_files

    job = run.job
    with run.stage("publish"):
        job.reporter.progress("writing to the registry", 0.0)
        run.record(
            publish_files(
                job.registry_url,
                exported,
                measured,
                trained.adapter,
                job.workspace / "export",
                job.workspace / "evaluate",
            )
        )


def attest(run: Run, base: BaseModel | None = None) -> None:
    """Check that the evidence is about the files as they are now, the loaded base among them."""
    from runner.base.base_model import require_same_base

    with run.stage("attest"):
        require_unchanged(run.job)
        if base is not None:
            require_same_base(base)


def gate_files(run: Run) -> GatedData:
    """Run the data gates, unless they already ran over exactly these files."""
    job = run.job
    rules = job.policy.gates.data
    return run.workspace.keep(
        "validate",
        [job.folder.proposal.digest, rules.model_dump(), library_versions(["jsonschema-rs"])],
        GatedData,
        lambda _: gate_data(job.folder, rules, job.reporter.progress),
    )


def stop_at_gates(job: Job, data: DataFacts) -> None:
    """Raise Stopped if the policy forbids training on these rows."""
    blocking = judge_data(job.policy, data).blocking()
    if blocking:
        where = f"models/{job.folder.name}/data"
        remedy = f"see: countersign validate {job.folder.name}"
        raise Stopped(Problem(where, f"{leaf.name}: {leaf.sentence}", remedy) for leaf in blocking)


def require_runnable(job: Job) -> None:
    """UserError if this machine cannot train the model, or lacks a metric that the contract names.

    Both are checked before training, which costs money.
    """
    name, engine = job.folder.name, job.folder.recipe.engine
    if engine != "local":
        raise UserError.one(
            f"models/{name}/recipe.yml engine",
            f"{engine} does not train on this machine, and this command sends nothing there",
            f"prepare the files with: countersign {engine} prepare {name}",
        )
    package_versions(job.folder.contract.metrics)


def _train(job: Job, gated: GatedData, base: BaseModel, chat: Chat, place: Path) -> TrainingFacts:
    from runner.training.token_rows import encode_rows
    from runner.training.tracking import run_name
    from runner.training.train import train_adapter

    recipe, progress = job.folder.recipe, job.reporter.progress
    limit = job.policy.gates.training.max_truncated_share
    try:
        rows = accepted_rows(job.folder, gated, "train")
        encoded = encode_rows(rows, chat, recipe.max_length, place / TOKENS, progress)
        encoded.require_whole(recipe.max_length, limit)
    except UserError as error:
        raise Stopped(error.problems) from error
    name = run_name(job.folder.name, job.folder.proposal.digest, recipe.wandb_project)
    facts = train_adapter(recipe, base, chat, encoded, place, name, progress)
    shutil.rmtree(place / TOKENS)
    return facts
