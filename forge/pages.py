"""Pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from forge.state import World
from forge.webhooks import Delivery


def write_pages(world: World, deliveries: Sequence[Delivery], folder: Path) -> Path:
    """Next change."""
    raise NotImplementedError
