"""The kinds of change that a proposal makes to a model; each kind may need its own quorum."""

from __future__ import annotations

from policy.facts.proposal import POINTER_FILE
from policy.files.held_out_files import Inputs, test_manifest, test_rows
from policy.files.people_rules import ChangeKind


def change_kinds(
    head: Inputs, base: Inputs, head_card: str | None, base_card: str | None
) -> frozenset[ChangeKind]:
    """Return the kinds of change between a model's inputs at base and at head.

    Everything except data and contract (the recipe, the base model's spec, any other file) counts
    as recipe. The dataset cards say which of the data are the test rows.
    """
    before, after = dict(base), dict(head)
    changed = (
        path
        for path in before.keys() | after.keys()
        if path != POINTER_FILE and before.get(path) != after.get(path)
    )
    kinds = frozenset(_kind(path) for path in changed)
    of_head, of_base = (
        (test_rows(inputs, card), test_manifest(inputs, card))
        for inputs, card in ((head, head_card), (base, base_card))
    )
    return kinds if of_head == of_base else kinds | {"test_data"}


def _kind(path: str) -> ChangeKind:
    folder = path.partition("/")[0]
    if folder == "data":
        return "data"
    return "contract" if folder == "contract" else "recipe"
