"""What one row must be, looked at by itself; the gates count it and the trainer leaves it out.

`RowCheck.findings` is the whole truth about a row. `RowCheck.clean` is quick and one-sided: where
it says True, there are no findings; where it says False, somebody has to ask `findings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataset.compiled import compiled
from dataset.detect import may_hold
from dataset.formats import Role, Turn
from dataset.gates import approved, contract, detected, prompt_leaks, provenance
from dataset.json_schemas import SchemaChecker
from dataset.ngrams import NgramIndex
from dataset.row_rules import RowRules
from dataset.rows import Defect, Row, read_rows
from dataset.vouched import vouched
from policy.evidence import RowFinding
from policy.rules import DataGate

Found = tuple[DataGate, RowFinding]
REMEMBERED = 50_000
"""Texts whose fit is remembered: answers repeat. More are not kept, so memory stays bounded."""
_ROW_GATES: tuple[tuple[DataGate, Callable[[Row, RowRules], Iterator[tuple[str, str]]]], ...] = (
    (contract.GATE.name, contract.findings),
    (approved.GATE.name, approved.findings),
    (provenance.GATE.name, provenance.findings),
    (prompt_leaks.GATE.name, prompt_leaks.findings),
    (detected.PII.name, detected.personal),
    (detected.SECRET.name, detected.secrets),
)


@dataclass(frozen=True)
class RowCheck:
    """The rules for one row, made ready."""

    rules: RowRules
    index: NgramIndex | None = field(default=None, repr=False, compare=False)
    """The n-grams of test rows to look for, where the rows of a chunk are examined."""
    _fits_input: Callable[[str], bool] | None = field(init=False, repr=False, compare=False)
    _fits_output: Callable[[str], bool] | None = field(init=False, repr=False, compare=False)
    _orders: dict[tuple[Role, ...], bool] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        for name, checker in (
            ("_fits_input", self.rules.input_checker),
            ("_fits_output", self.rules.output_checker),
        ):
            object.__setattr__(self, name, None if checker is None else _fits(checker))

    def findings(self, row: Row) -> Iterator[Found]:
        """Yield everything that is wrong with a row by itself."""
        for name, look in _ROW_GATES:
            for place, message in look(row, self.rules):
                yield name, finding(row, place, message)

    def accepted(self, path: Path, where: str) -> Iterator[Row]:
        """Yield the rows of a file that no gate for single rows names."""
        for row in read_rows(path, where):
            if isinstance(row, Row) and next(self.findings(row), None) is None:
                yield row

    def suspects(self, data: bytes) -> bool:
        """Return whether some text of a whole chunk may hold a template's token or a canary."""
        return bool(self.rules.canaries) or prompt_leaks.may_hold(data)

    def clean(
        self, value: dict[str, Any], roles: tuple[Role, ...], texts: list[str], suspect: bool
    ) -> bool:
        """Return True only where `findings` would yield nothing for a row of these turns."""
        rules = self.rules
        if value.get("approved") is not True or not self._in_order(roles):
            return False
        for text in texts:
            if not text or text.isspace():
                return False
        version = rules.schema_version
        if version is not None and value.get("schema_version", version) != version:
            return False
        source = value.get("source", rules.source)
        if type(source) is not str or not source or source.isspace():
            return False
        licence = value.get("licence" if "licence" in value else "license", rules.licence)
        if type(licence) is not str or not licence or licence.isspace():
            return False
        if rules.licences and licence.casefold() not in rules.licences:
            return False
        if value.get("consent", True) is False:
            return False
        if self._fits_output is not None and not self._fits_output(texts[-1]):
            return False
        if self._fits_input is not None:
            last = len(roles) - 2
            while roles[last] != "user":
                last -= 1
            if not self._fits_input(texts[last]):
                return False
        if roles[0] == "system":
            for part in prompt_leaks.fragments(texts[0]):
                for text in texts[1:]:
                    if part in text:
                        return False
        if suspect:
            for text in texts:
                if prompt_leaks.template_token(text) is not None:
                    return False
                for canary in rules.canaries:
                    if canary in text:
                        return False
        return not may_hold("\n".join(texts))

    def _in_order(self, roles: tuple[Role, ...]) -> bool:
        """Return whether roles stand in order; every order is looked at once."""
        known = self._orders.get(roles)
        if known is None:
            row = Row("", tuple(Turn(role, "-") for role in roles), {}, 0, "", "messages")
            known = next(contract.turn_problems(row), None) is None
            if len(self._orders) < REMEMBERED:
                self._orders[roles] = known
        return known


def _fits(checker: SchemaChecker) -> Callable[[str], bool]:
    """Return a quick check of a schema, which remembers the texts that fitted."""
    quick = compiled(checker.schema)
    known: set[str] = set()

    def fits(text: str) -> bool:
        if text in known:
            return True
        if quick is None:
            fitting = checker.fits(text)
        elif checker.of_text:
            return quick(text)
        else:
            value = vouched(text.encode("utf-8", "surrogatepass"))
            fitting = value is not None and quick(value)
        if fitting and len(known) < REMEMBERED and len(text) < 1000:
            known.add(text)
        return fitting

    return fits


def finding(row: Row | Defect, place: str, message: str) -> RowFinding:
    """Return a finding about a row, where it stands."""
    return RowFinding(file=row.file, line=row.line, id=row.id, field=place, message=message)
