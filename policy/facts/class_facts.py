"""How a classifier does on each class, and what it takes for what: bounded, however many classes.

Counts are the facts; precision, recall and F1 follow from them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from policy.documents import Document

MAX_CLASSES = 200
MAX_CONFUSIONS = 50
MAX_LABEL = 200
"""Characters of a label that are kept: an answer may hold anything."""

_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Label = Annotated[str, Field(max_length=MAX_LABEL)]


class ClassCounts(Document):
    """One class: rows that are of it and found, rows wrongly given to it, rows of it missed."""

    label: _Label
    right: _Count
    wrong: _Count
    missed: _Count

    @property
    def support(self) -> int:
        """Return how many rows are of this class."""
        return self.right + self.missed

    @property
    def precision(self) -> float:
        """Return the share of rows given this label that are of it; 0 where none was given."""
        given = self.right + self.wrong
        return self.right / given if given else 0.0

    @property
    def recall(self) -> float:
        """Return the share of this class's rows that were found; 0 where there are none."""
        return self.right / self.support if self.support else 0.0

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        all_ = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / all_ if all_ else 0.0


class Confusion(Document):
    """How many rows of one class were given another label."""

    expected: _Label
    said: _Label
    count: _Count


class ClassFacts(Document):
    """The classes with most rows, and the commonest confusions; what is left out is counted."""

    rows: _Count
    right: _Count
    classes: Annotated[tuple[ClassCounts, ...], Field(max_length=MAX_CLASSES)]
    classes_left_out: _Count = 0
    confusions: Annotated[tuple[Confusion, ...], Field(max_length=MAX_CONFUSIONS)] = ()
    confusions_left_out: _Count = 0
    """Rows in confusions that are not listed."""
