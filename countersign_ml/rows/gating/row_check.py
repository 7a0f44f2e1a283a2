"""The gates for single rows: the report counts what they find, and the trainer leaves it out.

`RowCheck.findings` checks a row completely; `quick` tells which rows need no check.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field

from countersign_ml.rows.gates import approved, contract_fit, detected, prompt_leaks, provenance
from countersign_ml.rows.gating.quick_check import QuickCheck
from countersign_ml.rows.kept.ngrams import NgramIndex
from countersign_ml.rows.read.row import Defect, Row
from countersign_ml.rows.read.row_rules import RowRules
from policy.facts.evidence import RowFinding
from policy.files.rules import DataGate

Found = tuple[DataGate, RowFinding]
_ROW_GATES: tuple[tuple[DataGate, Callable[[Row, RowRules], Iterator[tuple[str, str]]]], ...] = (
    (contract_fit.GATE.name, contract_fit.findings),
    (approved.GATE.name, approved.findings),
    (provenance.GATE.name, provenance.findings),
    (prompt_leaks.GATE.name, prompt_leaks.findings),
    (detected.PII.name, detected.personal),
    (detected.SECRET.name, detected.secrets),
)


@dataclass(frozen=True)
class RowCheck:
    """The rules for one row, prepared."""

    rules: RowRules
    index: NgramIndex | None = field(default=None, repr=False, compare=False)
    """The n-grams of test rows to search for."""
    quick: QuickCheck = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "quick", QuickCheck(self.rules))

    def findings(self, row: Row, gates: Container[DataGate] | None = None) -> Iterator[Found]:
        """Yield the findings of all gates for single rows, or of the given ones."""
        for name, look in _ROW_GATES:
            if gates is None or name in gates:
                for place, message in look(row, self.rules):
                    yield name, finding(row, place, message)


def finding(row: Row | Defect, place: str, message: str) -> RowFinding:
    """Return a finding about a row, with its file and line."""
    return RowFinding(file=row.file, line=row.line, id=row.id, field=place, message=message)
