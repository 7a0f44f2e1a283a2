"""Before a GPU hour is spent: could this ever be signed, and may it cost what it will cost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.deciding import command_messages, signing
from bot.deciding.stops import holders
from bot.facts import comment_commands
from bot.facts.actions import FINETUNE
from bot.facts.model_state import ModelState
from bot.facts.snapshot import ModelFacts, Snapshot
from policy import documents
from policy.errors import UserError
from policy.files.budget import estimate, judge_budget
from policy.files.dataset_card import parse_card
from policy.files.recipe import Recipe
from policy.files.rules import Policy
from policy.governed import MODELS
from policy.people.owner_lint import OwnerLint, lint_owners
from policy.verdict import Finding, Outcome, gather


def lint(snapshot: Snapshot, policy: Policy, states: Sequence[ModelState]) -> OwnerLint | None:
    """Return whether everybody who has to sign could; None where CODEOWNERS cannot be read."""
    try:
        owners = signing.read_codeowners(snapshot)
    except UserError:
        return None  # sign-off says so
    quorum = signing.quorum_of(snapshot, policy, states)
    facts = signing.unsigned(snapshot, owners, states)
    found = lint_owners(quorum, facts)
    if policy.spot_check is None or not any(state.kind == "promote" for state in states):
        return found
    readers = lint_owners(
        policy.spot_check.sign, replace(facts, owners=None, unknown_contributors=())
    )
    if readers.finding.outcome.lets_through:
        return found
    unread = replace(readers.finding, name="spot-check")
    return replace(found, finding=gather(found.finding.name, (*found.finding.parts, unread)))


def guard(
    snapshot: Snapshot, policy: Policy, states: Sequence[ModelState], *, held: bool
) -> tuple[ModelState, ...]:
    """Return the states with no run started that nobody could sign or that costs too much.

    Nor is one started while the pull request is held.
    """
    if not any(state.dispatch for state in states):
        return tuple(states)
    if held:
        return tuple(_held(state) if state.dispatch is not None else state for state in states)
    found = lint(snapshot, policy, states)
    return tuple(
        _guarded(snapshot, policy, state, found) if state.dispatch is not None else state
        for state in states
    )


def _held(state: ModelState) -> ModelState:
    others = (part for part in state.finding.parts if part.name != "run")
    waits = Finding("run", Outcome.MISSING, command_messages.RUN_HELD)
    return replace(state, finding=gather(state.model, (*others, waits)), dispatch=None)


def _guarded(
    snapshot: Snapshot, policy: Policy, state: ModelState, found: OwnerLint | None
) -> ModelState:
    others = tuple(part for part in state.finding.parts if part.name != "run")
    if found is not None and not found.finding.outcome.lets_through:
        finding = gather(state.model, (found.finding, *others))
        return replace(state, finding=finding, pending=False, dispatch=None)
    remarks = (*state.remarks, *(found.remarks if found is not None else ()))
    state = replace(state, remarks=remarks)
    if state.dispatch is None or state.dispatch.workflow != FINETUNE or state.dispatch.reuse:
        return state
    facts = next(model for model in snapshot.models if model.name == state.model)
    recipe = documents.parse(Recipe, facts.recipe or "", f"{MODELS}/{state.model}/recipe.yml")
    asked = judge_budget(policy.budget, estimate(recipe, _train_bytes(facts), policy.budget))
    if asked.outcome.lets_through or _allowed(snapshot, policy, state.dispatch.asked):
        told = (asked.sentence,) if policy.budget.limits() else ()
        return replace(state, remarks=(*state.remarks, *told))
    sentence = asked.sentence
    if policy.budget.roles:
        sentence = command_messages.over_budget(sentence, snapshot.pull.head_sha)
    waits = Finding(asked.name, Outcome.MISSING, sentence)
    return replace(state, finding=gather(state.model, (*others, waits)), dispatch=None)


def _allowed(snapshot: Snapshot, policy: Policy, after: str) -> bool:
    """Return whether somebody who may spend more asked for this very commit, after a time."""
    may = holders(snapshot, policy.budget.roles)
    return comment_commands.train_asked(snapshot.comments, may, snapshot.pull.head_sha, after)


def _train_bytes(facts: ModelFacts) -> int | None:
    """Return the size of the training rows at head; None where the card does not name them."""
    try:
        name = parse_card(facts.dataset_card or "", "data/README.md").splits["train"]
    except (UserError, KeyError):
        return None
    return dict(facts.head_sizes).get(f"data/{name}")
