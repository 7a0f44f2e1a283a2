"""A GitHub on localhost for the demo and the tests: real git beneath, the used API above."""

from __future__ import annotations

from forge.records import App
from forge.server import Forge

__all__ = ["App", "Forge"]
