"""From a snapshot to a verdict and what to do about it. Pure: no clock, no network, no environment.

Two decisions on the same facts are equal, and a decision that GitHub shows already leads to no
write. That makes lost, doubled and reordered events harmless.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from bot.deciding import (
    before_run,
    consequences,
    forward,
    record_looks,
    record_verdict,
    refused,
    release_files,
    rollback,
    rule_changes,
    signing,
    spot_checks,
    stops,
)
from bot.deciding.after_merge import merged
from bot.deciding.consequences import Decision
from bot.facts.actions import (
    Action,
    LookAgain,
    in_order,
)
from bot.facts.bot_sentences import FURTHER_PATHS, MERGE_UNKNOWN, OTHER_FILES, other_files
from bot.facts.model_facts import ModelFacts
from bot.facts.model_state import Judged, ModelState
from bot.facts.moment import as_it_was
from bot.facts.proposed import proposed_of
from bot.facts.snapshot import MAX_COMMITS, MAX_FILES, Snapshot
from bot.report import check
from bot.report.author_words import author_words
from policy import documents
from policy.errors import UserError
from policy.files.calendar import judge_calendar
from policy.files.rules import Policy
from policy.governed import POLICY_FILE, is_governed, is_model_name, models_of
from policy.people.further_paths import further_paths
from policy.verdict import Finding, Outcome, gather


def decide(snapshot: Snapshot) -> Decision:
    """Return the verdict on one pull request and every action that follows from it."""
    if snapshot.pull.merged:
        judged = None if snapshot.mark else _open(as_it_was(snapshot)).verdict
        verdict, actions = merged(snapshot, judged)
        return Decision(verdict, in_order(actions))
    if snapshot.pull.state == "closed":
        return consequences.closed(snapshot)
    return _open(snapshot)


def _open(snapshot: Snapshot) -> Decision:
    """Return the decision on a pull request that may merge, or could at the time of the facts."""
    if snapshot.pull.base_ref != snapshot.default_branch:
        return consequences.other_base(snapshot)
    governed = is_governed(snapshot.paths, truncated=snapshot.files_truncated)
    if not (snapshot.links or snapshot.further_changed or governed):
        if snapshot.merge_unknown:
            return consequences.merge_unknown(snapshot)
        return consequences.nothing_governed(snapshot)
    early = _refusals(snapshot)
    if not early and rule_changes.is_first_policy(snapshot):
        rules = rule_changes.consider(snapshot)
        verdict = gather("countersign", [rules] if rules is not None else [])
        return consequences.show(
            snapshot,
            consequences.Whole(verdict),
            "passed" if verdict.outcome.lets_through else "failed",
        )
    policy, problems = _policy(snapshot)
    if policy is None or early:
        verdict = gather("countersign", [gather(check.WHOLE, [*early, *problems])])
        return consequences.show(snapshot, consequences.Whole(verdict), "failed")
    return _decided(snapshot, policy)


def _refusals(snapshot: Snapshot) -> list[Finding]:
    """Return why the pull request cannot be judged as a whole."""
    found = []
    if snapshot.files_truncated:
        sentence = (
            f"it changes {MAX_FILES:,} files or more, and GitHub lists no more; split the pull "
            "request"
        )
        found.append(Finding("files", Outcome.ERRORED, sentence))
    if snapshot.unlike:
        found.append(Finding("merge", Outcome.FAILED, refused.unlike(snapshot)))
    elif snapshot.merge_unknown and snapshot.pull.mergeable is not False:
        found.append(Finding("merge", Outcome.MISSING, MERGE_UNKNOWN))
    if snapshot.links:
        found.append(Finding("files", Outcome.FAILED, refused.irregular(snapshot.links)))
    if snapshot.commits_truncated:
        sentence = (
            f"it has {MAX_COMMITS} commits or more, and GitHub lists no more; squash them, so that "
            "every author is known"
        )
        found.append(Finding("commits", Outcome.ERRORED, sentence))
    return found


def _policy(snapshot: Snapshot) -> tuple[Policy | None, list[Finding]]:
    """Return the base branch's policy, or why there is none."""
    where = f"{POLICY_FILE} on {snapshot.default_branch}"
    if snapshot.policy is None:
        sentence = f"{where} is missing; merge a policy there first (see docs/your-repository.md)"
        return None, [Finding("policy", Outcome.ERRORED, sentence)]
    try:
        return documents.parse(Policy, snapshot.policy, where), []
    except UserError as error:
        return None, [Finding("policy", Outcome.ERRORED, str(p)) for p in error.problems]


