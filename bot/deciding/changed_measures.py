"""What a pull request changes of the measure itself: test rows, contract, decoding.

Base, live version and candidate are all measured by the new one, so the table is consistent; what
no longer compares is the record of any earlier version.
"""

from __future__ import annotations

from bot.facts.model_facts import ModelFacts
from policy import documents
from policy.errors import UserError
from policy.files.held_out_files import Inputs, test_manifest, test_rows
from policy.files.recipe import Recipe
from policy.governed import MODELS
from policy.people.kinds_of_change import change_kinds


def changed_measures(facts: ModelFacts) -> tuple[str, ...]:
    """Return what the figures rest on and differs between head and base branch.

    Nothing for a model without a record: there is nothing to compare with. A card or recipe of the
    base branch that cannot be read says nothing, so a changed one counts as a change.
    """
    if facts.base_pointer is None and not facts.base_cards:
        return ()
    same = {
        "test rows": test_rows(facts.head_inputs, facts.dataset_card)
        == test_rows(facts.base_inputs, facts.base_dataset_card),
        "manifest of the test rows": test_manifest(facts.head_inputs, facts.dataset_card)
        == test_manifest(facts.base_inputs, facts.base_dataset_card),
        "contract": _contract(facts.head_inputs) == _contract(facts.base_inputs),
        "decoding": _decoding(facts.recipe) == _decoding(facts.base_recipe),
    }
    return tuple(name for name, equal in same.items() if not equal)


def other_rows(facts: ModelFacts) -> bool:
    """Return whether the files of the held-out rows differ between head and base branch."""
    cards = facts.dataset_card, facts.base_dataset_card
    return "test_data" in change_kinds(facts.head_inputs, facts.base_inputs, *cards)


def _contract(inputs: Inputs) -> Inputs:
    return tuple(sorted(entry for entry in inputs if entry[0].startswith("contract/")))


def _decoding(recipe: str | None) -> object:
    """Return how answers are decoded; the recipe itself if it cannot be read."""
    try:
        return documents.parse(Recipe, recipe or "", f"{MODELS}/recipe.yml").decoding
    except UserError:
        return recipe
