"""Run the data gates over one governed model: its splits, contract and dataset card."""

from __future__ import annotations

from collections.abc import Callable

from countersign_ml.rows.gating.all_gates import gate
from countersign_ml.rows.governed.governed_model import GovernedModel
from countersign_ml.rows.read.formats import FormatName
from policy.documents import Document
from policy.facts.evidence import DataFacts
from policy.files.rules import DataRules

Progress = Callable[[str, float], None]


class GatedData(Document):
    """What the gates counted, and the row formats of each file."""

    facts: DataFacts
    formats: dict[str, tuple[FormatName, ...]]


def gate_data(
    folder: GovernedModel, rules: DataRules, progress: Progress | None = None
) -> GatedData:
    """Run every data gate over all splits of a model."""

    def told(rows: int, done: int, total: int) -> None:
        if progress is not None:
            progress(f"checking rows, {rows} so far", done / (total or 1))

    gated = gate(folder.sources(), folder.row_rules(rules), rules, told)
    return GatedData(facts=gated.facts, formats=gated.formats)
