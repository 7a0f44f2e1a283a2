"""Artifacts by content: what is published once can be fetched, and proven, for ever."""

from __future__ import annotations

from countersign_ml.registry.store import Registry, Stored

__all__ = ["Registry", "Stored"]
