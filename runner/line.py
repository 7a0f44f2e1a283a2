"""The line: validate, train, export, evaluate, publish, attest - from a proposal to its evidence.

The file that ships is what is evaluated, so it is exported first; evidence says where things lie,
so they are published first. Each stage leaves its facts in `Findings`, whatever happens after it.
"""

from __future__ import annotations

from typing import Any, Literal

from policy.errors import Problem, UserError
from policy.facts.evidence import SHIPPED, DataFacts, TrainingFacts
from policy.gates.judge import judge_data
from runner import messages, model_messages
from runner.attest import device_name, library_versions
from runner.data_gates import GatedData, gate_data
from runner.job import Job, make_cache
from runner.known_before import data_change, earlier_versions, expected
from runner.measure.own_metrics import package_versions
from runner.run import Run, Stopped, accepted_rows, require_unchanged
from runner.training.adapter import ADAPTER_FILES

Stage = Literal["validate", "train", "export", "evaluate", "publish", "attest"]
STAGES: tuple[Stage, ...] = ("validate", "train", "export", "evaluate", "publish", "attest")
TRAINERS = ("accelerate", "bitsandbytes", "peft", "tokenizers", "torch", "transformers")
EXPORTERS = ("gguf", "llama-cpp-python", "torch", "transformers")
METRICS = (
    "jsonschema",
    "llama-cpp-python",
    "numpy",
    "rouge-score",
    "sacrebleu",
    "scipy",
    "torch",
    "transformers",
)


def run_line(run: Run, until: Stage = "attest") -> None:
    """Run the stages up to `until`; what they find is in `run.found`, also when one raises.

    Earlier evidence that the job names stands for training and answers, where all of it holds.
    """
    job, found = run.job, run.found
    folder, say = job.folder, job.reporter
    reached = STAGES.index(until)
    with run.stage("validate"):
        found.data = validate(run).facts
        look_around(run)
        stop_at_gates(job, found.data)
    if reached < STAGES.index("train"):
        return
    if folder.recipe.engine != "local":
        raise messages.trained_elsewhere(folder.name, folder.recipe.engine)
    # A metric that is not installed must not cost a training.
    own_metrics = package_versions(folder.contract.metrics)
    if job.reuse is not None and until == "attest":
        from runner.reuse import reuse_outputs

        if reuse_outputs(run, job.reuse):
            return
    # Only from here on is torch needed.
    from runner.base.base_model import resolve_base
    from runner.chat import Chat
    from runner.export.export_model import MERGED, ExportFacts, export_model
    from runner.measure.evaluate import Bench, Evaluation, evaluate, fetch_artifact, outputs_name
    from runner.measure.slicing import Cuts
    from runner.publish import Published, publish
    from runner.tell.third_party_noise import hush
    from runner.training.adapter import use_gpu
    from runner.win_rate.compare_versions import beside, compare_versions, compares, read_answered

    hush()
    use_gpu()  # loads torch, so that whoever asks for the device is told the truth
    workspace = run.workspace
    proposal = folder.proposal.digest
    with run.stage("train"):
        make_cache(job.cache)
        if (
            job.pointer is not None
        ):  # a live version that cannot be fetched must not cost a training
            fetch_artifact(job.pointer, job.registry_url, job.cache)
        base = resolve_base(folder.recipe, folder.repo, job.cache, say.progress)
        chat = Chat(base.path, folder.recipe.chat_template, base.name)
        found.training = workspace.keep(
            "train",
            [proposal, base.digest, library_versions(TRAINERS), device_name()],
            TrainingFacts,
            lambda place: _train(run, base, chat, place),
            files=(*(f"adapter/{name}" for name in ADAPTER_FILES), "metrics.json"),
        )
    if reached < STAGES.index("export"):
        return
    adapter = job.workspace / "train" / "adapter"
    rows = accepted_rows(job, "test")
    with run.stage("export"):
        exported = workspace.keep(
            "export",
            [proposal, found.training.adapter, base.digest, library_versions(EXPORTERS)],
            ExportFacts,
            lambda place: export_model(
                folder.name,
                base,
                adapter,
                chat,
                folder.recipe.quantization,
                rows,
                place,
                say.progress,
            ),
            files=(SHIPPED, f"{MERGED}/config.json", f"{MERGED}/tokenizer.json"),
        )
    if reached < STAGES.index("evaluate"):
        return
    made = job.workspace / "export"
    cuts = Cuts.of(job.policy)
    subjects = ["base", "merged", "candidate", *(["incumbent"] if job.pointer else [])]
    with run.stage("evaluate"):
        evaluation = workspace.keep(
            "evaluate",
            [
                proposal,
                exported.artifact,
                exported.merged,
                job.incumbent.model_dump() if job.incumbent else None,
                library_versions(METRICS) | own_metrics,
                device_name(),
                [list(cuts.slices), list(cuts.clusters)],
            ],
            Evaluation,
            lambda place: evaluate(
                Bench(
                    folder,
                    rows,
                    job.cache,
                    job.fresh,
                    place,
                    say.progress,
                    cuts,
                    accepted_rows(job, "train"),
                ),
                base,
                chat,
                exported,
                made,
                job.pointer,
                job.registry_url,
            ),
            files=tuple(outputs_name(subject) for subject in subjects),  # type: ignore[arg-type]
        )
        found.measurements = evaluation.measurements
        found.comparisons = evaluation.comparisons
        found.parity = evaluation.parity
        found.samples = evaluation.samples
        found.drift = evaluation.drift
        found.classes = evaluation.classes
    if reached < STAGES.index("publish"):
        return
    if compares(run):
        answers = job.workspace / "evaluate"
        candidate, other = (
            read_answered(evaluation.measurements, name, answers)
            for name in ("candidate", beside(run))
        )
        compare_versions(run, rows, candidate, other)
    with run.stage("publish"):
        published: Published = publish(
            job.registry_url, exported, evaluation, adapter, made, job.workspace / "evaluate"
        )
        found.artifacts = published.artifacts
    if reached < STAGES.index("attest"):
        return
    with run.stage("attest"):
        require_unchanged(job)


