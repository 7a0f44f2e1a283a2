"""Which run of a key is awaited, which evidence may count under it, and when a run starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.facts import comment_commands
from bot.facts.actions import FINETUNE, DispatchRun, RecordMeasured
from bot.facts.model_facts import ModelFacts, Run
from bot.facts.model_state import Awaited
from bot.facts.own_comment import earlier_keys
from bot.facts.snapshot import Snapshot
from bot.facts.trusted_runs import Found, deciding, runs_of_key
from policy.facts.evidence import SHIPPED, Evidence
from policy.facts.pointer import Pointer
from policy.facts.proposal import run_key
from policy.people.sign_off_record import MeasuredRecord
from policy.policy_sentences import short
from policy.verdict import Finding, Outcome

SHOWN_RUNS = 5
"""How many runs that do not count are listed, the latest."""


def awaited(
    snapshot: Snapshot, facts: ModelFacts, workflow: str, key: str
) -> tuple[tuple[Run, ...], DispatchRun]:
    """Return the trusted runs of a key, and what would start another."""
    runs = runs_of_key(
        facts.runs,
        workflow=workflow,
        model=facts.name,
        key=key,
        repository=snapshot.repository,
        branch=snapshot.default_branch,
        bot=snapshot.bot,
    )
    dispatch = DispatchRun(
        workflow=workflow,
        ref=snapshot.default_branch,
        model=facts.name,
        sha=snapshot.pull.head_sha,
        key=key,
        after=max((run.id for run in runs), default=0),
    )
    return runs, dispatch


def waiting(
    snapshot: Snapshot, dispatch: DispatchRun, found: Found | None, lead: str = ""
) -> Awaited:
    """Return what to say while there is no evidence, after `lead`, and whether to start a run."""
    outcome, sentence, start = _waiting(snapshot, dispatch, found)
    return Awaited(
        Finding("run", outcome, lead + sentence),
        run=found.run if found is not None else None,
        dispatch=dispatch if start else None,
    )


def _waiting(
    snapshot: Snapshot, dispatch: DispatchRun, found: Found | None
) -> tuple[Outcome, str, bool]:
    pull = snapshot.pull
    if found is not None and found.run.status != "completed":
        return Outcome.MISSING, f"being measured: {found.run.url}", False
    if snapshot.from_fork:
        sentence = (
            "it comes from a fork, and nothing from a fork runs on a GPU runner; a maintainer has "
            f"to push this branch to {snapshot.repository} and open the pull request from there"
        )
        return Outcome.FAILED, sentence, False
    if pull.draft:
        return (
            Outcome.MISSING,
            "this is a draft: measuring starts when it is ready for review",
            False,
        )
    after = found.run.created if found else ""
    asked = comment_commands.train_asked(snapshot.comments, snapshot.writers, pull.head_sha, after)
    if found is not None and not asked:
        why = found.problem or "it left no evidence"
        sentence = (
            f"the run ended ({found.run.conclusion or 'unknown'}), but {why}: {found.run.url}. "
            f"Fix the cause, then comment `/train {pull.head_sha}`"
        )
        return Outcome.ERRORED, sentence, False
    # Someone who asked for another attempt was allowed to.
    if found is not None or pull.author_can_write or asked or dispatch.attempt > 1:
        return Outcome.MISSING, f"the run {dispatch.title} is starting for {dispatch.sha}", True
    sentence = (
        f"@{pull.author} has no write access: somebody who has must look at the files, and then "
        f"comment `/train {pull.head_sha}`"
    )
    return Outcome.MISSING, sentence, False


def gone(digest: str) -> str:
    return (
        f"the evidence that was measured first ({short(digest)}) is gone with its run; measuring "
        "again does not replace it. Change the proposal, and the new one is measured"
    )


def other_runs(found: Found | None) -> tuple[str, ...]:
    """Return a sentence for each run of the key that does not count."""
    others = found.others if found else ()
    return tuple(_other_run(other) for other in others[-SHOWN_RUNS:])


def _other_run(other: Found) -> str:
    if other.run.status != "completed":
        return f"{other.run.url} is in progress and will not count: the first evidence decides"
    why = other.problem or "the first evidence of a run key decides"
    return f"{other.run.url} does not count: {why}"


def earlier_evidence(
    snapshot: Snapshot, facts: ModelFacts, proposal: str, key: str, attempt: int = 1
) -> tuple[str, ...]:
    """Return the digests of evidence of this very attempt, measured against other live versions.

    In it only the comparison with the live version is out of date; the rest may be reused. The
    first evidence of each key counts, as it does for its own key.
    """
    found: list[str] = []
    for earlier in earlier_keys(snapshot.comments):
        runs, _ = awaited(snapshot, facts, FINETUNE, earlier)
        first = deciding(runs, is_of(earlier, found))
        evidence = first.evidence if first is not None and first.decides else None
        if earlier == key or evidence is None or evidence.artifact(SHIPPED) is None:
            continue
        if evidence.proposal.digest == proposal and evidence.attempt == attempt:
            found.append(evidence.digest())
    return tuple(found)


def is_of(key: str, reusable: Sequence[str]) -> Callable[[Evidence], bool]:
    """Return whether evidence may count under a run key, by what it is about and what it reuses.

    What it reuses must be evidence that counted here: anyone who may write to the registry and
    start runs could have put other evidence there.
    """

    def is_of(evidence: Evidence) -> bool:
        incumbent = evidence.incumbent.artifact if evidence.incumbent else None
        rests = evidence.reused is None or evidence.reused in reusable
        return rests and run_key(evidence.proposal.digest, incumbent, evidence.attempt) == key

    return is_of


def names_this(facts: ModelFacts, live: Pointer | None, evidence: Evidence) -> tuple[Finding, ...]:
    """Return what is wrong with the names in evidence: of the model, and of the live version."""
    found = [named_model(facts, evidence)]
    named = evidence.incumbent.version if evidence.incumbent else None
    if named != (live.version if live else None):
        sentence = "the evidence names another live version than the base branch does"
        found.append(Finding("live version", Outcome.FAILED, sentence))
    return tuple(finding for finding in found if finding is not None)


def named_model(facts: ModelFacts, evidence: Evidence) -> Finding | None:
    """Return a finding if the evidence is about another model."""
    if evidence.model == facts.name:
        return None
    return Finding("model", Outcome.FAILED, "the evidence is about another model")


def record_measured(snapshot: Snapshot, model: str, key: str, evidence: Evidence) -> RecordMeasured:
    """Return the record that this evidence was seen first under a key."""
    shipped = evidence.artifact(SHIPPED)
    record = MeasuredRecord(
        repository=snapshot.repository,
        model=model,
        key=key,
        evidence=evidence.digest(),
        artifact=shipped.digest if shipped is not None else None,
        at=snapshot.now,
    )
    return RecordMeasured(record, snapshot.pull.head_sha)
