"""The model card of one version, in the Hub's format, for the person who will serve it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from bot.facts.looks import Look
from bot.facts.model_state import AttemptState
from bot.report import (
    attempt_table,
    charts,
    data_change,
    equal_rows_lines,
    figures,
    held_out_change,
    pilot,
    spending,
    spot_check_table,
)
from bot.report.author_words import NO_WORDS, Words
from countersign_ml.markdown import code, plain, table, visible
from policy.errors import UserError
from policy.facts.evidence import SHIPPED, Evidence, TrainingFacts
from policy.facts.pointer import Pointer
from policy.files.dataset_card import DatasetCard, parse_card
from policy.people.sign_off_record import Override
from policy.people.spot_check_signatures import SpotCheckSignature

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def render(
    evidence: Evidence,
    pointer: Pointer,
    dataset_card: str | None,
    overrides: Sequence[Override] = (),
    attempts: Sequence[AttemptState] = (),
    signatures: Sequence[SpotCheckSignature] = (),
    *,
    words: Words = NO_WORDS,
    look: Look | None = None,
) -> str:
    """Return the card's exact text; the same evidence, overrides and words give the same card."""
    data = dataset_of(dataset_card)
    drawn = charts.charts(evidence, pointer)
    parts = [
        f"# {plain(evidence.model)} {pointer.version}",
        _what_changed(evidence, pointer),
        *_forced(overrides),
        *attempt_table.of_card(attempts),
        *pilot.report(evidence, overrides, words),
        "## Evaluation",
        _evaluation(evidence),
        *_said(held_out_change.on_former_rows(evidence)),
        *_said(look.sentence if look is not None else ""),
        *_picture(drawn, "metrics", "The metrics of this version and the versions before it"),
        *spot_check_table.of_card(evidence, signatures),
        "## Data",
        *_said(data_change.sentence(evidence)),
        _data(evidence, data),
        "## Training",
        _training(evidence.training),
        *_picture(drawn, "loss", "The loss over the steps of this training"),
        *_said(spending.line(evidence)),
        "## Digests",
        _digests(evidence, pointer),
        "## Serve it",
        _serving(evidence, pointer),
    ]
    front = _front_matter(evidence, data)
    text = f"---\n{front}---\n\n" + "\n\n".join(parts) + "\n"
    ModelCard(text)  # refuses front matter that the Hub would refuse
    return text


def dataset_of(text: str | None) -> DatasetCard | None:
    """Return the dataset card; None if there is none, or it cannot be read."""
    try:
        return parse_card(text, "data/README.md") if text is not None else None
    except UserError:
        return None  # the data gates report a broken card; this card shows none


def _front_matter(evidence: Evidence, data: DatasetCard | None) -> str:
    base = evidence.proposal.base_model
    hub_base = base if _HUB_ID.fullmatch(base) and not base.startswith("models/") else None
    language = data.language if data else None
    known: dict[str, Any] = {}
    if hub_base:
        known["base_model_relation"] = "finetune"
    if isinstance(language, str | list):
        known["language"] = language
    card = ModelCardData(
        model_name=evidence.model,
        base_model=hub_base,
        library_name="gguf",
        license="other",
        license_name="of-base-model-and-data",
        license_link="#data",
        pipeline_tag="text-generation",
        tags=["countersign", evidence.model],
        eval_results=_results(evidence) or None,
        **known,
    )
    return card.to_yaml() + "\n"


def _results(evidence: Evidence) -> list[EvalResult]:
    measured = evidence.measurement("candidate")
    if measured is None:
        return []
    return [
        EvalResult(
            task_type="text-generation",
            dataset_type=f"models/{evidence.model}/data",
            dataset_name=f"{evidence.model} test split",
            dataset_split="test",
            metric_type=metric.name,
            metric_value=round(metric.value, 6),
        )
        for metric in measured.metrics
        if math.isfinite(metric.value)
    ]


def _what_changed(evidence: Evidence, pointer: Pointer) -> str:
    base = code(evidence.proposal.base_model)
    text = f"A fine-tune of {base}, exported as GGUF ({plain(pointer.artifact.quantisation)})."
    if pointer.predecessor is None:
        return text + " It is the first version."
    return text + f" It replaces {code(pointer.predecessor.version)}."


def _forced(overrides: Sequence[Override]) -> list[str]:
    """Return which gates this version did not pass, and who forced them."""
    if not overrides:
        return []
    lines = [
        f"- **{plain(o.gate)}** did not pass. {plain(o.user)} ({plain(o.role)}) forced it on "
        f"{plain(o.stated)}: {plain(o.reason, 500)}"
        for o in overrides
    ]
    return ["## Forced", "\n".join(lines)]


