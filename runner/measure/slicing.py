"""Which rows belong together: values of a sliced field, and conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from countersign_ml.rows.read.json_schemas import canonical
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.strict_json import loads
from policy.files.contract import Contract
from policy.files.rules import Policy
from runner.measure.scoring import label_of

NO_VALUE = "(none)"
LABEL = "label"
GROUPS = 50
"""This many values of a field get their own group, the largest; the rest share one."""
SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class Cuts:
    """How the rows are cut: fields whose values are compared one by one, and what groups rows."""

    slices: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()

    @classmethod
    def of(cls, policy: Policy) -> Cuts:
        return cls(policy.gates.slice_fields, policy.gates.data.group_fields)


NO_CUTS = Cuts()


@dataclass(frozen=True)
class Members:
    """The rows of each value of a field, by their place; the largest groups first."""

    field: str
    groups: tuple[tuple[str, tuple[int, ...]], ...]
    rest: tuple[int, ...]
    rest_values: int


def members(rows: Sequence[Row], field: str, contract: Contract) -> Members:
    """Group rows by their value of a field; every row is in exactly one group."""
    found: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        found.setdefault(value_of(row, field, contract), []).append(place)
    ordered = sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))
    kept, others = ordered[:GROUPS], ordered[GROUPS:]
    return Members(
        field=field,
        groups=tuple((value, tuple(places)) for value, places in kept),
        rest=tuple(sorted(place for _, places in others for place in places)),
        rest_values=len(others),
    )


def value_of(row: Row, field: str, contract: Contract) -> str:
    """Return a row's own value of a field, else that of the answer that it expects."""
    value = _at(row.metadata, field)
    if value is None and field == LABEL and contract.task == "classification":
        value = label_of(row.answer, contract)
    if value is None:
        value = _at(_expected(row), field)
    if value is None or value == "":
        return NO_VALUE
    text = value if isinstance(value, str) else canonical(value)
    return text[:SHOWN_CHARACTERS]


def clusters(rows: Sequence[Row], fields: Sequence[str]) -> list[str] | None:
    """Return what each row belongs to, by the first field that it has; None if no row has any."""
    found = [
        next(
            (
                f"{field} {canonical(row.metadata[field])}"
                for field in fields
                if row.metadata.get(field) is not None
            ),
            None,
        )
        for row in rows
    ]
    if all(each is None for each in found):
        return None
    return [each or f"row {row.id}" for each, row in zip(found, rows, strict=True)]


def _at(value: Any, path: str) -> Any:
    """Return the value at a dotted path, a key that contains dots first; None if missing."""
    if not isinstance(value, Mapping):
        return None
    if path in value:
        return value[path]
    first, dot, rest = path.partition(".")
    return _at(value.get(first), rest) if dot else None


def _expected(row: Row) -> Any:
    try:
        return loads(row.answer)
    except ValueError:
        return None
