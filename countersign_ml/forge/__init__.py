"""A GitHub on localhost for the demo and the tests: real git beneath, the used API above."""

from __future__ import annotations

from countersign_ml.forge.forge_server import Forge
from countersign_ml.forge.state.account_records import App

__all__ = ["App", "Forge"]
