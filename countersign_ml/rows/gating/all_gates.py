"""All gates over all files of a dataset: one pass over the rows, then the gates over all rows.

The resulting facts contain counts and places, never verdicts; the policy judges them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from countersign_ml.rows.gates import (
    approved,
    contract_fit,
    detected,
    diversity,
    duplicates,
    label_conflicts,
    leakage,
    near_duplicates,
    near_leakage,
    ngram_leakage,
    prompt_leaks,
    provenance,
    splits,
)
from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.gating.scan import Cluster, Progress, scan
from countersign_ml.rows.kept.columns import I64
from countersign_ml.rows.kept.ngrams import TestNgrams
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.formats import FormatName
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.read.tally import Tally
from policy.facts.evidence import DataFacts, GateFacts, RowFinding, SplitFacts
from policy.files.rules import DataGate, DataRules

Count = Callable[[list[Table], DataRules, Tally], None]
_TABLE_GATES: tuple[tuple[Gate, Count], ...] = tuple(
    (module.GATE, module.count)
    for module in (
        duplicates,
        leakage,
        near_duplicates,
        near_leakage,
        label_conflicts,
        diversity,
        splits,
    )
)
GATES: tuple[Gate, ...] = (
    contract_fit.GATE,
    approved.GATE,
    provenance.GATE,
    prompt_leaks.GATE,
    detected.PII,
    detected.SECRET,
    ngram_leakage.GATE,
    *(gate for gate, _ in _TABLE_GATES),
)
ROW_PASS = "rows"  # noqa: S105 - no password
"""The key, in `seconds`, of the one pass over all rows."""


@dataclass
class Gated:
    """What the gates counted, the formats and rejected lines of each file, and the seconds each
    part took."""

    facts: DataFacts
    formats: dict[str, tuple[FormatName, ...]]
    rejected: dict[str, I64]
    """Lines of each file with a finding of a gate for single rows, ascending."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(split.rows for split in self.facts.splits)


def gate(
    sources: list[tuple[str, Source]],
    row_rules: RowRules,
    rules: DataRules,
    progress: Progress | None = None,
    workers: int | None = None,
    cluster: Cluster | None = None,
) -> Gated:
    """Run every gate over (split, file) pairs; UserError if a file cannot be read at all.

    The findings are the same with any number of `workers`, and with a `cluster`.
    """
    tallies = no_tallies()
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    tables = []
    ngrams = ngram_leakage.index_of(sources, rules)
    index = None if ngrams is None else ngrams.index
    for table in scan(sources, row_rules, tallies, progress, workers, index, cluster):
        tables.append(table)
        mixed(table, tallies)
    seconds[ROW_PASS] = time.perf_counter() - started
    return count_all(tables, ngrams, rules, tallies, seconds)


def no_tallies() -> dict[DataGate, Tally]:
    """Return an empty tally for every gate, in the order of the report."""
    return {each.name: Tally() for each in GATES}


def mixed(table: Table, tallies: dict[DataGate, Tally]) -> None:
    """Report a file that mixes formats, after it was read to its end."""
    if len(table.formats) > 1:
        kinds = ", ".join(table.formats)
        message = f"rows are in several formats: {kinds}; use one format per file"
        tallies["contract"].add(RowFinding(file=table.where, line=1, message=message))


def count_all(
    tables: list[Table],
    ngrams: TestNgrams | None,
    rules: DataRules,
    tallies: dict[DataGate, Tally],
    seconds: dict[str, float],
) -> Gated:
    """Run the gates over all rows, and return the facts with those already in `tallies`."""
    if ngrams is not None:
        started = time.perf_counter()
        ngram_leakage.count(tables, ngrams, rules, tallies["ngram_leakage"])
        seconds["ngram_leakage"] = time.perf_counter() - started
    for each, count in _TABLE_GATES:
        started = time.perf_counter()
        count(tables, rules, tallies[each.name])
        seconds[each.name] = time.perf_counter() - started
    facts = DataFacts(
        splits=tuple(
            SplitFacts(
                split=table.split,
                path=table.where,
                rows=table.rows,
                digest=table.source.digest,
            )
            for table in tables
        ),
        gates=tuple(
            GateFacts(
                gate=name,
                count=tally.count,
                findings=tuple(tally.findings),
                not_run=tally.not_run,
            )
            for name, tally in tallies.items()
        ),
    )
    return Gated(
        facts,
        {table.where: tuple(table.formats) for table in tables},
        {table.where: table.rejected_lines() for table in tables},
        seconds,
    )
