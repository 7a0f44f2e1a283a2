"""Measure base, merged, candidate and incumbent on the same held-out rows.

The candidate is the quantised file that would ship, asked through llama.cpp. The merged model is
asked through transformers, which shows what the export changed. The incumbent is fetched by the
digest in its pointer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

from countersign_ml.pace import Pace, Progress
from countersign_ml.registry import Registry
from countersign_ml.rows.governed.governed_model import GovernedModel
from countersign_ml.rows.read.row import Row, rows_digest
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import (
    SHIPPED,
    MeasuredPart,
    Measurement,
    ParityFacts,
    Sample,
    Subject,
)
from policy.facts.pointer import Pointer
from policy.files.contract import Contract
from policy.files.recipe import Decoding
from runner.attest import device_name
from runner.base.base_model import BaseModel, load_weights
from runner.chat import Chat
from runner.engines.engine import Answer, Engine
from runner.engines.gguf_chat import GgufChat
from runner.engines.gguf_model import BATCH_TOKENS
from runner.engines.llamacpp_engine import LlamaCppEngine
from runner.engines.transformers_engine import TransformersEngine
from runner.export.export_model import MERGED, ExportFacts
from runner.export.merge_adapter import set_stops
from runner.export.parity import answer_parity
from runner.measure.answer_drift import drift_of
from runner.measure.class_metrics import classes_of
from runner.measure.comparing import compare
from runner.measure.outputs import Asked, answers_of, write_outputs
from runner.measure.scoring import Scored, score
from runner.measure.slicing import NO_CUTS, Cuts
from runner.measure.subject_metrics import metrics_of
from runner.runner_sentences import artifact_missing
from runner.training.adapter import use_gpu

BATCH = 32
SAMPLES = 10
"""Rows shown in the pull request."""
SHOWN_CHARACTERS = 2000
FORMER = "former-"
"""Begins the names of the outputs on the held-out rows from before a change of them."""


@dataclass(frozen=True)
class Bench:
    """The rows, how they are asked, and where answers are kept."""

    folder: GovernedModel
    rows: tuple[Row, ...]
    cache: Path
    fresh: bool
    out: Path
    progress: Progress
    cuts: Cuts = NO_CUTS
    trained_on: Iterable[Row] = ()
    prefix: str = ""
    """Begins the names of the files of outputs."""

    @property
    def decoding(self) -> Decoding:
        return self.folder.recipe.decoding


@dataclass(frozen=True)
class Subjected:
    """One subject's answers and scores on every row."""

    measurement: Measurement
    prompts: tuple[str, ...]
    scored: tuple[Scored, ...]

    @property
    def answers(self) -> list[Answer]:
        return [each.answer for each in self.scored]


def measure_subjects(
    bench: Bench,
    base: BaseModel,
    chat: Chat,
    exported: ExportFacts,
    made: Path,
    pointer: Pointer | None,
    registry_url: str,
) -> MeasuredPart:
    """Measure every subject; `made` holds the merged weights and the file that would ship."""
    prompts = tuple(chat.prompt(row) for row in bench.rows)

    def transformers(subject: Subject, folder: Path, weights: str) -> Subjected:
        settings = settings_of(chat)
        return measure(bench, subject, weights, prompts, lambda: _opened(folder, chat), settings)

    found: dict[Subject, Subjected] = {
        "base": transformers("base", base.path, base.digest),
        "merged": transformers("merged", made / MERGED, exported.merged),
        "candidate": measure_gguf(bench, "candidate", made / SHIPPED, exported.artifact),
    }
    if pointer is not None:
        digest = pointer.artifact.digest
        file = fetch_artifact(pointer, registry_url, bench.cache)
        found["incumbent"] = measure_gguf(bench, "incumbent", file, digest)
    scored: dict[Subject, Sequence[Scored]] = {name: each.scored for name, each in found.items()}
    return MeasuredPart(
        measurements=tuple(each.measurement for each in found.values()),
        comparisons=compare(scored, bench.folder.contract, cuts=bench.cuts),
        parity=_parity(found["merged"], found["candidate"], exported),
        samples=tuple(samples_of(found["candidate"].measurement.outputs, bench.rows, scored)),
        drift=drift_of(scored, bench.trained_on, bench.folder.contract),
        classes=classes_of(scored, bench.folder.contract),
    )


def measure_gguf(bench: Bench, subject: Subject, file: Path, digest: str) -> Subjected:
    """Measure a GGUF file through llama.cpp, with the template inside the file."""
    inside = GgufChat(file)
    prompts = tuple(inside.prompt(row.prompt, row.where) for row in bench.rows)

    @contextmanager
    def opened() -> Iterator[Engine]:
        with LlamaCppEngine(file) as engine:
            yield engine

    return measure(bench, subject, digest, prompts, opened, settings_of())


