"""Which run of a key is awaited, which evidence may stand under it, and when one is started."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.deciding import messages
from bot.facts import comment_commands
from bot.facts.actions import FINETUNE, DispatchRun, RecordMeasured
from bot.facts.snapshot import ModelFacts, Run, Snapshot
from bot.facts.trusted_runs import Found, deciding, runs_of_key
from bot.report.own_comment import earlier_keys
from policy.facts.evidence import SHIPPED, Evidence
from policy.facts.proposal import Proposal, run_key
from policy.people.sign_off_record import MeasuredRecord
from policy.verdict import Outcome


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
    snapshot: Snapshot, dispatch: DispatchRun, found: Found | None
) -> tuple[Outcome, str, bool]:
    """Return what is said while there is no evidence, and whether to start a run now."""
    pull = snapshot.pull
    if found is not None and found.run.status != "completed":
        return Outcome.MISSING, messages.running(found.run), False
    if snapshot.from_fork:
        return Outcome.FAILED, messages.from_fork(snapshot.repository), False
    if pull.draft:
        return Outcome.MISSING, messages.DRAFT, False
    after = found.run.created if found else ""
    asked = comment_commands.train_asked(snapshot.comments, snapshot.writers, pull.head_sha, after)
    if found is not None:
        if asked:
            return Outcome.MISSING, messages.starting(dispatch), True
        return Outcome.ERRORED, messages.run_broke(found.run, found.problem, pull.head_sha), False
    if pull.author_can_write or asked or dispatch.attempt > 1:  # who asked for that may write
        return Outcome.MISSING, messages.starting(dispatch), True
    return Outcome.MISSING, messages.awaits_permission(pull.author, pull.head_sha), False


def earlier_evidence(
    snapshot: Snapshot, facts: ModelFacts, proposal: Proposal, key: str, attempt: int = 1
) -> tuple[str, ...]:
    """Return the digests of evidence of this very attempt, measured against other live versions.

    Only the comparison with the live version is out of date in it; the rest may be reused. The
    first evidence of each key counts, as it does for its own key.
    """
    found: list[str] = []
    for earlier in earlier_keys(snapshot.comments):
        runs, _ = awaited(snapshot, facts, FINETUNE, earlier)
        first = deciding(runs, is_of(earlier, found))
        evidence = first.evidence if first is not None and first.decides else None
        if earlier == key or evidence is None or evidence.artifact(SHIPPED) is None:
            continue
        if evidence.proposal.digest == proposal.digest and evidence.attempt == attempt:
            found.append(evidence.digest())
    return tuple(found)


def is_of(key: str, reusable: Sequence[str]) -> Callable[[Evidence], bool]:
    """Return whether evidence may stand under a run key, by what it is about and rests on.

    What it reuses must be evidence that counted here: whoever may write to the registry and start
    runs could have put other evidence there.
    """

    def is_of(evidence: Evidence) -> bool:
        incumbent = evidence.incumbent.artifact if evidence.incumbent else None
        rests = evidence.reused is None or evidence.reused in reusable
        return rests and run_key(evidence.proposal.digest, incumbent, evidence.attempt) == key

    return is_of


def record_measured(snapshot: Snapshot, model: str, key: str, evidence: Evidence) -> RecordMeasured:
    """Return the record that this evidence was seen first under a key."""
    record = MeasuredRecord(
        repository=snapshot.repository,
        model=model,
        key=key,
        evidence=evidence.digest(),
        at=snapshot.now,
    )
    return RecordMeasured(record, snapshot.pull.head_sha)