def _said(sentence: str) -> list[str]:
    return [sentence] if sentence else []


def _picture(drawn: Mapping[str, str], chart: str, alt: str) -> list[str]:
    """Return the picture of that name, which is next to the card, if there is one."""
    files = [path.rpartition("/")[2] for path in drawn if path.endswith(f".{chart}.svg")]
    return [f"![{alt}]({file})" for file in files]


def _evaluation(evidence: Evidence) -> str:
    rows = figures.rows(evidence)
    if not rows:
        return "Nothing was measured."
    measured = evidence.measurement("candidate")
    count = max((metric.n for metric in measured.metrics), default=0) if measured else 0
    cells = [(code(r.metric), r.base, r.incumbent, r.candidate, r.change, r.interval) for r in rows]
    head = ("Metric", "Base", "Live before", "This version", "Change", "95 % interval")
    note = (
        f"All figures are on the same {count} rows of the test split. Those of this version are of "
        "the quantised file that is served. The change is against the live version it replaces, "
        "row by row."
    )
    other = held_out_change.sentence(evidence)
    said = "".join(f" {plain(each)}." for each in equal_rows_lines.sentences(evidence))
    return table(head, cells) + "\n\n" + note + (f" {plain(other)}." if other else "") + said


def _data(evidence: Evidence, data: DatasetCard | None) -> str:
    lines = []
    if data is not None:
        lines += [
            f"- Licence: {plain(data.license)}",
            f"- Source: {plain(data.countersign.source)}",
            f"- Owner: {plain(data.countersign.owner)}",
            f"- Version: {plain(data.countersign.version)}",
            f"- Consent: {plain(data.countersign.consent)}",
            f"- Classification: {plain(data.countersign.classification)}",
        ]
    if evidence.data is None:
        return "\n".join([*lines, "- The data gates did not run."])
    for split in evidence.data.splits:
        rows = "1 row" if split.rows == 1 else f"{split.rows} rows"
        lines.append(f"- {plain(split.split)}: {rows}, {code(split.path)}, {code(split.digest)}")
    counts = ", ".join(f"{plain(gate.gate)} {gate.count}" for gate in evidence.data.gates)
    lines.append(f"- Findings of the data gates: {counts or 'no gate ran'}")
    return "\n".join(lines)


def _training(facts: TrainingFacts | None) -> str:
    if facts is None:
        return "Nothing was trained."
    lines = [
        f"- {facts.rows} rows, {facts.steps} steps, {facts.epochs:g} epochs, seed {facts.seed}",
        f"- Loss {facts.first_loss:.4f} to {facts.final_loss:.4f} nats per token",
        f"- {facts.trainable_parameters:,} of {facts.total_parameters:,} parameters trained",
        f"- {facts.trained_tokens:,} of {facts.total_tokens:,} tokens trained on; "
        f"{facts.rows_truncated} rows truncated",
        f"- On {plain(facts.device)} in {plain(facts.precision)}",
        f"- Base weights {code(facts.base_weights)}, revision {code(facts.base_revision)}",
    ]
    if facts.tracking:
        lines.append(f"- Tracked at {code(facts.tracking)}")
    return "\n".join(lines)


def _digests(evidence: Evidence, pointer: Pointer) -> str:
    rows = [
        ("Artifact", code(pointer.artifact.digest)),
        ("Evidence", code(pointer.evidence.digest)),
        ("Proposal", code(pointer.proposal)),
        ("Measured at commit", code(evidence.commit)),
        ("Runner", code(evidence.producer.runner_version)),
    ]
    rows += [
        (f"File {code(artifact.name)}", code(artifact.digest))
        for artifact in evidence.artifacts
        if artifact.name != SHIPPED
    ]
    return table(("What", "Value"), rows)


def _serving(evidence: Evidence, pointer: Pointer) -> str:
    model = visible(evidence.model)
    lines = [
        f"The file is in the registry at {code(pointer.artifact.uri)} "
        f"({figures.size(pointer.artifact.size)}). Once this version is live, serve it with "
        "OpenAI's chat API:",
        "",
        "```sh",
        f"countersign serve {model}",
        "```",
        "",
        "Any llama.cpp can load the same file. Decode greedily, as in the evaluation.",
    ]
    return "\n".join(lines)
