"""Run the data gates over one governed model, and read the rows that they accept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from countersign_ml.pace import Pace, Progress
from countersign_ml.rows.gating.accepted import AcceptedRows
from countersign_ml.rows.gating.all_gates import gate, no_tallies
from countersign_ml.rows.gating.scan import scan
from countersign_ml.rows.governed.governed_model import GovernedModel
from countersign_ml.rows.read.formats import FormatName
from policy.documents import Document
from policy.facts.evidence import DataFacts
from policy.files.rules import DataRules
from runner.runner_sentences import no_rows


class GatedData(Document):
    """What the gates counted, and the row formats and rejected lines of each file."""

    facts: DataFacts
    formats: dict[str, tuple[FormatName, ...]]
    rejected: dict[str, tuple[int, ...]]
    """Lines with a finding of a gate for single rows, ascending."""


def gate_data(
    folder: GovernedModel, rules: DataRules, progress: Progress | None = None
) -> GatedData:
    """Run every data gate over all splits of a model."""
    gated = gate(folder.sources(), folder.row_rules(rules), rules, _told(progress))
    return GatedData(
        facts=gated.facts,
        formats=gated.formats,
        rejected={file: tuple(lines.tolist()) for file, lines in gated.rejected.items()},
    )


def accepted_rows(folder: GovernedModel, gated: GatedData, split: str) -> AcceptedRows:
    """Return the rows of a split that passed every gate for single rows; UserError if none did."""
    path = folder.data_file(split)
    where = folder.where(path)
    (facts,) = (each for each in gated.facts.splits if each.split == split)
    rejected = np.array(gated.rejected[where], dtype=np.int64)
    return _some(AcceptedRows(str(path), where, facts.digest, facts.rows, rejected))


def gate_rows(
    folder: GovernedModel, rules: DataRules, split: str, progress: Progress | None = None
) -> AcceptedRows:
    """Run the gates for single rows over one split only, and return the rows that pass them."""
    sources = [each for each in folder.sources() if each[0] == split]
    (table,) = scan(sources, folder.row_rules(rules), no_tallies(), _told(progress))
    return _some(
        AcceptedRows(
            table.source.path, table.where, table.source.digest, table.rows, table.rejected_lines()
        )
    )


def _some(rows: AcceptedRows) -> AcceptedRows:
    if not len(rows):
        raise no_rows(rows.where)
    return rows


def _told(progress: Progress | None) -> Callable[[int, int, int], None] | None:
    if progress is None:
        return None
    pace = Pace("checking rows")
    return lambda rows, done, total: progress(*pace.at(rows, done / total if total else 0.0))
