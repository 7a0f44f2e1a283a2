"""What a pull request changes of the measure itself: test rows, contract, decoding.

Base, live version and candidate are all measured by the new one, so the table is consistent; what
no longer compares is the record of any earlier version.
"""

from __future__ import annotations

from bot.facts.model_facts import ModelFacts
from policy import documents
from policy.errors import UserError
from policy.files.dataset_card import parse_card
from policy.files.recipe import Recipe
from policy.governed import MODELS

Inputs = tuple[tuple[str, str], ...]


def changed_measures(facts: ModelFacts) -> tuple[str, ...]:
    """Return what the figures rest on and differs between head and base branch.

    Nothing for a model without a record: there is nothing to compare with. A card or recipe of the
    base branch that cannot be read says nothing, so a changed one counts as a change.
    """
    if facts.base_pointer is None and not facts.base_cards:
        return ()
    same = {
        "test rows": _test_rows(facts.head_inputs, facts.dataset_card)
        == _test_rows(facts.base_inputs, facts.base_dataset_card),
        "manifest of the test rows": _manifest(facts.head_inputs, facts.dataset_card)
        == _manifest(facts.base_inputs, facts.base_dataset_card),
        "contract": _contract(facts.head_inputs) == _contract(facts.base_inputs),
        "decoding": _decoding(facts.recipe) == _decoding(facts.base_recipe),
    }
    return tuple(name for name, equal in same.items() if not equal)


def _test_rows(inputs: Inputs, card: str | None) -> object:
    """Return the blobs of the test rows and of the .dvc file that may replace them.

    The card itself if it does not name them.
    """
    try:
        name = parse_card(card or "", "data/README.md").splits["test"]
    except UserError:
        return card
    files = dict(inputs)
    return files.get(f"data/{name}"), files.get(f"data/{name}.dvc")


def _manifest(inputs: Inputs, card: str | None) -> str | None:
    """Return the manifest's blob if it keeps the test rows outside git, else None.

    It may have changed for other rows only; that is not known from blobs.
    """
    outside = _test_rows(inputs, card) == (None, None)
    return dict(inputs).get("data/manifest.yml") if outside else None


def _contract(inputs: Inputs) -> Inputs:
    return tuple(sorted(entry for entry in inputs if entry[0].startswith("contract/")))


def _decoding(recipe: str | None) -> object:
    """Return how answers are decoded; the recipe itself if it cannot be read."""
    try:
        return documents.parse(Recipe, recipe or "", f"{MODELS}/recipe.yml").decoding
    except UserError:
        return recipe
