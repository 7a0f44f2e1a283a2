"""Which workflow runs count, and which of them holds the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bot.deciding import messages
from bot.facts.actions import FINETUNE, run_title
from bot.facts.snapshot import Run
from policy.canonical import digest_of
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.governed import WORKFLOWS


def rollback_key(target: str, live: str | None, pull: int) -> str:
    """Return the run key of one rollback: artifact gone back to, artifact live, pull request.

    The pull request's number makes a later rollback between the same two another one: what was
    whole and served well last spring is verified again.
    """
    return digest_of(["rollback", target, live, pull]).removeprefix("sha256:")[:16]


def is_trusted(run: Run, *, workflow: str, repository: str, branch: str, bot: str) -> bool:
    """Return whether a run executed the default branch's copy of one workflow file.

    Anybody can upload an artifact of any name from a workflow in a pull request; what counts is the
    file that ran, what started it, and where it ran. Of a run that a person started, the API tells
    no tag `main`, with a workflow of their own, from the branch `main`: so only this App's runs
    count, which it starts on the branch by its full name. Starting one again keeps who it is by.
    """
    path = run.path.partition("@")[0]
    return (
        path == WORKFLOWS + workflow
        and run.event == "workflow_dispatch"
        and run.actor == bot
        and run.branch == branch
        and run.repository.lower() == repository.lower()
    )


def runs_of_key(
    runs: Iterable[Run],
    *,
    workflow: str,
    model: str,
    key: str,
    repository: str,
    branch: str,
    bot: str,
) -> tuple[Run, ...]:
    """Return the trusted runs of one key, oldest first."""
    title = run_title(workflow, model, key)
    found = [
        run
        for run in runs
        if run.title == title
        and is_trusted(run, workflow=workflow, repository=repository, branch=branch, bot=bot)
    ]
    return tuple(sorted(found, key=lambda run: (run.id, run.artifact)))


@dataclass(frozen=True)
class Tries:
    """How often a model was put to measurement: runs started, attempts too, and their run keys."""

    runs: int
    keys: int


def tries(
    runs: Iterable[Run], *, model: str, keys: Iterable[str], repository: str, branch: str, bot: str
) -> Tries:
    """Return how many fine-tunes of these run keys are among the runs."""
    titles = {run_title(FINETUNE, model, key) for key in keys}
    attempts: dict[int, int] = {}
    started: set[str] = set()
    for run in runs:
        if run.title in titles and is_trusted(
            run, workflow=FINETUNE, repository=repository, branch=branch, bot=bot
        ):
            started.add(run.title)
            attempts[run.id] = max(attempts.get(run.id, 0), run.attempt)
    return Tries(sum(attempts.values()), len(started))


@dataclass(frozen=True)
class Found:
    """The run that decides, and its evidence or why there is none.

    A problem beside evidence: the evidence tells of a stage that broke, and decides nothing.
    `others` do not count, for the problem that each names; none where only another was first.
    """

    run: Run
    evidence: Evidence | None = None
    problem: str = ""
    others: tuple[Found, ...] = ()

    @property
    def decides(self) -> bool:
        return self.evidence is not None and not self.problem


def deciding(
    runs: tuple[Run, ...], is_about: Callable[[Evidence], bool], recorded: str = ""
) -> Found | None:
    """Return the run whose evidence counts: the first written whose stages all ended, errors aside.

    The first and not the best: running again until the numbers please is not a way through, neither
    as a new run nor as a new attempt of an old one. A run that broke (no artifact, an errored
    stage) does not stand in the way of a later one; nor does one whose evidence `is_about` refuses,
    for whoever may start runs may type any key. None: no run. `recorded` is the digest of the
    evidence that is recorded as the first: no other counts then, also where its run was deleted.
    """
    looked = [_only(recorded, _read(run, is_about)) for run in runs]
    if not looked:
        return None
    whole = [found for found in looked if found.decides]
    under_way = [found for found in looked if found.run.status != "completed"]
    if whole:
        first = min(whole, key=lambda found: (found.run.artifact, found.run.id))
    else:
        first = (under_way or looked)[-1]
    return replace(first, others=tuple(found for found in looked if found is not first))


def _only(recorded: str, found: Found) -> Found:
    if not recorded or not found.decides or found.evidence is None:
        return found
    if found.evidence.digest() == recorded:
        return found
    return replace(found, evidence=None, problem=messages.NOT_FIRST)


def _read(run: Run, is_about: Callable[[Evidence], bool]) -> Found:
    if run.status != "completed" or run.evidence is None:
        return Found(run, problem=run.problem)
    try:
        evidence = parse_evidence(run.evidence, "evidence.json")
    except UserError as error:
        return Found(run, problem=messages.evidence_unreadable(str(error.problems[0])))
    if not is_about(evidence):
        return Found(run, problem=messages.OTHER_KEY)
    for stage in evidence.stages:
        if stage.outcome == "errored":
            return Found(run, evidence, messages.stage_broke(stage.stage, stage.message))
    return Found(run, evidence)
