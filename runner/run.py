"""One run: what it is about, the parts of its evidence so far, and how each of its stages ended.

Everything that measures records its part here; `line` fixes the order of the stages.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from countersign_ml.rows.governed.governed_model import load_model
from policy.errors import UserError
from policy.facts.evidence import Evidence, Part, RunPart, StageFacts, assemble
from runner.attest import producer
from runner.job import Job, own_folder
from runner.workspace import Workspace


@dataclass
class Note:
    """What a completed stage reports about itself; usually nothing."""

    text: str = ""


class Stopped(UserError):  # noqa: N818 - an outcome, as evidence names it
    """The facts so far forbid going on; the evidence records it, and a person reads why."""


@dataclass
class Run:
    """One pass through the line: what it is about, and what it found so far."""

    job: Job
    kind: Literal["finetune", "recovery"] = "finetune"
    reused: str | None = None
    """The digest of the earlier evidence that this run reuses."""
    stages: list[StageFacts] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def workspace(self) -> Workspace:
        own_folder(self.job.folder.repo)
        return Workspace(self.job.workspace, fresh=self.job.fresh)

    @contextmanager
    def stage(self, name: str) -> Iterator[Note]:
        """Record how a stage ends, even if it raises."""
        started = time.monotonic()
        note = Note()
        outcome: Literal["done", "stopped", "errored"] = "errored"
        message = ""
        try:
            with self.job.reporter.stage(name):
                yield note
            outcome, message = "done", note.text
        except Stopped as error:
            outcome, message = "stopped", str(error)
            raise
        except BaseException as error:
            message = str(error) or type(error).__name__
            raise
        finally:
            seconds = round(time.monotonic() - started, 3)
            self.stages.append(
                StageFacts(stage=name, outcome=outcome, seconds=seconds, message=message)
            )

    def record(self, part: Part) -> None:
        """Add a stage's part to the evidence."""
        self.parts.append(part)

    def evidence(self) -> Evidence:
        """Return the evidence so far, complete or stopped."""
        folder = self.job.folder
        about = RunPart(
            schema_version=1,
            kind=self.kind,
            model=folder.name,
            proposal=folder.proposal,
            commit=folder.commit,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            incumbent=self.job.incumbent,
            producer=producer(),
            attempt=self.job.attempt,
            reused=self.reused,
            stages=tuple(self.stages),
        )
        return assemble(about, self.parts)


def require_unchanged(job: Job) -> None:
    """UserError if the model's files are no longer the ones that were measured."""
    now = load_model(job.folder.repo, job.folder.name)
    if now.proposal.digest != job.folder.proposal.digest:
        raise UserError.one(
            f"models/{job.folder.name}",
            "its files changed during the run",
            "run it again while nothing writes to them",
        )