def validate(run: Run) -> GatedData:
    """Run the data gates, unless they were run over these very files."""
    job = run.job
    rules = job.policy.gates.data
    return run.workspace.keep(
        "validate",
        [job.folder.proposal.digest, rules.model_dump(), library_versions(["jsonschema"])],
        GatedData,
        lambda _: gate_data(job.folder, rules, job.reporter.progress),
    )


def look_around(run: Run) -> None:
    """Find what a report tells beside what is measured."""
    job, found = run.job, run.found
    found.data_change = data_change(job)
    found.expected = expected(job)
    found.earlier = earlier_versions(job)


def stop_at_gates(job: Job, data: DataFacts) -> None:
    """Raise Stopped where the policy does not let these data be trained on."""
    verdict = judge_data(job.policy, data)
    blocking = verdict.blocking()
    if blocking:
        where = f"models/{job.folder.name}/data"
        raise Stopped(
            Problem(
                where,
                f"{leaf.name}: {leaf.sentence}",
                f"see: countersign validate {job.folder.name}",
            )
            for leaf in blocking
        )


def _train(run: Run, base: Any, chat: Any, place: Any) -> TrainingFacts:
    from runner.training.tracking import run_name
    from runner.training.train import encode_rows, train

    job = run.job
    recipe = job.folder.recipe
    where = job.folder.where(job.folder.data_file("train"))
    try:
        encoded = encode_rows(accepted_rows(job, "train"), chat, recipe.max_length, where)
        cut = encoded.truncated
        limit = job.policy.gates.training.max_truncated_share
        if len(cut) > limit * len(encoded.encoded):
            raise model_messages.too_many_cut(
                len(cut), len(encoded.encoded), limit, cut[0].where, recipe.max_length
            )
    except UserError as error:
        raise Stopped(error.problems) from error
    name = run_name(job.folder.name, job.folder.proposal.digest, recipe.wandb_project)
    return train(recipe, base, chat, encoded, place, name, job.reporter.progress)
