"""The cache folder: everything in it can be fetched or created again."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "COUNTERSIGN_CACHE"


def cache_folder(named: str | Path | None = None) -> Path:
    """Return the given folder, or the one of the environment variable, or the default."""
    given = named or os.environ.get(CACHE_VARIABLE) or "~/.cache/countersign"
    return Path(given).expanduser().resolve()
