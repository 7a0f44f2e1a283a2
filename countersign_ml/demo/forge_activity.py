"""What advances on the demo's forge: workflow runs with their steps and logs, writes, webhooks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path

from countersign_ml.forge import Forge
from countersign_ml.forge.state.actions_records import Run

TAIL_BYTES = 4096
STAMP = len("2026-01-01T00:00:00.000000Z ")


class ForgeActivity:
    """The progress of everything on one forge.

    Read requests do not count, nor do the logs of the bot and of the model server: both go on while
    a process repeats the same error.
    """

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    def marks(self) -> Hashable:
        """Return what changes when a run, a job or a step begins or ends, or a line is logged."""
        with self._forge.world.lock:
            runs = tuple((run.id, run.attempt, run.status, *_jobs(run)) for run in self._runs())
            answered = sum(len(delivery.attempts) for delivery in self._forge.deliveries)
            return runs, len(self._forge.writes), answered

    def last_seen(self) -> str:
        """Return where each run under way is; if there is none, how the last one ended."""
        with self._forge.world.lock:
            runs = list(self._runs())
            open_runs = [_where(run) for run in runs if run.status != "completed"]
            if open_runs:
                return "; ".join(open_runs)
            if not runs:
                seen = "no workflow run has started"
            else:
                last = max(runs, key=lambda run: run.updated)
                seen = f"no workflow run is under way; {_named(last)} ended: {last.conclusion}"
            if self._forge.writes:
                write = self._forge.writes[-1]
                seen += f"; the last write was {write.method} {write.path} by {write.actor}"
            return seen

    def _runs(self) -> Iterator[Run]:
        for record in self._forge.world.repositories.values():
            yield from record.runs.values()


def _jobs(run: Run) -> Iterator[Hashable]:
    for job in run.jobs.values():
        size = job.log.stat().st_size if job.log.exists() else 0
        yield job.key, job.status, size, tuple(step.status for step in job.steps)


def _named(run: Run) -> str:
    return f"{run.workflow.path.rsplit('/', 1)[-1]} #{run.number}"


def _where(run: Run) -> str:
    for job in run.jobs.values():
        if job.status == "in_progress":
            step = next((step for step in job.steps if step.status == "in_progress"), None)
            place = f", step {step.number} ({step.name})" if step is not None else ""
            line = _last_line(job.log)
            logged = f", last line of its log: {line}" if line else ", its log is empty"
            return f"{_named(run)} is in job {job.key}{place}{logged}"
    return f"{_named(run)} is {run.status}"


def _last_line(log: Path) -> str:
    """Return the last line of a job's log without its time stamp; empty if there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return lines[-1][STAMP:] if lines else ""
