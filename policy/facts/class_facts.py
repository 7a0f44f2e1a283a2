"""How well a classifier does on each class, and what it confuses; the number of classes is bounded.

The facts are counts; precision, recall and F1 are computed from them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from policy.documents import Document

MAX_CLASSES = 200
MAX_CONFUSIONS = 50
MAX_LABEL = 200
"""Characters of a label that are kept, because an answer can be any text."""

_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Label = Annotated[str, Field(max_length=MAX_LABEL)]


class ClassCounts(Document):
    """One class: its rows that were found, rows wrongly given to it, and its missed rows."""

    label: _Label
    right: _Count
    wrong: _Count
    missed: _Count

    @property
    def support(self) -> int:
        """Return how many rows belong to this class."""
        return self.right + self.missed

    @property
    def precision(self) -> float:
        """Return the share of rows with this label that belong to it; 0 if no row got it."""
        given = self.right + self.wrong
        return self.right / given if given else 0.0

    @property
    def recall(self) -> float:
        """Return the share of this class's rows that were found; 0 if there are none."""
        return self.right / self.support if self.support else 0.0

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        all_ = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / all_ if all_ else 0.0


class Confusion(Document):
    """How many rows of one class got another label."""

    expected: _Label
    said: _Label
    count: _Count


class ClassFacts(Document):
    """The classes with most rows, and the most common confusions; the rest is only counted."""

    rows: _Count
    right: _Count
    classes: Annotated[tuple[ClassCounts, ...], Field(max_length=MAX_CLASSES)]
    classes_left_out: _Count = 0
    confusions: Annotated[tuple[Confusion, ...], Field(max_length=MAX_CONFUSIONS)] = ()
    confusions_left_out: _Count = 0
    """Rows in confusions that are not listed."""
