"""A forward proposal: changed inputs, measured, judged, and turned into a release commit."""

from __future__ import annotations

from dataclasses import replace

from bot.deciding import messages, overrides, retrain
from bot.deciding.awaited_run import awaited, earlier_evidence, is_of, record_measured, waiting
from bot.deciding.changed_measures import changed_measures
from bot.facts.actions import FINETUNE, DispatchRun
from bot.facts.model_state import AttemptState, ModelState
from bot.facts.snapshot import ModelFacts, Run, Snapshot
from bot.facts.trusted_runs import Found, deciding, tries
from bot.report.own_comment import earlier_keys
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import quarantined, read_pointer
from policy.facts.proposal import POINTER_FILE, Proposal, run_key
from policy.files.recipe import proposed
from policy.files.rules import Policy
from policy.gates.judge import judge
from policy.gates.override import waivable, waive
from policy.governed import MODELS
from policy.verdict import Finding, Outcome, gather

SHOWN_RUNS = 5
"""How many runs that do not count are told of, the latest."""


def head_proposal(facts: ModelFacts, runner_version: str | None = None) -> Proposal:
    """Return the proposal at head, as this side computes it; raise UserError on a broken recipe."""
    known = {} if runner_version is None else {"runner_version": runner_version}
    return proposed(facts.name, facts.head_inputs, facts.recipe, **known)


def consider(snapshot: Snapshot, policy: Policy, facts: ModelFacts) -> ModelState:
    """Return how far this model's proposal has come."""
    refusal = _refusal(snapshot, facts)
    if refusal is not None:
        return refused(facts.name, *refusal)
    try:
        proposal = head_proposal(facts)
    except UserError as error:
        broken = [Finding("recipe", Outcome.FAILED, str(p)) for p in error.problems]
        return ModelState(facts.name, "refused", gather(facts.name, broken))
    live = read_pointer(facts.base_pointer)
    incumbent = live.artifact.digest if live else None
    key = run_key(proposal.digest, incumbent)
    runs, dispatch = awaited(snapshot, facts, FINETUNE, key)
    earlier = earlier_evidence(snapshot, facts, proposal, key)
    dispatch = replace(dispatch, incumbent=incumbent, reuse=next(iter(earlier), ""))
    found = deciding(runs, is_of(key, earlier), facts.measured)
    if facts.measured_foreign:
        return refused(facts.name, "record", messages.foreign_tag(facts.measured_foreign))
    if facts.measured and (found is None or not found.decides):
        found = _recorded_at_head(facts, runs)
        if found is None:
            return refused(facts.name, "evidence", messages.measured_gone(facts.measured))
    if found is None or found.evidence is None or not found.decides:
        state = _awaiting(snapshot, facts, proposal, live, dispatch, found)
    else:
        state = _judged(snapshot, policy, facts, proposal, live, found.evidence, found, key)
        if not facts.measured:
            state = replace(
                state, measured=record_measured(snapshot, facts.name, key, found.evidence)
            )
    changed = changed_measures(facts)
    return replace(
        state,
        warnings=(messages.measures_changed(changed),) if changed else (),
        remarks=(*state.remarks, *_tries(snapshot, facts, key), *other_runs(found)),
    )


def _recorded_at_head(facts: ModelFacts, runs: tuple[Run, ...]) -> Found | None:
    """Return the first evidence as the release commit carries it, where its run is gone."""
    text = facts.head_evidence
    if text is None or digest_bytes(text.encode()) != facts.measured:
        return None
    try:
        evidence = parse_evidence(text, "evidence.json")
    except UserError:
        return None
    place = evidence.producer.workflow_run
    gone = Run(0, "", "evidence at the head", "", "", "", "completed", None, "", place)
    return Found(runs[-1] if runs else gone, evidence)


def _tries(snapshot: Snapshot, facts: ModelFacts, key: str) -> tuple[str, ...]:
    """Return how often this pull request had the model measured, where that is more than once."""
    found = tries(
        facts.runs,
        model=facts.name,
        keys=(*earlier_keys(snapshot.comments), key),
        repository=snapshot.repository,
        branch=snapshot.default_branch,
        bot=snapshot.bot,
    )
    return (messages.tries(found.runs, found.keys),) if found.runs > 1 else ()


def _refusal(snapshot: Snapshot, facts: ModelFacts) -> tuple[str, str] | None:
    """Return the name and the sentence of what makes this no proposal at all."""
    inside = f"{MODELS}/{facts.name}/"
    changed = [path.removeprefix(inside) for path in snapshot.paths if path.startswith(inside)]
    if facts.irregular:
        return "files", messages.irregular(facts.irregular)
    if not any(path != POINTER_FILE for path in changed):
        return "pointer", messages.POINTER_BY_HAND if changed else messages.LEDGER_BY_HAND
    if facts.base_pointer is not None and read_pointer(facts.base_pointer) is None:
        return "pointer", messages.live_pointer_broken(facts.name, snapshot.default_branch)
    moved = _moved(facts)
    if moved:
        return "base branch", messages.base_moved(snapshot.default_branch, facts.name, moved)
    if not _pointer_is_left_alone(facts):
        return "pointer", messages.POINTER_BY_HAND
    return None


