"""Which workflow runs count, and which of them has the evidence that counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bot.facts.actions import FINETUNE, run_title
from bot.facts.model_facts import Run
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.governed import WORKFLOWS

NOT_FIRST = "other evidence was recorded as the first of its run key"
OTHER_KEY = (
    "its evidence is about another proposal or another live version than its run key names, or "
    "reuses evidence that never counted here, so it does not count; either somebody started the "
    "run by hand, or the bot and the runner have different versions"
)


def is_trusted(run: Run, *, workflow: str, repository: str, branch: str, bot: str) -> bool:
    """Return whether a run executed the default branch's copy of one workflow file.

    Anyone can upload an artifact of any name from a workflow in a pull request; what counts is the
    file that ran, what started it, and where it ran. For a run that a person started, the API does
    not distinguish a tag `main`, with a workflow of their own, from the branch `main`. So only this
    App's runs count, which it starts on the branch by its full name. A restart keeps the actor.
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

    Evidence with a problem shows a stage that broke, and decides nothing. `others` do not count:
    each has its problem, which is empty if another one was merely first.
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

    The first and not the best: repeating a run until the figures please does not help, neither as a
    new run nor as a new attempt of an old one. A run that broke (no artifact, an errored stage)
    does not block a later one. Nor does one whose evidence `is_about` refuses, because anyone who
    may start runs can give any key. None: no run. `recorded` is the digest of the evidence that is
    recorded as the first: no other counts then, even if its run was deleted.
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
    return replace(found, evidence=None, problem=NOT_FIRST)


def _read(run: Run, is_about: Callable[[Evidence], bool]) -> Found:
    if run.status != "completed" or run.evidence is None:
        return Found(run, problem=run.problem)
    try:
        evidence = parse_evidence(run.evidence, "evidence.json")
    except UserError as error:
        return Found(run, problem=f"its evidence cannot be read: {error.problems[0]}")
    if not is_about(evidence):
        return Found(run, problem=OTHER_KEY)
    for stage in evidence.stages:
        if stage.outcome == "errored":
            why = f" ({stage.message})" if stage.message else ""
            return Found(run, evidence, f"{stage.stage} broke{why}")
    return Found(run, evidence)
