"""Content-addressed artifacts: anything published can be fetched, and verified, forever.

`store.Registry` publishes, fetches and verifies; `file_digest` computes the names.
"""

from __future__ import annotations

from countersign_ml.registry.store import Registry, Stored

__all__ = ["Registry", "Stored"]