def _pointer_is_left_alone(facts: ModelFacts) -> bool:
    """Return whether the head's pointer is the base's, or one that a release commit wrote.

    A release of an earlier round on this branch may still lie there: it is replaced by the next.
    Nothing is trusted here; what merges must equal what is written from the verified evidence.
    """
    if facts.head_pointer in (facts.base_pointer, facts.fork_pointer):
        return True
    return facts.head_pointer is not None and facts.head_evidence is not None


def _moved(facts: ModelFacts) -> list[str]:
    """Return inputs that the base branch changed since the pull request left it, and head lacks.

    Merging would mix them with what was measured, and nobody measured the mixture.
    """
    head, base, fork = dict(facts.head_inputs), dict(facts.base_inputs), dict(facts.fork_inputs)
    moved = [
        path
        for path in sorted(base.keys() | fork.keys())
        if path != POINTER_FILE
        and base.get(path) != fork.get(path)
        and base.get(path) != head.get(path)
    ]
    if facts.base_pointer != facts.fork_pointer:
        moved.append(POINTER_FILE)
    return moved


def refused(model: str, name: str, sentence: str) -> ModelState:
    """Return the state of a change that no run can mend."""
    part = Finding(name, Outcome.FAILED, sentence)
    return ModelState(model, "refused", gather(model, [part], sentence))


def _awaiting(
    snapshot: Snapshot,
    facts: ModelFacts,
    proposal: Proposal,
    live: Pointer | None,
    dispatch: DispatchRun,
    found: Found | None,
) -> ModelState:
    outcome, sentence, start = waiting(snapshot, dispatch, found)
    return ModelState(
        model=facts.name,
        kind="promote",
        finding=gather(facts.name, [Finding("run", outcome, sentence)], sentence),
        pending=outcome is Outcome.MISSING,
        evidence=found.evidence if found else None,
        run=found.run if found else None,
        key=dispatch.key,
        proposal=proposal.digest,
        replaced=live.version if live else None,
        dispatch=dispatch if start else None,
    )


def other_runs(found: Found | None) -> tuple[str, ...]:
    """Return a sentence for each run of the key that does not count."""
    others = found.others if found else ()
    return tuple(messages.other_run(other.run, other.problem) for other in others[-SHOWN_RUNS:])


def _judged(
    snapshot: Snapshot,
    policy: Policy,
    facts: ModelFacts,
    proposal: Proposal,
    live: Pointer | None,
    evidence: Evidence,
    found: Found,
    key: str,
) -> ModelState:
    incumbent = live.artifact.digest if live else None
    parts = [judge(policy, evidence, proposal_digest=proposal.digest, incumbent=incumbent)]
    pointer = pointer_of(evidence)
    parts.extend(_bindings(facts, evidence, live, pointer))
    if pointer is None and parts[0].outcome.lets_through:
        parts.append(Finding("release", Outcome.MISSING, messages.NOTHING_TO_SHIP))
    strict = gather(facts.name, parts)
    forced, refused = overrides.overrides(snapshot, policy, facts.name, evidence.digest())
    first = waive(strict, forced)
    about = retrain.About(snapshot, policy, facts, proposal, live)
    more = retrain.consider(about, evidence)
    finding = gather(facts.name, (*first.parts, *more.findings)) if more.findings else first
    tried = (AttemptState(1, key, None, first, evidence), *more.states) if more.states else ()
    forced += tuple(override for state in more.states for override in state.overrides)
    return ModelState(
        model=facts.name,
        kind="promote",
        finding=finding,
        pending=more.pending and first.outcome.lets_through,
        evidence=evidence,
        measured_since=found.run.created,
        run=more.run or found.run,
        key=key,
        proposal=proposal.digest,
        pointer=pointer,
        replaced=live.version if live else None,
        dispatch=more.dispatch,
        attempts=tried,
        attempt_actions=tuple(more.actions),
        answers=tuple(more.answers),
        overrides=forced,
        waivable=waivable(policy, first),
        drift_gates=policy.gates.drift,
        remarks=(*refused, *(remark for state in more.states for remark in state.remarks)),
    )


def _bindings(
    facts: ModelFacts, evidence: Evidence, live: Pointer | None, pointer: Pointer | None
) -> list[Finding]:
    """Return what only this side can check: the model's name, the live version, the quarantine."""
    found: list[Finding] = []
    named = evidence.incumbent.version if evidence.incumbent else None
    if evidence.model != facts.name:
        found.append(Finding("model", Outcome.FAILED, messages.OTHER_MODEL))
    if named != (live.version if live else None):
        found.append(Finding("live version", Outcome.FAILED, messages.OTHER_INCUMBENT))
    for text in quarantined(facts.history):
        old = read_pointer(text)
        if old and pointer and old.artifact.digest == pointer.artifact.digest:
            sentence = messages.quarantined(old.version)
            found.append(Finding("quarantine", Outcome.FAILED, sentence))
    return found
