"""Which commit and which pull request brought the pointers that the default branch has."""

from __future__ import annotations

from typing import Any

from bot.facts.default_branch import Movement
from bot.github.api import Api, path
from bot.github.read.pull_reader import PullReader
from bot.github.read.tree_reader import Files
from policy.governed import MODELS, is_model_name, model_of, pointer_path


def read_movements(
    api: Api, repository: str, branch: str, head: str, pulls: PullReader
) -> tuple[Movement, ...]:
    """Return the commit that brought each model's pointer to the tip of a branch."""
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
