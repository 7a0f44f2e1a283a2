"""What the gates for single rows need not look at: quick, one-sided, and for many rows at once.

Where `QuickCheck.doubtful` names no gate for a row, `RowCheck.findings` finds nothing there by that
gate; where it names one, somebody has to ask. Rows share most of what is asked of them (roles,
source, licence, system prompt), so each different value is looked at once for a whole batch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import accumulate
from typing import Any

from dataset.batch import Batch, Roles
from dataset.compiled import compiled
from dataset.detect import triggers
from dataset.detect.engine import Pattern, utf8
from dataset.formats import Turn
from dataset.gates import approved, contract, detected, prompt_leaks, provenance
from dataset.json_schemas import SchemaChecker
from dataset.row_rules import RowRules
from dataset.rows import Row
from dataset.vouched import vouched, vouched_lines
from policy.rules import DataGate

REMEMBERED = 50_000
"""Texts whose fit is remembered: answers repeat. More are not kept, so memory stays bounded."""
FEW_PARTS = 8
"""Sentences of system prompts that are looked for in all texts of a batch at once."""


class QuickCheck:
    """The rules for single rows, made ready for batches of them."""

    def __init__(self, rules: RowRules) -> None:
        self.rules = rules
        self._input = None if rules.input_checker is None else _Fits(rules.input_checker)
        self._output = None if rules.output_checker is None else _Fits(rules.output_checker)
        self._orders: dict[Roles, bool] = {}

    def doubtful(self, batch: Batch) -> dict[int, set[DataGate]]:
        """Return the gates that have to look at a row, for each row (by its place) that has any."""
        found: dict[int, set[DataGate]] = {}
        if not batch.values:
            return found
        for gate, rows in self._asked(batch):
            for row in rows:
                found.setdefault(row, set()).add(gate)
        return found

    def _asked(self, batch: Batch) -> Iterator[tuple[DataGate, Iterable[int]]]:
        values = batch.values
        yield contract.GATE.name, self._contract(batch)
        yield (
            approved.GATE.name,
            [at for at, value in enumerate(values) if value.get("approved") is not True],
        )
        yield provenance.GATE.name, self._provenance(values)
        texts, systems, owners = _texts(batch)
        joined = "\n".join(texts)
        suspects = _matching(texts, systems, joined, owners, batch)
        for gate in (detected.PII, detected.SECRET, prompt_leaks.GATE):
            yield gate.name, suspects
        yield prompt_leaks.GATE.name, self._recited(batch, joined, systems)
        for canary in self.rules.canaries:
            if canary in joined or any(canary in system for system in systems):
                yield (
                    prompt_leaks.GATE.name,
                    [
                        at
                        for at, said in enumerate(batch.said)
                        if any(canary in text for text in said)
                    ],
                )

    def _contract(self, batch: Batch) -> set[int]:
        known, version = self._orders, self.rules.schema_version
        for roles in set(batch.roles):
            if roles not in known:
                if len(known) >= REMEMBERED:
                    known.clear()
                known[roles] = _in_order(roles)
        found = {at for at, roles in enumerate(batch.roles) if not known[roles]}
        found |= {at for at, said in enumerate(batch.said) if not all(map(str.strip, said))}
        if version is not None:
            found |= set(
                _odd(
                    [value.get("schema_version", version) for value in batch.values],
                    lambda named: bool(named == version),
                )
            )
        if self._output is not None:
            found |= self._output.misfits([said[-1] for said in batch.said])
        if self._input is not None:
            asked = [at for at in range(len(batch.roles)) if at not in found]
            texts = [_last_asked(batch.roles[at], batch.said[at]) for at in asked]
            found |= {asked[at] for at in self._input.misfits(texts)}
        return found

    def _provenance(self, values: list[dict[str, Any]]) -> set[int]:
        rules = self.rules
        sources = [value.get("source", rules.source) for value in values]
        licences = [
            value["licence"] if "licence" in value else value.get("license", rules.licence)
            for value in values
        ]
        found = {at for at, value in enumerate(values) if value.get("consent") is False}
        found.update(_odd(sources, _told))
        found.update(_odd(licences, self._allowed))
        return found

    def _allowed(self, licence: Any) -> bool:
        licences = self.rules.licences
        return _told(licence) and (not licences or licence.casefold() in licences)

    def _recited(self, batch: Batch, joined: str, systems: dict[str, None]) -> list[int]:
        parts = {system: prompt_leaks.fragments(system) for system in systems}
        if sum(map(len, parts.values())) <= FEW_PARTS:
            parts = {
                system: tuple(part for part in some if part in joined)
                for system, some in parts.items()
            }
        if not any(parts.values()):
            return []
        return [
            at
            for at, said in enumerate(batch.said)
            if batch.roles[at][0] == "system"
            and any(part in text for part in parts[said[0]] for text in said[1:])
        ]


class _Fits:
    """A quick check of a schema, which remembers texts that fitted."""

    def __init__(self, checker: SchemaChecker) -> None:
        self._checker = checker
        self._quick = compiled(checker.schema)
        self._known: set[str] = set()

    def misfits(self, texts: list[str]) -> set[int]:
        """Return the places of the texts that may not fit."""
        known = self._known
        fresh = [at for at, text in enumerate(texts) if text not in known]
        fits = self._fitting([texts[at] for at in fresh])
        for at, fitting in zip(fresh, fits, strict=True):
            if fitting and len(known) < REMEMBERED and len(texts[at]) < 1000:
                known.add(texts[at])
        return {at for at, fitting in zip(fresh, fits, strict=True) if not fitting}

    def _fitting(self, texts: list[str]) -> list[bool]:
        quick = self._quick
        if quick is None:
            return [self._checker.fits(text) for text in texts]
        if self._checker.of_text:
            return [quick(text) for text in texts]
        values = vouched_lines(utf8("\n".join(texts)))
        if values is None or len(values) != len(texts):
            values = [vouched(utf8(text)) for text in texts]
        return [value is not None and quick(value) for value in values]


def _in_order(roles: Roles) -> bool:
    row = Row("", tuple(Turn(role, "-") for role in roles), {}, 0, "", "messages")
    return next(contract.turn_problems(row), None) is None


def _last_asked(roles: Roles, said: list[str]) -> str:
    """Return the last thing the user says, in a row whose roles are in order."""
    last = len(roles) - 2
    while roles[last] != "user":
        last -= 1
    return said[last]


def _told(value: Any) -> bool:
    return type(value) is str and bool(value) and not value.isspace()


def _odd(values: list[Any], good: Callable[[Any], bool]) -> list[int]:
    """Return the places of the values that are not good, asking once for those that are equal."""
    try:
        odd = {value for value in set(values) if not good(value)}
    except TypeError:
        return [at for at, value in enumerate(values) if not good(value)]
    return [at for at, value in enumerate(values) if value in odd] if odd else []


def _texts(batch: Batch) -> tuple[list[str], dict[str, None], list[int]]:
    """Return all texts but the leading system turns, those once each, and where rows begin."""
    texts: list[str] = []
    systems: dict[str, None] = {}
    begins = []
    for roles, said in zip(batch.roles, batch.said, strict=True):
        begins.append(len(texts))
        if roles[0] == "system":
            systems[said[0]] = None
            texts += said[1:]
        else:
            texts += said
    return texts, systems, begins


@cache
def _pattern() -> Pattern:
    return Pattern((*triggers.patterns(), prompt_leaks.TEMPLATE))


def _matching(
    texts: list[str], systems: dict[str, None], joined: str, begins: list[int], batch: Batch
) -> list[int]:
    """Return the rows in which personal data, a secret or a template's token may stand."""
    found: set[int] = set()
    first = _pattern().first
    raw = utf8(joined)
    start = first(raw, 0)
    if start is not None:
        sizes = map(len, texts if joined.isascii() else map(utf8, texts))
        ends = [end + place for place, end in enumerate(accumulate(sizes), 1)]
        while start is not None:
            text = bisect_right(ends, start)
            if text >= len(texts):
                break
            found.add(bisect_right(begins, text) - 1)
            start = first(raw, ends[text]) if ends[text] < len(raw) else None
    bad = {system for system in systems if first(utf8(system), 0) is not None}
    if bad:
        found |= {
            at
            for at, (roles, said) in enumerate(zip(batch.roles, batch.said, strict=True))
            if roles[0] == "system" and said[0] in bad
        }
    return sorted(found)
