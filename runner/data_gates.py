"""The data gates over one governed model: its splits, its contract, its dataset card."""

from __future__ import annotations

from collections.abc import Callable

from countersign_ml.rows.gating.all_gates import gate
from countersign_ml.rows.governed.model_folder import ModelFolder
from countersign_ml.rows.read.formats import FormatName
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy.documents import Document
from policy.facts.evidence import DataFacts
from policy.files.rules import DataRules

Progress = Callable[[str, float], None]


class GatedData(Document):
    """What the gates counted, and the formats that each file's rows came in."""

    facts: DataFacts
    formats: dict[str, tuple[FormatName, ...]]


def gate_data(folder: ModelFolder, rules: DataRules, progress: Progress | None = None) -> GatedData:
    """Run every data gate over all splits of a model."""
    order = sorted(folder.card.splits, key=lambda split: (split != "train", split))
    sources = []
    for split in order:
        path = folder.data_file(split)
        sources.append((split, Source(str(path), folder.where(path))))

    def told(rows: int, done: int, total: int) -> None:
        if progress is not None:
            progress(f"checking rows, {rows} so far", done / (total or 1))

    gated = gate(sources, row_rules(folder, rules), rules, told)
    return GatedData(facts=gated.facts, formats=gated.formats)


def row_rules(folder: ModelFolder, rules: DataRules) -> RowRules:
    """Return what each row of a model is held against."""
    return RowRules.of(
        rules,
        input_schema=folder.input_schema,
        output_schema=folder.output_schema,
        schema_version=folder.contract.schema_version,
        source=folder.card.countersign.source,
        licence=folder.card.license,
    )
