"""Writes to git: the release commit, and the proposal to go back."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.facts.actions import CommitRelease, FileChange, ProposeRollback
from bot.github.api import Api, ApiError, path, ref_path
from bot.github.read.tree_reader import Files
from policy.governed import CARDS, MODELS, POLICY_FILE, is_rule, pointer_path
from policy.people.further_paths import FurtherPaths, further_paths

log = logging.getLogger("countersign.bot")
UNDO_PLACES = ("countersign/", "countersign-", "countersign-rollbacks/")
"""Where the branch of a proposed rollback may be: the next one if somebody took the first."""


@dataclass(frozen=True)
class Applied:
    """What was written. `look_again`: the pull request is not what it was; read it again."""

    writes: int = 0
    look_again: bool = False
    refused: str = ""


class GitWriter:
    """Writes objects and refs of one repository."""

    def __init__(self, api: Api, repository: str) -> None:
        self._api = api
        self._owner = repository.partition("/")[0]
        self._base = path("repos", *repository.split("/"))
        self._files = Files(api, repository)

    def release(self, action: CommitRelease) -> Applied:
        """Add the release commit; only the last of the three writes can be seen by anybody."""
        commit = self._commit(action.parent, action.files, action.message)
        url = f"{self._base}/git/refs/heads/{ref_path(action.branch)}"
        try:
            self._api.write("PATCH", url, {"sha": commit, "force": False})
        except ApiError as error:
            if error.unknown or error.status in (404, 409, 422):
                log.info("%s: %s", action.branch, error)  # moved, or unclear: read again
                return Applied(2, look_again=error.status != 404, refused=error.message)
            raise
        return Applied(3, look_again=True)

    def undo(self, action: ProposeRollback) -> int:
        """Open the pull request that puts a model or the rules back, once for each commit.

        Nothing is proposed where that commit did not change them, or where they moved on since.
        """
        described = self._api.fixed(f"{self._base}/git/commits/{action.commit}")
        if described is None or not described["parents"]:
            return 0
        branch, tip = self._default_branch()
        before = self._files.tree(str(described["parents"][0]["sha"])).blobs
        moved, now = self._files.tree(action.commit).blobs, self._files.tree(tip).blobs
        further = further_paths(self._files.text(before.get(POLICY_FILE)))
        files = _undone(action.model, before, moved, now, further)
        if not files:
            return 0
        named = f"{action.model}-" if action.model else ""
        names = [place + f"undo-{named}{action.commit[:12]}" for place in UNDO_PLACES]
        if any(map(self._was_proposed, names)):
            return 0
        commit = self._commit(tip, files, f"{action.title}\n\n{action.body}")
        head = next((name for name in names if self._holds(name, commit)), "")
        if not head:
            log.error("no rollback is proposed: other branches are in the place of %s", names)
            return 2
        body = {"title": action.title, "body": action.body, "head": head, "base": branch}
        self._api.write("POST", f"{self._base}/pulls", body)
        return 4

    def _was_proposed(self, head: str) -> bool:
        """Return whether an App proposed a branch of this name; what people did does not count."""
        asked = {"head": f"{self._owner}:{head}", "state": "all"}
        listed = self._api.get(f"{self._base}/pulls", asked)
        return any((item.get("user") or {}).get("type") == "Bot" for item in listed)

    def _holds(self, head: str, commit: str) -> bool:
        """Return whether a branch has the files of a commit; it is created unless it is there.

        Anyone who may push can take the name first, for other files or for nothing but the place.
        """
        there = self._api.find(f"{self._base}/git/ref/heads/{head}")
        if there is not None:
            tip = str(there["object"]["sha"])
            return self._files.tree_of(tip) == self._files.tree_of(commit)
        try:
            body = {"ref": f"refs/heads/{head}", "sha": commit}
            self._api.write("POST", f"{self._base}/git/refs", body)
        except ApiError as error:
            if error.unknown or error.status != 422:
                raise
            return False
        return True

    def _default_branch(self) -> tuple[str, str]:
        branch = str(self._api.get(self._base)["default_branch"])
        answer = self._api.get(f"{self._base}/git/ref/heads/{ref_path(branch)}")
        return branch, str(answer["object"]["sha"])

    def _commit(self, parent: str, files: Iterable[FileChange], message: str) -> str:
        """Return the id of a new commit on top of `parent`; no ref points to it yet."""
        described = self._api.get(f"{self._base}/git/commits/{parent}")
        entries: list[dict[str, object]] = []
        for change in files:
            entry: dict[str, object] = {"path": change.path, "mode": "100644", "type": "blob"}
            if change.text is not None:
                entry["content"] = change.text
            else:
                entry["sha"] = change.blob
            entries.append(entry)
        tree = self._api.write(
            "POST",
            f"{self._base}/git/trees",
            {"base_tree": described["tree"]["sha"], "tree": entries},
        )
        commit = self._api.write(
            "POST",
            f"{self._base}/git/commits",
            {"message": message, "tree": tree["sha"], "parents": [parent]},
        )
        return str(commit["sha"])


def _undone(
    model: str,
    before: Mapping[str, str],
    moved: Mapping[str, str],
    now: Mapping[str, str],
    further: FurtherPaths,
) -> list[FileChange]:
    """Return the files that take back what a commit did; none if there is nothing to take back.

    `further` are the files next to models and rules that the policy before it governs.
    """
    paths = sorted(before.keys() | moved.keys() | now.keys())
    if not model:
        moves = [path for path in paths if before.get(path) != moved.get(path)]
        changed = [path for path in moves if is_rule(path) or further.governs(path)]
        still = [p for p in changed if now.get(p) == moved.get(p)]
        return [FileChange(path, blob=before.get(path)) for path in still]
    pointer = pointer_path(model)
    if moved.get(pointer) in (before.get(pointer), None) and pointer in now:
        return []
    if now.get(pointer) != moved.get(pointer):
        return []
    folders = (f"{MODELS}/{model}/", f"{CARDS}/{model}/")
    return [
        FileChange(path, blob=before.get(path))
        for path in paths
        if path.startswith(folders) and before.get(path) != now.get(path)
    ]
