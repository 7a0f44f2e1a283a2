"""Which commit and which pull request brought the pointers that the default branch has."""

from __future__ import annotations

from bot.facts.default_branch import Movement
from bot.github.api import Api, path
from bot.github.read.pointer_line import HistoryTooLongError, PointerLine
from bot.github.read.pull_reader import PullReader
from bot.github.read.tree_reader import Files
from policy.governed import MODELS, is_model_name, model_of, pointer_path


def read_movements(
    api: Api, repository: str, branch: str, head: str, pulls: PullReader
) -> tuple[Movement, ...]:
    """Return the commit that brought each model's pointer to the tip of a branch."""
    files, line = Files(api, repository), PointerLine(api, repository)
    tip = files.tree(head).blobs
    base = path("repos", *repository.split("/"))
    found = []
    for model in sorted({model_of(name) or "" for name in tip if name.startswith(MODELS + "/")}):
        if not is_model_name(model):
            continue
        commit = _moved(line, head, pointer_path(model))
        if commit and pulls.parents(commit):
            blob = tip.get(pointer_path(model))
            found.append(_movement(api, base, branch, model, commit, blob, pulls))
    return tuple(found)


def _moved(line: PointerLine, head: str, file: str) -> str:
    """Return the commit of the branch that gave a file its content; empty if none is known."""
    try:
        found = line.moments(head, file)
    except HistoryTooLongError as error:
        found = error.read
    return found[-1].commit if found else ""


def _movement(
    api: Api, base: str, branch: str, model: str, commit: str, blob: str | None, pulls: PullReader
) -> Movement:
    known = f"judged {base} {model} {commit}"
    if (number := api.recall(known)) is not None:
        return Movement(model, commit, number, judged=True)
    found = None
    for item in pulls.of_commit(commit):
        merge = str(item.get("merge_commit_sha") or "")
        if not item.get("merged_at") or item["base"]["ref"] != branch or not merge:
            continue
        if not _brought(api, base, model, merge, blob):
            continue
        found = int(item["number"])
        if pulls.mark(merge):
            api.remember(known, found)
            return Movement(model, commit, found, judged=True)
    return Movement(model, commit, found)


def _brought(api: Api, base: str, model: str, merge: str, blob: str | None) -> bool:
    """Return whether a merge gave the pointer its present content."""
    described = api.fixed(f"{base}/git/commits/{merge}")
    if described is None or not described["parents"]:
        return False
    files = Files(api, base.removeprefix("/repos/"))
    before = files.tree(str(described["parents"][0]["sha"])).blobs.get(pointer_path(model))
    return files.tree(merge).blobs.get(pointer_path(model)) == blob != before
