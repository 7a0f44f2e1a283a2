"""A forward proposal: changed inputs, measured, judged, and turned into a release commit."""

from __future__ import annotations

from dataclasses import replace

from bot.deciding import overrides, record_looks, refused, retrain
from bot.deciding.awaited_run import (
    awaited,
    earlier_evidence,
    gone,
    is_of,
    names_this,
    other_runs,
    record_measured,
    waiting,
)
from bot.deciding.changed_measures import changed_measures, other_rows
from bot.facts.actions import FINETUNE
from bot.facts.bot_sentences import foreign_tag
from bot.facts.looks import look_of
from bot.facts.model_facts import ModelFacts, Run
from bot.facts.model_state import AttemptState, Judged
from bot.facts.own_comment import earlier_keys
from bot.facts.proposed import Proposed
from bot.facts.snapshot import Snapshot
from bot.facts.trusted_runs import Found, deciding, tries
from bot.report import equal_rows_lines, held_out_change
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import quarantined, read_pointer
from policy.facts.proposal import POINTER_FILE
from policy.files.rules import Policy
from policy.gates.judge import judge
from policy.gates.override import waivable, waive
from policy.governed import MODELS
from policy.verdict import Finding, Outcome, gather

POINTER_BY_HAND = (
    "pointer.json was changed by hand; restore it as the base branch has it. The release commit "
    "writes it once the evidence passes, and reverting a merge moves it back"
)


def consider(snapshot: Snapshot, policy: Policy, facts: ModelFacts, proposed: Proposed) -> Judged:
    """Return how far this model's proposal has come."""
    refusal = _refusal(snapshot, facts)
    if refusal is not None:
        return refused.of(facts.name, *refusal)
    if proposed.proposal is None:
        broken = [Finding("recipe", Outcome.FAILED, str(p)) for p in proposed.problems]
        return Judged(facts.name, "refused", tuple(broken))
    if barred := policy.bases.refusal(proposed.proposal.base_model):
        return refused.of(facts.name, "base", barred)
    runs, dispatch = awaited(snapshot, facts, FINETUNE, proposed.key)
    earlier = earlier_evidence(snapshot, facts, proposed.digest, proposed.key)
    found = deciding(runs, is_of(proposed.key, earlier), facts.measured)
    if barred := record_looks.crowded(facts.looks):
        return refused.of(facts.name, "record", barred)
    if facts.measured_foreign:
        return refused.of(facts.name, "record", foreign_tag(facts.measured_foreign))
    if facts.measured and (found is None or not found.decides):
        found = _recorded_at_head(facts, runs)
        if found is None:
            return refused.of(facts.name, "evidence", gone(facts.measured))
    remarks = (*_tries(snapshot, facts, proposed.key), *other_runs(found))
    warnings = _warnings(facts)
    if found is not None and found.evidence is not None and found.decides:
        about = retrain.About(snapshot, policy, facts, proposed)
        return _judged(about, found.run, found.evidence, remarks, warnings)
    dispatch = replace(dispatch, incumbent=proposed.incumbent, reuse=next(iter(earlier), ""))
    waits = waiting(snapshot, dispatch, found)
    return Judged(
        model=facts.name,
        kind="promote",
        findings=(),
        evidence=found.evidence if found else None,
        run=waits.run,
        key=proposed.key,
        proposal=proposed.digest,
        replaced=proposed.live.version if proposed.live else None,
        awaited=(waits,),
        pending=waits.pending,
        warnings=warnings,
        remarks=remarks,
    )


def _recorded_at_head(facts: ModelFacts, runs: tuple[Run, ...]) -> Found | None:
    """Return the first evidence as the release commit has it, for when its run is gone."""
    text = facts.head_evidence
    if text is None or digest_bytes(text.encode()) != facts.measured:
        return None
    try:
        evidence = parse_evidence(text, "evidence.json")
    except UserError:
        return None
    place = evidence.producer.workflow_run
    deleted = Run(0, "", "evidence at the head", "", "", "", "completed", None, "", place)
    return Found(runs[-1] if runs else deleted, evidence)


def _tries(snapshot: Snapshot, facts: ModelFacts, key: str) -> tuple[str, ...]:
    """Return how often this pull request had the model measured, if more than once."""
    found = tries(
        facts.runs,
        model=facts.name,
        keys=(*earlier_keys(snapshot.comments), key),
        repository=snapshot.repository,
        branch=snapshot.default_branch,
        bot=snapshot.bot,
    )
    if found.runs <= 1:
        return ()
    over = "1 run key" if found.keys == 1 else f"{found.keys} run keys"
    return (
        f"measured at least {found.runs} times in this pull request ({over}); repeated runs bias "
        "the best one upward",
    )


