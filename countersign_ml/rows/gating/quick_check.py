"""What the gates for single rows need not look at: quick, one-sided, and for many rows at once.

Where `QuickCheck.doubtful` names no gate for a row, `RowCheck.findings` finds nothing there by that
gate; where it names one, somebody has to ask. Rows share most of what is asked of them (roles,
source, licence, system prompt), so each different value is looked at once for a whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Protocol

from countersign_ml.rows.detect import triggers
from countersign_ml.rows.detect.third_party import Pattern, utf8
from countersign_ml.rows.gates import approved, contract_fit, detected, prompt_leaks, provenance
from countersign_ml.rows.gating.schema_fit import REMEMBERED, Fits
from countersign_ml.rows.read.formats import Role, Turn
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.row_rules import RowRules
from policy.files.rules import DataGate

Roles = tuple[Role, ...]
FEW_PARTS = 8
"""Sentences of system prompts that are looked for in all texts of a batch at once."""


class PlainRows(Protocol):
    """Some rows of common shapes; a row is named by its place among them."""

    def __len__(self) -> int: ...

    def of_roles(self, good: Callable[[Roles], bool]) -> Iterable[int]:
        """Return the rows whose roles are not good, asking once for those that are equal."""

    def odd(self, names: Sequence[str], default: Any, good: Callable[[Any], bool]) -> Iterable[int]:
        """Return the rows whose value under the first of the keys that they have is not good; of
        those that have none, where `default` is not. Values that are equal may be asked about
        once."""

    def blank(self) -> Iterable[int]:
        """Return the rows that have a turn of nothing but white space."""

    def answers(self, rows: Sequence[int]) -> list[str]:
        """Return the text of the last turn of some rows."""

    def json_answers(self) -> tuple[Sequence[int], bytes]:
        """Return rows of which it is known that their last turn is one value of strict JSON, and
        these values, one a line."""

    def last_asked(self, rows: Sequence[int]) -> list[str]:
        """Return the last thing the user says in some rows, whose roles are in order."""

    def systems(self) -> Iterable[str]:
        """Return the texts of leading system turns, each once."""

    def under(self, systems: set[str]) -> list[int]:
        """Return the rows that one of these system turns leads."""

    def told(self) -> bytes:
        """Return all other texts as UTF-8, those of each row together, line ends between them."""

    def row_at(self, place: int) -> tuple[int, int]:
        """Return the row whose text stands at a place in `told`, and where the next one begins; the
        row is `len(self)` where none stands there."""

    def texts_of(self, row: int) -> tuple[int, int]:
        """Return where a row's texts begin and end in `told`."""


class QuickCheck:
    """The rules for single rows, made ready for batches of them."""

    def __init__(self, rules: RowRules) -> None:
        self.rules = rules
        self._input = None if rules.input_checker is None else Fits(rules.input_checker)
        self._output = None if rules.output_checker is None else Fits(rules.output_checker)
        self._orders: dict[Roles, bool] = {}

    def doubtful(self, batch: PlainRows) -> dict[int, set[DataGate]]:
        """Return the gates that have to look at a row, for each row (by its place) that has any."""
        found: dict[int, set[DataGate]] = {}
        if not len(batch):
            return found
        for gate, rows in self._asked(batch):
            for row in rows:
                found.setdefault(row, set()).add(gate)
        return found

    def _asked(self, batch: PlainRows) -> Iterator[tuple[DataGate, Iterable[int]]]:
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
        yield prompt_leaks.GATE.name, _recited(batch, systems)
        for canary in rules.canaries:
            yield prompt_leaks.GATE.name, _holding(batch, systems, canary)

    def _contract(self, batch: PlainRows) -> set[int]:
        version = self.rules.schema_version
        found = set(batch.of_roles(self._orderly))
        found.update(batch.blank())
        if version is not None:
            found.update(
                batch.odd(["schema_version"], version, lambda named: bool(named == version))
            )
        if self._output is not None:
            found |= self._misfits(batch, self._output)
        if self._input is not None:
            asked = [at for at in range(len(batch)) if at not in found]
            found |= {asked[at] for at in self._input.misfits(batch.last_asked(asked))}
        return found

    def _misfits(self, batch: PlainRows, fits: Fits) -> set[int]:
        rows, texts = batch.json_answers()
        left: Sequence[int] = range(len(batch))
        if rows and fits.all_fit(len(rows), texts):
            if len(rows) == len(batch):
                return set()
            certain = set(rows)
            left = [at for at in left if at not in certain]
        return {left[at] for at in fits.misfits(batch.answers(left))}

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


def _matching(batch: PlainRows, systems: list[str]) -> list[int]:
    """Return the rows in which personal data, a secret or a template's token may stand."""
    first, raw = _pattern().first, batch.told()
    found = set(_rows_at(batch, lambda start: first(raw, start)))
    bad = {system for system in systems if first(utf8(system), 0) is not None}
    return sorted(found.union(batch.under(bad)) if bad else found)


def _rows_at(batch: PlainRows, following: Callable[[int], int | None]) -> Iterator[int]:
    """Yield the rows in whose texts something stands; `following` says where it does next."""
    size = len(batch.told())
    place = following(0)
    while place is not None:
        row, end = batch.row_at(place)
        if row >= len(batch):
            return
        yield row
        place = following(end) if end < size else None


def _recited(batch: PlainRows, systems: list[str]) -> list[int]:
    """Return the rows whose texts may hold a sentence of their system prompt."""
    parts = {system: prompt_leaks.fragments(system) for system in systems}
    raw = batch.told()
    if sum(map(len, parts.values())) <= FEW_PARTS:
        parts = {
            system: tuple(part for part in some if utf8(part) in raw)
            for system, some in parts.items()
        }
    found = []
    for system, some in parts.items():
        wanted = [utf8(part) for part in some]
        for row in batch.under({system}) if wanted else ():
            begin, end = batch.texts_of(row)
            if any(raw.find(part, begin, end) >= 0 for part in wanted):
                found.append(row)
    return found


def _holding(batch: PlainRows, systems: list[str], canary: str) -> list[int]:
    raw, wanted = batch.told(), utf8(canary)

    def following(start: int) -> int | None:
        place = raw.find(wanted, start)
        return place if place >= 0 else None

    found = set(_rows_at(batch, following))
    return sorted(found.union(batch.under({each for each in systems if canary in each})))