def measure(
    bench: Bench,
    subject: Subject,
    model: str,
    prompts: tuple[str, ...],
    opened: Any,
    settings: str,
) -> Subjected:
    """Ask a subject every prompt, unless its answers are cached, and score them."""
    engine = engine_of(subject)
    asked = Asked(model, f"{engine} on {device_name()}", prompts, bench.decoding, settings)

    pace = Pace(f"asking {subject}")

    def told(done: int, all_: int) -> None:
        bench.progress(*pace.at(done, done / all_))

    def ask() -> list[Answer]:
        bench.progress(f"loading {subject}", 0.0)
        with opened() as model_engine:
            return list(
                model_engine.generate(
                    prompts, max_new_tokens=bench.decoding.max_new_tokens, progress=told
                )
            )

    answers = answers_of(asked, bench.cache, bench.fresh, ask)
    folder = bench.folder
    scored = tuple(
        score(row, answer, folder.contract, folder.output_schema)
        for row, answer in zip(bench.rows, answers, strict=True)
    )
    asked_for = [digest_bytes(prompt.encode()) for prompt in prompts]
    outputs = write_outputs(
        subject, asked_for, scored, bench.out / outputs_name(subject, bench.prefix)
    )
    measurement = measurement_of(subject, engine, model, scored, outputs, folder.contract)
    return Subjected(measurement, prompts, scored)


def engine_of(subject: Subject) -> str:
    """Return the engine that asks a subject, with its version, as measurements name it."""
    if subject in ("base", "merged"):
        return f"transformers {version('transformers')} torch {version('torch')}"
    return f"llama.cpp {version('llama-cpp-python')}"


def measurement_of(
    subject: Subject,
    engine: str,
    model: str,
    scored: Sequence[Scored],
    outputs: str,
    contract: Contract,
) -> Measurement:
    """Return the measurement of one subject's scored rows."""
    return Measurement(
        subject=subject,
        engine=engine,
        model=model,
        rows=rows_digest([each.row for each in scored]),
        outputs=outputs,
        metrics=metrics_of(scored, contract),
        seconds=round(math.fsum(each.answer.seconds for each in scored), 3),
    )


def settings_of(chat: Chat | None = None) -> str:
    """Return the engine's settings that can change an answer.

    With transformers, asked with a `chat`, this includes the stop token: two recipes can ask the
    same base the same prompts and stop it differently. A GGUF file contains its stop token.
    """
    if chat is not None:
        ends = f"ended by token {chat.stop_id}, padded with {chat.pad_id}"
        return f"batches of {BATCH}, left-padded, longest first, {ends}"
    return f"batches of {BATCH_TOKENS} tokens, the whole context that it was trained with"


def outputs_name(subject: Subject, prefix: str = "") -> str:
    """Return the file name of a subject's scored rows."""
    return f"{prefix}outputs-{subject}.jsonl"


def fetch_artifact(pointer: Pointer, registry_url: str, cache: Path) -> Path:
    """Return the pointer's artifact from the registry, verified by digest."""
    digest = pointer.artifact.digest
    target = cache / "artifacts" / f"{digest.removeprefix('sha256:')}.gguf"
    try:
        return Registry(registry_url).fetch(digest, target)
    except UserError as error:
        where = f"models/{pointer.model}/pointer.json"
        raise artifact_missing(where, digest, error) from error


@contextmanager
def _opened(folder: Path, chat: Chat) -> Iterator[Engine]:
    """Open a model folder in transformers, with the stop tokens that the candidate has."""
    settings: dict[str, Any] = {"dtype": "auto", "device_map": {"": 0}} if use_gpu() else {}
    if not settings:
        import torch

        settings = {"dtype": torch.float32}
    model = load_weights(folder, str(folder), **settings)
    set_stops(model, chat)
    engine = TransformersEngine(model, chat.tokenizer, batch_size=BATCH)
    try:
        yield engine
    finally:
        engine.close()


def _parity(merged: Subjected, candidate: Subjected, exported: ExportFacts) -> ParityFacts:
    answers = answer_parity(merged.prompts, merged.answers, candidate.answers)
    return ParityFacts(
        prompts=exported.prompts,
        prompts_with_equal_tokens=exported.equal_prompts,
        answers=answers.checked,
        equal_answers=answers.equal,
        first_difference=exported.first_difference or answers.first_difference,
    )


def samples_of(
    outputs: str, rows: Sequence[Row], scored: Mapping[Subject, Sequence[Scored]]
) -> Iterator[Sample]:
    """Yield rows for people to read, drawn by the digest of the candidate's file of outputs.

    The file contains times, which an author cannot know beforehand, so nobody can pick the rows.
    """
    rng = Random(outputs)  # noqa: S311 - repeatable, not secret
    drawn = sorted(rng.sample(range(len(rows)), min(SAMPLES, len(rows))))
    for number in drawn:
        row = rows[number]
        yield Sample(
            id=row.id,
            input=row.last_user_text[:SHOWN_CHARACTERS],
            expected=row.answer[:SHOWN_CHARACTERS],
            answers={
                subject: answered[number].answer.text[:SHOWN_CHARACTERS]
                for subject, answered in scored.items()
            },
        )
