"""One run: what it is about, what it has found so far, and how each of its stages ended.

Whoever measures, in whatever way, records it here; `line` says in which order that is done.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from countersign_ml.rows.gating.row_check import RowCheck
from countersign_ml.rows.governed.governed_model import load_model
from countersign_ml.rows.read.row import Row
from policy.errors import UserError
from policy.facts.evidence import Evidence, StageFacts
from runner import messages
from runner.attest import Findings, attest
from runner.job import Job, own_folder
from runner.workspace import Workspace


@dataclass
class Note:
    """What a stage that came to its end has to say of itself; mostly nothing."""

    text: str = ""


class Stopped(UserError):  # noqa: N818 - an outcome, as evidence names it
    """What was measured forbids to go on; the evidence says so, and a person reads why."""


@dataclass
class Run:
    """One pass through the line: what it is about, and what it has found."""

    job: Job
    found: Findings = field(default_factory=Findings)

    @property
    def workspace(self) -> Workspace:
        own_folder(self.job.folder.repo)
        return Workspace(self.job.workspace, fresh=self.job.fresh)

    @contextmanager
    def stage(self, name: str) -> Iterator[Note]:
        """Record how a stage ends, also where it ends in an error."""
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
            self.found.stages.append(
                StageFacts(stage=name, outcome=outcome, seconds=seconds, message=message)
            )

    def evidence(self) -> Evidence:
        """Return what has been found so far, as evidence."""
        return attest(self.job, self.found)


def accepted_rows(job: Job, split: str) -> tuple[Row, ...]:
    """Return the rows of a split that no gate for single rows names; UserError if none is left."""
    path = job.folder.data_file(split)
    where = job.folder.where(path)
    check = RowCheck(job.folder.row_rules(job.policy.gates.data))
    rows = tuple(check.accepted(path, where))
    if not rows:
        raise messages.no_rows(where)
    return rows


def require_unchanged(job: Job) -> None:
    """Raise where the model's files are no longer those that were measured."""
    now = load_model(job.folder.repo, job.folder.name)
    if now.proposal.digest != job.folder.proposal.digest:
        raise messages.inputs_changed(job.folder.name)
