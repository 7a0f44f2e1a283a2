"""The kinds of change that a proposal makes to a model; each kind may need its own quorum."""

from __future__ import annotations

from collections.abc import Iterable

from policy.facts.proposal import POINTER_FILE
from policy.files.people_rules import ChangeKind

Inputs = Iterable[tuple[str, str]]


def change_kinds(head: Inputs, base: Inputs) -> frozenset[ChangeKind]:
    """Return the kinds of change between a model's inputs at base and at head.

    Inputs are `(path below the model's folder, blob id)`. Everything except data and contract (the
    recipe, the base model's spec, any other file) counts as recipe.
    """
    before, after = dict(base), dict(head)
    changed = (
        path
        for path in before.keys() | after.keys()
        if path != POINTER_FILE and before.get(path) != after.get(path)
    )
    return frozenset(_kind(path) for path in changed)


def _kind(path: str) -> ChangeKind:
    folder = path.partition("/")[0]
    if folder == "data":
        return "data"
    return "contract" if folder == "contract" else "recipe"
