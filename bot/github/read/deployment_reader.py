"""What is on the default branch, and which deployments of it exist."""

from __future__ import annotations

import json
from typing import Any

from bot.facts.actions import DEPLOY
from bot.facts.default_branch import BranchFacts, Deployed, DeploymentState, LiveModel
from bot.github.api import Api, path
from bot.github.read.run_reader import Runs
from bot.github.read.tree_reader import Files
from policy.governed import MODELS, is_model_name


def read_branch(api: Api, repository: str, branch: str, head: str) -> BranchFacts:
    """Return the pointers at the default branch's head and what was deployed."""
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
    """Return a deployment's payload; GitHub returns text if text was sent."""
    payload = item.get("payload")
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return {}
    return payload if isinstance(payload, dict) else {}


def _state(run: dict[str, Any]) -> DeploymentState:
    if run["status"] != "completed":
        return "in_progress"
    return "success" if run.get("conclusion") == "success" else "failure"
