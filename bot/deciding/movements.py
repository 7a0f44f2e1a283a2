"""Watching the default branch: who moved a pointer, and whether this process did.

Judged from state, not from push events: the commit that a pointer's content came with must belong
to a pull request that was merged with a green check, and whose head holds that very content.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.deciding.after_merge import undo, unsanctioned
from bot.facts.actions import Action, OpenIncident
from bot.github.api import Api, path
from bot.github.read.pull_reader import PullReader
from bot.github.read.tree_reader import Files
from bot.report import letters
from policy.governed import MODELS, is_model_name, model_of, pointer_path


@dataclass(frozen=True)
class Movement:
    """The commit that brought what a pointer on the default branch says now.

    `pull` is the merged pull request that it belongs to, `merge` the commit that merged it.
    """

    model: str
    commit: str
    sanctioned: bool
    pull: int | None = None
    merge: str = ""


def decide_movements(movements: tuple[Movement, ...]) -> tuple[Action, ...]:
    """Return an incident and a way back for every pointer that moved without this process. Pure."""
    return tuple(action for m in movements if not m.sanctioned for action in _unsanctioned(m))


def _unsanctioned(movement: Movement) -> Iterator[Action]:
    model, commit = movement.model, movement.merge or movement.commit
    if movement.pull is not None:
        yield from unsanctioned(model, movement.pull, "", movement.merge)
        return
    yield OpenIncident(
        model=model,
        version=f"push-{commit[:12]}",
        title=letters.pushed_title(model, commit),
        body=letters.pushed_body(model, commit),
    )
    yield undo(model, commit)


def read_movements(
    api: Api, repository: str, branch: str, head: str, pulls: PullReader
) -> tuple[Movement, ...]:
    """Return how every model's pointer came to the tip of a branch, where a commit moved it."""
    files = Files(api, repository)
    tip = files.tree(head).blobs
    base = path("repos", *repository.split("/"))
    found = []
    for model in sorted({model_of(name) or "" for name in tip if name.startswith(MODELS + "/")}):
        if not is_model_name(model):
            continue
        asked = {"sha": head, "path": pointer_path(model), "per_page": 1}
        listed = api.fixed(f"{base}/commits", asked)
        if listed and listed[0]["parents"]:
            blob = tip.get(pointer_path(model))
            found.append(_movement(api, base, branch, model, str(listed[0]["sha"]), blob, pulls))
    return tuple(found)


def _movement(
    api: Api, base: str, branch: str, model: str, commit: str, blob: str | None, pulls: PullReader
) -> Movement:
    known = f"sanctioned {base} {model} {commit}"
    if api.recall(known):
        return Movement(model, commit, sanctioned=True)
    merged: Any = None
    for item in api.pages(f"{base}/commits/{commit}/pulls", most=3):
        if not item.get("merged_at") or item["base"]["ref"] != branch:
            continue
        merged = item
        head = str(item["head"]["sha"])
        checks = pulls.checks(head)
        green = bool(checks) and checks[-1].conclusion == "success"
        held = Files(api, base.removeprefix("/repos/")).tree(head).blobs.get(pointer_path(model))
        if green and held == blob:
            api.remember(known)
            return Movement(model, commit, sanctioned=True)
    if merged is None:
        return Movement(model, commit, sanctioned=False)
    return Movement(
        model, commit, False, int(merged["number"]), str(merged.get("merge_commit_sha") or "")
    )
