"""What is live: one deployment for each change of a pointer on the default branch.

Judged from state, not from push events: the newest deployment of a model must name the pointer that
the default branch holds now. The next look makes up for a missed push, and a doubled push changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.facts.actions import Action, CreateDeployment, SetDeploymentStatus
from bot.facts.default_branch import BranchFacts, LiveModel
from policy.canonical import git_blob_sha
from policy.facts.pointer_history import read_pointer


def decide_branch(facts: BranchFacts) -> tuple[Action, ...]:
    """Return the deployments and statuses that are not yet as they should be. Pure."""
    return tuple(action for model in facts.models for action in _of_model(facts.head, model))


def _of_model(head: str, live: LiveModel) -> Iterator[Action]:
    pointer = read_pointer(live.pointer)
    if pointer is None:
        return
    blob = git_blob_sha(live.pointer.encode())
    deployed = live.deployed
    if deployed is None or deployed.pointer != blob:
        yield CreateDeployment(head, live.model, pointer.version, pointer.artifact.digest, blob)
    elif deployed.run_state is not None and deployed.run_state != deployed.state:
        yield SetDeploymentStatus(deployed.id, deployed.run_state, deployed.run_url)
