"""Looks at held-out rows: every measurement of a model on them, counted over all pull requests.

A held-out row says less each time that somebody chooses by it. Each look is a signed record in a
tag. It lists the looks before it, so one tag that is deleted takes nothing away. A look belongs to
the digest of the rows: other rows begin at one. What is measured on a laptop is not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from policy.facts.statement import PREDICATES, SignedRecord, Subject, subject
from policy.names import Digest, ModelName

LOOK_TYPE = PREDICATES + "look/v1"
MOST_LOOKS = 10_000
Key = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Name = Annotated[str, StringConstraints(max_length=200)]


class LookRecord(SignedRecord):
    """One look: a run of one key measured a candidate on these rows, and people could see how."""

    PREDICATE: ClassVar[str] = LOOK_TYPE

    schema_version: Literal[1] = 1
    repository: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    model: ModelName
    rows: Digest
    """The held-out rows that were looked at."""
    key: Key
    """The run key: the same proposal against the same live version is one look."""
    earlier: Annotated[tuple[Key, ...], Field(max_length=MOST_LOOKS)] = ()
    """The keys of the looks that were known before, oldest first."""
    evidence: Digest
    pull: Annotated[int, Field(ge=0)] = 0
    """The pull request that asked; 0 if it is not known any more."""
    user: Name = ""
    """Who asked; empty if that is not known any more."""
    at: str
    """When the bot recorded it (RFC 3339, UTC)."""

    @property
    def number(self) -> int:
        """Return which look it was, when it was recorded; two at the same time may share one."""
        return len(self.earlier) + 1

    def subjects(self) -> list[Subject]:
        """Return the rows and the evidence."""
        rows = subject(f"{self.repository} {self.model} held-out rows", self.rows)
        return [rows, subject("evidence.json", self.evidence)]

    def tag(self) -> str:
        """Return the tag's name: one for each model, rows, number and key."""
        return f"{look_tags(self.model)}{rows_name(self.rows)}/{self.number}-{self.key}"


@dataclass(frozen=True)
class Looks:
    """The looks at one model's held-out rows; each of the keys counts once."""

    keys: tuple[str, ...] = ()
    """Oldest first."""
    gone: frozenset[str] = frozenset()
    """Those whose own record is not there, although a later one lists them."""
    least: Mapping[str, int] | None = None
    """The number that each key had at least when it was recorded."""

    def number(self, key: str) -> int | None:
        """Return which look a key was, from 1 on; None if it was none."""
        return self.keys.index(key) + 1 if key in self.keys else None


def count_looks(records: Iterable[LookRecord], model: str, rows: str) -> Looks:
    """Return the looks at one model's rows, from records in any order.

    Records of other models and other rows do not count. Two that were written at the same time
    claim the same number: the key decides which comes first, so everybody counts alike.
    """
    mine = [record for record in records if record.model == model and record.rows == rows]
    places: dict[str, int] = {}
    least: dict[str, int] = {}
    for record in mine:
        for place, key in enumerate((*record.earlier, record.key), 1):
            places[key] = max(places.get(key, 0), place)
            least[key] = min(least.get(key, place), place)
    for record in mine:
        least[record.key] = record.number
    ordered = tuple(sorted(places, key=lambda key: (places[key], key)))
    return Looks(ordered, frozenset(ordered) - {record.key for record in mine}, least)


def look_tags(model: str) -> str:
    """Return the prefix of the tag names of all looks at a model's held-out rows."""
    return f"countersign-measured/{model}/looks/"


def rows_name(rows: str) -> str:
    """Return the part of a tag's name that stands for the rows."""
    return rows.removeprefix("sha256:")[:16]
