"""Which files hold a model's test rows, from names and blob ids alone.

A `.dvc` file replaces the rows next to it. Rows that are in neither are named by the manifest.
"""

from __future__ import annotations

from policy.errors import UserError
from policy.files.dataset_card import parse_card

Inputs = tuple[tuple[str, str], ...]
"""`(path below the model's folder, blob id)`."""


def test_rows(inputs: Inputs, card: str | None) -> object:
    """Return the blobs of the test rows and of the .dvc file that may replace them.

    The card itself if it does not name them, so that any change of it counts.
    """
    try:
        name = parse_card(card or "", "data/README.md").splits["test"]
    except UserError:
        return card
    files = dict(inputs)
    return files.get(f"data/{name}"), files.get(f"data/{name}.dvc")


def test_manifest(inputs: Inputs, card: str | None) -> str | None:
    """Return the manifest's blob if it keeps the test rows outside git, else None.

    It may have changed for other rows only; that is not known from blobs.
    """
    outside = test_rows(inputs, card) == (None, None)
    return dict(inputs).get("data/manifest.yml") if outside else None
