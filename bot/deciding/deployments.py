"""What is live: one deployment for each change of a pointer on the default branch.

Judged from state, not from push events: the newest deployment of a model must name the pointer that
the default branch holds now. A missed push is mended by the next look, a doubled one changes
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from bot.facts.actions import DEPLOY, Action, CreateDeployment, SetDeploymentStatus
from bot.github.api import Api, path
from bot.github.read.run_reader import Runs
from bot.github.read.tree_reader import Files
from policy.canonical import git_blob_sha
from policy.facts.pointer_history import read_pointer
from policy.governed import MODELS, is_model_name

State = Literal["in_progress", "success", "failure"]


@dataclass(frozen=True)
class Deployed:
    """The newest deployment of a model and, of its workflow run, what is known."""

    id: int
    pointer: str
    state: str = ""
    run_state: State | None = None
    run_url: str = ""


@dataclass(frozen=True)
class LiveModel:
    """A model's pointer at the default branch's head, and its newest deployment."""

    model: str
    pointer: str
    deployed: Deployed | None = None


@dataclass(frozen=True)
class BranchFacts:
    """The default branch at one moment."""

    head: str
    models: tuple[LiveModel, ...] = ()


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


def read_branch(api: Api, repository: str, branch: str, head: str) -> BranchFacts:
    """Return what the default branch's head holds and what was deployed."""
    files = Files(api, repository)
    tree = files.tree(head)
    found = []
    for name, blob in tree.below(MODELS):
        model, _, rest = name.partition("/")
        if rest == "pointer.json" and is_model_name(model):
            text = files.text(blob) or ""
            found.append(LiveModel(model, text, _newest(api, repository, branch, model)))
    return BranchFacts(head, tuple(found))


def _newest(api: Api, repository: str, branch: str, model: str) -> Deployed | None:
    base = path("repos", *repository.split("/")) + "/deployments"
    listed = api.get(base, {"environment": model, "task": "deploy", "per_page": 1})
    if not listed:
        return None
    item = listed[0]
    statuses = api.get(f"{base}/{item['id']}/statuses", {"per_page": 1})
    state = str(statuses[0]["state"]) if statuses else ""
    run = None
    if state not in ("success", "failure", "inactive"):
        run = Runs(api, repository, branch).on_push(DEPLOY, str(item["sha"]))
    return Deployed(
        id=int(item["id"]),
        pointer=str(_payload(item).get("pointer", "")),
        state=state,
        run_state=_state(run) if run else None,
        run_url=str(run["html_url"]) if run else "",
    )


def _payload(item: dict[str, Any]) -> dict[str, Any]:
    """Return a deployment's payload; GitHub gives back text where text was sent."""
    payload = item.get("payload")
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return {}
    return payload if isinstance(payload, dict) else {}


def _state(run: dict[str, Any]) -> State:
    if run["status"] != "completed":
        return "in_progress"
    return "success" if run.get("conclusion") == "success" else "failure"
