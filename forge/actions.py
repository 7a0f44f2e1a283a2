"""The Actions stand-in."""

from __future__ import annotations

from pathlib import Path

from forge.state import Event, Repository, World


class Actions:
    """Runs workflows (next change)."""

    def __init__(self, world: World, tools: Path | None, environment: dict[str, str]) -> None:
        self.pending = 0

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def on_event(self, event: Event) -> None: ...
    def on_schedule(self, record: Repository, workflow: str) -> None: ...
