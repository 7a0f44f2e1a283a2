"""Before a GPU hour is spent: could this ever be signed, and may it cost what it will cost?"""

from __future__ import annotations

from collections.abc import Sequence

from bot.deciding import signing, stops
from bot.facts import comment_commands
from bot.facts.actions import FINETUNE, DispatchRun
from bot.facts.model_facts import ModelFacts
from bot.facts.model_state import Judged, RunPart
from bot.facts.role_holders import holders
from bot.facts.snapshot import Snapshot
from policy import documents
from policy.errors import UserError
from policy.files.budget import estimate, judge_budget
from policy.files.dataset_card import parse_card
from policy.files.recipe import Recipe
from policy.files.rules import Policy
from policy.governed import MODELS
from policy.people.owner_lint import OwnerLint, lint_owners
from policy.verdict import Finding, Outcome, gather


def consider(
    snapshot: Snapshot, policy: Policy, models: Sequence[Judged], *, held: bool
) -> tuple[RunPart, ...]:
    """Return what happens with each model's run, in the order of `models`.

    No run starts while the pull request is on hold, if nobody could sign, or if it costs too much.
    """
    starts = any(_dispatch(model) is not None for model in models)
    lint = _lint(snapshot, policy, models) if starts and not held else None
    return tuple(_part(snapshot, policy, model, lint, held=held) for model in models)


def _dispatch(model: Judged) -> DispatchRun | None:
    """Return the run to start next, if one may start now."""
    wanted = (one.dispatch for one in reversed(model.awaited))
    return next((dispatch for dispatch in wanted if dispatch is not None), None)


def _part(
    snapshot: Snapshot, policy: Policy, model: Judged, lint: OwnerLint | None, *, held: bool
) -> RunPart:
    waits = tuple(one.finding for one in model.awaited)
    cancel, remarks = stops.cancel(snapshot, model.run)
    dispatch = _dispatch(model)
    if dispatch is None:
        return RunPart(waits, pending=model.pending, cancel=cancel, remarks=remarks)
    if held:
        stopped = Finding("run", Outcome.MISSING, "no run starts while this is on hold")
        return RunPart((stopped,), pending=model.pending, cancel=cancel, remarks=remarks)
    if lint is not None and not lint.finding.outcome.lets_through:
        return RunPart(unsignable=lint.finding, cancel=cancel, remarks=remarks)
    remarks += lint.remarks if lint is not None else ()
    costs, told = _costs(snapshot, policy, model, dispatch)
    return RunPart(
        findings=(costs,) if costs is not None else waits,
        pending=model.pending,
        dispatch=dispatch if costs is None else None,
        cancel=cancel,
        remarks=(*remarks, *told),
    )


def _lint(snapshot: Snapshot, policy: Policy, models: Sequence[Judged]) -> OwnerLint | None:
    """Return whether everyone required to sign could; None if CODEOWNERS cannot be read."""
    try:
        owners = signing.read_codeowners(snapshot)
    except UserError:
        return None  # sign-off says so
    quorum = signing.quorum_of(snapshot, policy, models)
    facts = signing.unsigned(snapshot, owners, models)
    found = lint_owners(quorum, facts)
    if policy.spot_check is None or not any(model.kind == "promote" for model in models):
        return found
    readers = signing.without_owners(facts)
    read = lint_owners(policy.spot_check.sign, readers).finding
    if read.outcome.lets_through:
        return found
    unread = Finding("spot-check", read.outcome, read.sentence, read.parts)
    parts = (*found.finding.parts, unread)
    return OwnerLint(gather(found.finding.name, parts), found.remarks)


def _costs(
    snapshot: Snapshot, policy: Policy, model: Judged, dispatch: DispatchRun
) -> tuple[Finding | None, tuple[str, ...]]:
    """Return a finding if the run may not cost what it will, and what to say about its cost."""
    if dispatch.workflow != FINETUNE or dispatch.reuse:
        return None, ()
    facts = next(facts for facts in snapshot.models if facts.name == model.model)
    recipe = documents.parse(Recipe, facts.recipe or "", f"{MODELS}/{model.model}/recipe.yml")
    asked = judge_budget(policy.budget, estimate(recipe, _train_bytes(facts), policy.budget))
    if asked.outcome.lets_through or _allowed(snapshot, policy, dispatch.asked):
        return None, (asked.sentence,) if policy.budget.limits() else ()
    sentence = asked.sentence
    if policy.budget.roles:
        sentence = f"{sentence} with the comment `/train {snapshot.pull.head_sha}`"
    return Finding(asked.name, Outcome.MISSING, sentence), ()


def _allowed(snapshot: Snapshot, policy: Policy, after: str) -> bool:
    """Return whether somebody who may spend more requested this very commit, after a time."""
    may = holders(snapshot, policy.budget.roles)
    return comment_commands.train_asked(snapshot.comments, may, snapshot.pull.head_sha, after)


def _train_bytes(facts: ModelFacts) -> int | None:
    """Return the size of the training rows at head; None if the card does not name them."""
    try:
        name = parse_card(facts.dataset_card or "", "data/README.md").splits["train"]
    except (UserError, KeyError):
        return None
    return dict(facts.head_sizes).get(f"data/{name}")
