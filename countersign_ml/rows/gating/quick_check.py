"""Which rows the gates for single rows can skip: a quick, one-sided check of many rows at once.

If `QuickCheck.doubtful` does not name a gate for a row, that gate finds nothing in the row; if it
does, the gate must check the row. Rows share most of their values (roles, source, licence, system
prompt), so each distinct value is checked once per batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from countersign_ml.rows.detect import triggers
from countersign_ml.rows.detect.third_party import Pattern, utf8
from countersign_ml.rows.gates import approved, contract_fit, detected, prompt_leaks, provenance
from countersign_ml.rows.gating.batch import Batch
from countersign_ml.rows.gating.schema_fit import REMEMBERED, Fits
from countersign_ml.rows.read.formats import Roles, Turn
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.row_rules import RowRules
from policy.files.rules import DataGate

FEW_PARTS = 8
"""Up to this many sentences of system prompts are searched for in a whole batch at once."""


class QuickCheck:
    """The rules for single rows, prepared for batches."""

    def __init__(self, rules: RowRules) -> None:
        self.rules = rules
        self._input = None if rules.input_checker is None else Fits(rules.input_checker)
        self._output = None if rules.output_checker is None else Fits(rules.output_checker)
        self._orders: dict[Roles, bool] = {}

    def doubtful(self, batch: Batch) -> dict[int, set[DataGate]]:
        """Return, for each row (by index) that needs a check, the gates that must check it."""
        found: dict[int, set[DataGate]] = {}
        if not len(batch):
            return found
        for gate, rows in self._asked(batch):
            for row in rows:
                found.setdefault(row, set()).add(gate)
        return found

    def _asked(self, batch: Batch) -> Iterator[tuple[DataGate, Iterable[int]]]:
        rules = self.rules
        yield contract_fit.GATE.name, self._contract(batch)
        yield approved.GATE.name, batch.odd(["approved"], None, lambda said: said is True)
        yield provenance.GATE.name, batch.odd(["source"], rules.source, _told)
        yield (
            provenance.GATE.name,
            batch.odd(["licence", "license"], rules.licence, self._allowed),
        )
        yield provenance.GATE.name, batch.odd(["consent"], None, lambda said: said is not False)
        systems = list(batch.systems())
        suspects = _matching(batch, systems)
        for gate in (detected.PII, detected.SECRET, prompt_leaks.GATE):
            yield gate.name, suspects
        yield prompt_leaks.GATE.name, _recited(batch)
        for canary in rules.canaries:
            yield prompt_leaks.GATE.name, _holding(batch, systems, canary)

    def _contract(self, batch: Batch) -> set[int]:
        version = self.rules.schema_version
        found = set(batch.of_roles(self._orderly))
        found.update(batch.blank())
        found.update(batch.doubted)
        if version is not None:
            found.update(
                batch.odd(["schema_version"], version, lambda named: bool(named == version))
            )
        if self._output is not None:
            found |= self._output.misfits(batch.answers(range(len(batch))))
        if self._input is not None:
            asked = [at for at in range(len(batch)) if at not in found]
            found |= {asked[at] for at in self._input.misfits(batch.last_asked(asked))}
        return found

    def _orderly(self, roles: Roles) -> bool:
        known = self._orders
        if roles not in known:
            if len(known) >= REMEMBERED:
                known.clear()
            row = Row("", tuple(Turn(role, "-") for role in roles), {}, 0, "", "messages")
            known[roles] = next(contract_fit.turn_problems(row), None) is None
        return known[roles]

    def _allowed(self, licence: Any) -> bool:
        licences = self.rules.licences
        return _told(licence) and (not licences or licence.casefold() in licences)


def _told(value: Any) -> bool:
    return type(value) is str and bool(value) and not value.isspace()


@cache
def _pattern() -> Pattern:
    return Pattern((*triggers.patterns(), prompt_leaks.TEMPLATE))


def _matching(batch: Batch, systems: list[str]) -> list[int]:
    """Return the rows that may contain personal data, a secret or a template token."""
    first, raw = _pattern().first, batch.told()
    found = set(_rows_at(batch, lambda start: first(raw, start)))
    bad = {system for system in systems if first(utf8(system), 0) is not None}
    return sorted(found.union(batch.under(bad)) if bad else found)


def _rows_at(batch: Batch, following: Callable[[int], int | None]) -> Iterator[int]:
    """Yield the rows with a match in their texts; `following` returns the next match."""
    size = len(batch.told())
    place = following(0)
    while place is not None:
        row, end = batch.row_at(place)
        if row >= len(batch):
            return
        yield row
        place = following(end) if end < size else None


def _recited(batch: Batch) -> list[int]:
    """Return the rows whose texts may repeat a sentence of their system prompt."""
    led = batch.systems()
    parts = {system: prompt_leaks.fragments(system) for system in led}
    raw = batch.told()
    if sum(map(len, parts.values())) <= FEW_PARTS:
        parts = {
            system: tuple(part for part in some if utf8(part) in raw)
            for system, some in parts.items()
        }
    found = []
    for system, some in parts.items():
        wanted = [utf8(part) for part in some]
        for row in led[system] if wanted else ():
            begin, end = batch.texts_of(row)
            if any(raw.find(part, begin, end) >= 0 for part in wanted):
                found.append(row)
    return found


def _holding(batch: Batch, systems: list[str], canary: str) -> list[int]:
    raw, wanted = batch.told(), utf8(canary)

    def following(start: int) -> int | None:
        place = raw.find(wanted, start)
        return place if place >= 0 else None

    found = set(_rows_at(batch, following))
    return sorted(found.union(batch.under({each for each in systems if canary in each})))
