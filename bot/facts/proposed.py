"""What a pull request proposes for one model: a new version or a rollback, and its run key.

Computed in this one place, from files alone. Reading needs it to know which runs to read, deciding
to judge them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.facts.model_facts import ModelFacts
from policy.canonical import digest_of
from policy.errors import Problem, UserError
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import read_pointer, was_live
from policy.facts.proposal import Proposal, run_key
from policy.files.recipe import proposed
from policy.governed import pointer_path


@dataclass(frozen=True)
class Proposed:
    """What one pull request proposes for one model.

    `proposal` is None if the recipe cannot be read; `problems` says why. `key` names the run that
    measures it, and is empty if there is nothing to measure.
    """

    kind: Literal["promote", "rollback"]
    proposal: Proposal | None
    problems: tuple[Problem, ...]
    key: str
    live: Pointer | None
    target: Pointer | None
    """The pointer at the head, if it can be read."""

    @property
    def incumbent(self) -> str | None:
        """Return the digest of the artifact that is live on the base branch."""
        return self.live.artifact.digest if self.live else None

    @property
    def digest(self) -> str:
        """Return the proposal digest; empty if the recipe cannot be read."""
        return self.proposal.digest if self.proposal else ""

    def key_of(self, attempt: int) -> str:
        """Return the run key of one attempt; empty if the recipe cannot be read."""
        return run_key(self.digest, self.incumbent, attempt) if self.digest else ""


def proposed_of(facts: ModelFacts, paths: Sequence[str], pull: int) -> Proposed:
    """Return what a pull request that changes `paths` proposes for one model."""
    kind: Literal["promote", "rollback"] = "rollback" if _goes_back(facts, paths) else "promote"
    live, target = read_pointer(facts.base_pointer), read_pointer(facts.head_pointer)
    proposal: Proposal | None = None
    problems: tuple[Problem, ...] = ()
    try:
        proposal = head_proposal(facts)
    except UserError as error:
        problems = tuple(error.problems)
    incumbent = live.artifact.digest if live else None
    key = ""
    if kind == "rollback":
        key = rollback_key(target.artifact.digest, incumbent, pull) if target else ""
    elif proposal is not None:
        key = run_key(proposal.digest, incumbent)
    return Proposed(kind, proposal, problems, key, live, target)


def head_proposal(facts: ModelFacts, runner_version: str | None = None) -> Proposal:
    """Return the proposal at head, as this side computes it; UserError if its recipe is broken."""
    known = {} if runner_version is None else {"runner_version": runner_version}
    return proposed(facts.name, facts.head_inputs, facts.recipe, **known)


def rollback_key(target: str, live: str | None, pull: int) -> str:
    """Return the run key of one rollback: the target's artifact, the live one, the pull request.

    The pull request's number makes a later rollback between the same two versions another one, so
    that an artifact that was complete last spring is verified again.
    """
    return digest_of(["rollback", target, live, pull]).removeprefix("sha256:")[:16]


def _goes_back(facts: ModelFacts, paths: Sequence[str]) -> bool:
    """Return whether this moves the pointer to what was live before: recognised by content."""
    return (
        pointer_path(facts.name) in paths
        and facts.base_pointer is not None
        and facts.fork_pointer == facts.base_pointer
        and was_live(facts.head_pointer, facts.history, facts.base_pointer)
        and not _is_a_fresh_release(facts)
    )


def _is_a_fresh_release(facts: ModelFacts) -> bool:
    """Return whether the head's pointer names the live version as its predecessor."""
    head, live = read_pointer(facts.head_pointer), read_pointer(facts.base_pointer)
    if head is None or live is None or head.predecessor is None:
        return False
    return (head.predecessor.version, head.predecessor.artifact) == (
        live.version,
        live.artifact.digest,
    )
