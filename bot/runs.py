"""Which workflow runs count, and which of them holds the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.actions import WORKFLOWS, run_title
from bot.snapshot import Run
from policy.errors import UserError
from policy.evidence import Evidence, parse_evidence


def is_trusted(run: Run, *, workflow: str, repository: str, branch: str) -> bool:
    """Return whether a run executed the default branch's copy of one workflow file.

    Anybody can upload an artifact of any name from a workflow in a pull request; what counts is the
    file that ran, what started it, and where it ran.
    """
    path = run.path.partition("@")[0]
    return (
        path == WORKFLOWS + workflow
        and run.event == "workflow_dispatch"
        and run.branch == branch
        and run.repository.lower() == repository.lower()
    )


def runs_of_key(
    runs: Iterable[Run], *, workflow: str, model: str, key: str, repository: str, branch: str
) -> tuple[Run, ...]:
    """Return the trusted runs of one key, oldest first."""
    title = run_title(workflow, model, key)
    found = [
        run
        for run in runs
        if run.title == title
        and is_trusted(run, workflow=workflow, repository=repository, branch=branch)
    ]
    return tuple(sorted(found, key=lambda run: run.id))


@dataclass(frozen=True)
class Found:
    """The run that decides, and its evidence or why there is none."""

    run: Run
    evidence: Evidence | None = None
    problem: str = ""


def deciding(runs: tuple[Run, ...]) -> Found | None:
    """Return the run whose evidence counts: the first whose stages all ended without an error.

    The first and not the best: running again until the numbers please is not a way through. A run
    that broke (no artifact, an errored stage) does not stand in the way of a later one. None: no
    run.
    """
    last: Found | None = None
    for run in runs:
        found = _read(run)
        if found.evidence is not None and not _errored(found.evidence):
            return found
        last = found
    return last


def _errored(evidence: Evidence) -> bool:
    return any(stage.outcome == "errored" for stage in evidence.stages)


def _read(run: Run) -> Found:
    if run.status != "completed" or run.evidence is None:
        return Found(run, problem=run.problem)
    try:
        return Found(run, parse_evidence(run.evidence, "evidence.json"))
    except UserError as error:
        return Found(run, problem=f"its evidence cannot be read: {error.problems[0]}")