def _decided(snapshot: Snapshot, policy: Policy) -> Decision:
    """Judge every model, then who signed, then what may stop the merge at the last moment."""
    held = stops.hold(snapshot, policy)
    if looks := record_looks.consider(snapshot):
        finding = Finding("countersign", Outcome.MISSING, record_looks.RECORDING)
        return Decision(finding, in_order((*held.actions, *looks)))
    states = _states(snapshot, policy, held=held.finding is not None)
    sign_off = signing.consider(snapshot, policy, states)
    parts = [*(state.finding for state in states), *_about_all(snapshot), sign_off]
    timing = [held.finding] if held.finding is not None else []
    if consequences.ships(states) or snapshot.keys:
        timing.insert(0, record_verdict.judge_key(snapshot))
    promotes = any(state.kind == "promote" for state in states)
    if promotes:
        timing.append(judge_calendar(policy.calendar, datetime.fromisoformat(snapshot.now)))
    may_pass = promotes and gather("countersign", [*parts, *timing]).outcome.lets_through
    stopping: tuple[Action, ...] = held.actions
    if may_pass and snapshot.late.attempts_changed():
        return _outdated()
    if may_pass or stops.asks_about_freeze(snapshot):
        frozen = stops.freeze(snapshot, policy, snapshot.late.freeze())
        stopping += frozen.actions
        timing += [frozen.finding] if frozen.finding is not None and promotes else []
    parts += [gather(check.BEFORE_MERGE, timing)] if timing else []
    whole = consequences.Whole(gather("countersign", parts), states, sign_off, stopping)
    return consequences.act_on(snapshot, policy, whole)


def _states(snapshot: Snapshot, policy: Policy, *, held: bool) -> tuple[ModelState, ...]:
    """Return every model's state, put together from its parts."""
    models = [_judged(snapshot, policy, name) for name in models_of(snapshot.paths)]
    runs = before_run.consider(snapshot, policy, models, held=held)
    states = tuple(ModelState(model, run) for model, run in zip(models, runs, strict=True))
    spots = spot_checks.consider(snapshot, policy, states)
    words = author_words(snapshot.pull.author, snapshot.pull.body)
    read = (replace(state, spot_check=spot) for state, spot in zip(states, spots, strict=True))
    return tuple(
        replace(state, release=release_files.consider(_facts(snapshot, state.model), state, words))
        for state in read
    )


def _judged(snapshot: Snapshot, policy: Policy, name: str) -> Judged:
    if not is_model_name(name):
        sentence = f"{name!r} is no model name; use a-z, 0-9, dot, dash and underscore, at most 64"
        return refused.of(name, "name", sentence)
    facts = _facts(snapshot, name)
    proposed = snapshot.proposals.get(name) or proposed_of(
        facts, snapshot.paths, snapshot.pull.number
    )
    judging = rollback.consider if proposed.kind == "rollback" else forward.consider
    return judging(snapshot, policy, facts, proposed)


def _facts(snapshot: Snapshot, name: str) -> ModelFacts:
    return next((model for model in snapshot.models if model.name == name), ModelFacts(name))


def _about_all(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield what concerns the pull request and no single model: changed rules, conflicts."""
    rules = rule_changes.consider(snapshot)
    if rules is not None:
        yield rules
    further = further_paths(snapshot.policy)
    told = tuple(further.told(snapshot.paths))
    if told:
        yield gather(FURTHER_PATHS, told)
    beside = [p for p in snapshot.paths if not is_governed([p]) and not further.governs(p)]
    if beside and models_of(snapshot.paths):
        yield gather(OTHER_FILES, [Finding("ungoverned", Outcome.WARNED, other_files(beside))])
    if snapshot.pull.mergeable is False:
        branch = snapshot.default_branch
        sentence = f"it conflicts with {branch}; merge {branch} into this branch"
        yield gather(check.WHOLE, [Finding("merge", Outcome.FAILED, sentence)])


def _outdated() -> Decision:
    sentence = "another attempt was recorded while this was judged; it is judged again"
    return Decision(Finding("countersign", Outcome.MISSING, sentence), (LookAgain(),))
