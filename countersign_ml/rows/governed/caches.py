"""The folder of what can be fetched or made again."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "COUNTERSIGN_CACHE"


def cache_folder(named: str | Path | None = None) -> Path:
    """Return the folder that somebody named, or the environment, or the one in the home."""
    given = named or os.environ.get(CACHE_VARIABLE) or "~/.cache/countersign"
    return Path(given).expanduser().resolve()