def _warnings(facts: ModelFacts) -> tuple[str, ...]:
    """Return a warning if this changes what models are measured by."""
    changed = changed_measures(facts)
    if not changed:
        return ()
    named = " and ".join(", ".join(changed).rsplit(", ", 1))
    return (
        f"This pull request changes the {named} that models are measured by, so its figures are "
        "not comparable with the records of earlier versions",
    )


def _refusal(snapshot: Snapshot, facts: ModelFacts) -> tuple[str, str] | None:
    """Return the name and the sentence of what makes this no proposal at all."""
    inside = f"{MODELS}/{facts.name}/"
    changed = [path.removeprefix(inside) for path in snapshot.paths if path.startswith(inside)]
    if facts.irregular:
        return "files", refused.irregular(facts.irregular)
    if not changed:
        return "pointer", (
            "only records below model_cards/ change; release commits write them, and nobody by "
            "hand. Restore them as the base branch has them"
        )
    if changed == [POINTER_FILE]:
        return "pointer", POINTER_BY_HAND
    if facts.base_pointer is not None and read_pointer(facts.base_pointer) is None:
        return "pointer", refused.live_pointer_broken(facts.name, snapshot.default_branch)
    moved = _moved(facts)
    if moved:
        branch = snapshot.default_branch
        return "base branch", (
            f"{branch} changed {', '.join(moved[:5])} of {facts.name} since this branch left it; "
            f"merge {branch} into this branch (for pointer.json keep the one of {branch}), and it "
            "is measured again"
        )
    if not _pointer_is_left_alone(facts):
        return "pointer", POINTER_BY_HAND
    return None


def _pointer_is_left_alone(facts: ModelFacts) -> bool:
    """Return whether the head's pointer is the base's, or one that a release commit wrote.

    A release of an earlier round may still be on this branch; the next one replaces it. Nothing is
    trusted here: what merges must equal what is written from the verified evidence.
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


def _judged(
    about: retrain.About,
    run: Run,
    evidence: Evidence,
    remarks: tuple[str, ...],
    warnings: tuple[str, ...],
) -> Judged:
    """Return the evidence judged, with the overrides that name it and the attempts after it."""
    snapshot, policy, facts, proposed = about.snapshot, about.policy, about.facts, about.proposed
    pointer = pointer_of(evidence)
    said = (held_out_change.sentence(evidence), *equal_rows_lines.sentences(evidence))
    parts = _parts(about, evidence, pointer)
    forced, refusals = overrides.overrides(snapshot, policy, facts.name, evidence.digest())
    first = waive(gather(facts.name, parts), forced)
    attempt = AttemptState(1, proposed.key, None, first, evidence)
    more = retrain.consider(about, attempt)
    later = more.states[1:]
    waits = next((one.run for one in reversed(more.awaited) if one.run is not None), None)
    seen = record_measured(snapshot, facts.name, proposed.key, evidence)
    look = look_of(facts.looks, facts.name, proposed.key, evidence)
    more_warnings = record_looks.warnings(facts.looks, facts.name, look.rows if look else "")
    return Judged(
        model=facts.name,
        kind="promote",
        findings=(*first.parts, *more.findings),
        evidence=evidence,
        measured_since=run.created,
        run=waits or run,
        key=proposed.key,
        proposal=proposed.digest,
        pointer=pointer,
        replaced=proposed.live.version if proposed.live else None,
        awaited=more.awaited,
        pending=first.outcome.lets_through and any(one.pending for one in more.awaited),
        first_evidence=None if facts.measured else seen,
        attempts=more,
        overrides=(*forced, *(override for state in later for override in state.overrides)),
        waivable=waivable(policy, first),
        drift_gates=policy.gates.drift,
        look=look,
        warnings=(*warnings, *filter(None, said), *more_warnings),
        remarks=(*refusals, *(text for state in later for text in state.remarks), *remarks),
    )


def _parts(about: retrain.About, evidence: Evidence, pointer: Pointer | None) -> list[Finding]:
    """Return the policy's verdict, and what only this side can check: names and the quarantine."""
    facts, proposed = about.facts, about.proposed
    verdict = judge(
        about.policy,
        evidence,
        proposal_digest=proposed.digest,
        incumbent=proposed.incumbent,
        other_rows=other_rows(facts),
    )
    parts = [verdict, *names_this(facts, proposed.live, evidence)]
    parts += refused.history_too_long(facts)
    if pointer is not None and (lie := pointer.artifact.misplaced()):
        parts.append(Finding("place", Outcome.FAILED, lie))
    for text in quarantined(facts.history):
        old = read_pointer(text)
        if old and pointer and old.artifact.digest == pointer.artifact.digest:
            parts.append(refused.quarantined(old.version))
    if pointer is None and verdict.outcome.lets_through:
        sentence = "the evidence names no file to ship, or one that no pointer may name"
        parts.append(Finding("release", Outcome.MISSING, sentence))
    return parts
