"""How the suite runs everywhere: no test fails for the machine being busy."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("countersign", deadline=None)
settings.load_profile("countersign")
