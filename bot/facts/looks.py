"""What is known of the looks at a model's held-out rows, and of one version's own look."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from countersign_ml.markdown import plain
from policy.facts.evidence import Evidence
from policy.facts.look import LookRecord, count_looks
from policy.policy_sentences import short

MAX_FOREIGN = 20
"""More tags that this bot did not sign are not read: somebody has to remove them first."""


@dataclass(frozen=True)
class KnownLooks:
    """The genuine records of a model's looks; a record that a later one lists may be left out."""

    records: tuple[LookRecord, ...] = ()
    foreign: tuple[str, ...] = ()
    """Tags in the place of such records that this bot did not sign. They count for nothing."""
    named: frozenset[tuple[str, str]] = frozenset()
    """The rows (16 digits) and the key in the name of every tag that was not read."""
    crowded: bool = False
    """Whether there are too many of them to read the rest."""

    @cached_property
    def keys(self) -> frozenset[str]:
        """Return the run keys of all looks, at any rows."""
        return frozenset(key for one in self.records for key in (*one.earlier, one.key))


@dataclass(frozen=True)
class UnrecordedLook:
    """A look that happened, and that no record has yet."""

    model: str
    rows: str
    key: str
    evidence: str
    pull: int
    user: str


@dataclass(frozen=True)
class Look:
    """Which look at the held-out rows a version was, and who asked for it."""

    rows: str
    key: str
    number: int
    pull: int
    user: str

    @property
    def sentence(self) -> str:
        """Return it in a sentence, for comment and card."""
        user = plain(self.user) or "nobody whose name is still known"
        where = f" in #{self.pull}" if self.pull else ""
        return (
            f"This is look {self.number} at these held-out rows ({short(self.rows)}); asked by "
            f"{user}{where}. Looks of every pull request count; looks on a laptop are not seen."
        )


def look_of(known: KnownLooks, model: str, key: str, evidence: Evidence) -> Look | None:
    """Return which look this evidence was; None if it is not recorded."""
    measured = evidence.measurement("candidate")
    if measured is None:
        return None
    number = count_looks(known.records, model, measured.rows).number(key)
    if number is None:
        return None
    own = (one for one in known.records if (one.rows, one.key) == (measured.rows, key))
    record = next(own, None)
    pull, user = (record.pull, record.user) if record is not None else (0, "")
    return Look(measured.rows, key, number, pull, user)
