"""Experiment tracking with Weights & Biases; offline without a key.

The offline format is binary, so the same figures are always written to `metrics.json` too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DEFAULT_PROJECT = "countersign"


@dataclass(frozen=True)
class RunName:
    """A training's id for machines and name for people."""

    project: str
    name: str
    id: str
    group: str


def run_name(model: str, proposal: str, project: str | None) -> RunName:
    """Name a run: `<model>-finetune-<date>`, its id from the proposal's digest."""
    digest = proposal.removeprefix("sha256:")
    name = f"{model}-finetune-{datetime.now(UTC):%Y-%m-%d}"
    return RunName(project or DEFAULT_PROJECT, name, f"{model}-{digest[:16]}", digest[:12])


class Tracking:
    """An open W&B run; `place` is its URL, or if offline, its folder below the stage's."""

    def __init__(self, run: Any, place: str) -> None:
        self._run = run
        self.place = place

    def close(self, *, failed: bool) -> None:
        self._run.finish(exit_code=1 if failed else 0)


def open_tracking(name: RunName, folder: Path, config: dict[str, Any]) -> Tracking | None:
    """Start a W&B run below `folder`; None if WANDB_MODE is disabled."""
    asked = os.environ.get("WANDB_MODE")
    mode: Any = asked or ("online" if os.environ.get("WANDB_API_KEY") else "offline")
    if mode == "disabled":
        return None
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        project=name.project,
        name=name.name,
        id=name.id,
        group=name.group,
        job_type="train",
        dir=str(folder.resolve()),
        mode=mode,
        resume="allow" if mode == "online" else None,
        config=config,
        settings=wandb.Settings(silent=True, console="off"),
    )
    if mode == "online" and run.url:
        return Tracking(run, str(run.url))
    return Tracking(run, Path(run.dir).parent.relative_to(folder.resolve()).as_posix())
