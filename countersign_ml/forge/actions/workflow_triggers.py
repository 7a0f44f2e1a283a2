"""Which workflow files an event starts, from which commit, and by which filters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from countersign_ml.forge.git import git_history
from countersign_ml.forge.git.bare_repository import ZERO
from countersign_ml.forge.state.account_records import Json
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Pull
from countersign_ml.forge.state.world_state import Event

FOLDER = ".github/workflows"
DEFAULT_TYPES = {
    "pull_request": ("opened", "synchronize", "reopened"),
    "pull_request_target": ("opened", "synchronize", "reopened"),
    "merge_group": ("checks_requested",),
}


@dataclass(frozen=True)
class Occasion:
    """One name under which an event may start workflows, and the commits that go with it.

    `source` is the commit of the workflow file, `sha` and `ref` are those of the run, `head_sha`
    and `branch` are what the API shows, `fork` is the id of the fork that the code comes from.
    """

    name: str
    source: str
    sha: str
    ref: str
    head_sha: str
    branch: str
    fork: int | None = None


def occasions(record: Repository, event: Event) -> list[Occasion]:
    """The occasions on which the event may start workflows; empty if it starts none."""
    default = f"refs/heads/{record.default_branch}"
    tip = record.store.ref(default)
    if event.name == "push":
        if event.sha == ZERO or event.ref.startswith("refs/pull/"):
            return []
        sha = record.store.resolve(event.sha) or event.sha
        branch = event.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        return [Occasion("push", sha, sha, event.ref, sha, branch)]
    if event.name == "merge_group":
        branch = event.ref.removeprefix("refs/heads/")
        return [Occasion("merge_group", event.sha, event.sha, event.ref, event.sha, branch)]
    pull = event.issue.pull if event.issue else None
    if event.name in ("pull_request", "pull_request_review") and pull and event.issue:
        return _of_pull(record, event, pull, event.issue.number)
    if tip is None:
        return []
    if event.name in ("deployment", "deployment_status"):
        return [Occasion(event.name, tip, event.sha, event.ref, event.sha, event.ref)]
    if event.name in ("issue_comment", "issues", "workflow_run", "check_run"):
        return [Occasion(event.name, tip, tip, default, tip, record.default_branch)]
    return []


def _of_pull(record: Repository, event: Event, pull: Pull, number: int) -> list[Occasion]:
    found = []
    base = record.store.ref(f"refs/heads/{pull.base}")
    # A closed pull request runs from its last trial merge; one with conflicts does not run at all.
    merge = pull.test_merge
    if merge is not None:
        found.append(
            Occasion(
                event.name,
                merge,
                merge,
                f"refs/pull/{number}/merge",
                pull.head_sha,
                pull.head,
                pull.fork,
            )
        )
    if event.name == "pull_request" and base is not None:
        found.append(
            Occasion(
                "pull_request_target",
                base,
                base,
                f"refs/heads/{pull.base}",
                pull.head_sha,
                pull.head,
            )
        )
    return found


def wants(record: Repository, occasion: Occasion, filters: Json, event: Event) -> bool:
    """Whether the filters under `on:` match this event."""
    types = filters.get("types", DEFAULT_TYPES.get(occasion.name))
    types = [types] if isinstance(types, str) else types
    if types is not None and event.action is not None and event.action not in types:
        return False
    if occasion.name == "merge_group":
        base = event.payload["merge_group"]["base_ref"].removeprefix("refs/heads/")
        return _names(filters, "branches", base)
    if occasion.name == "push":
        return _push(filters, event) and _paths(filters, _pushed(record, event))
    if occasion.name in ("pull_request", "pull_request_target") and event.issue:
        pull = event.issue.pull
        assert pull is not None
        return _names(filters, "branches", pull.base) and _paths(filters, _changed(record, pull))
    if occasion.name == "workflow_run" and event.run is not None:
        names = filters.get("workflows", [])
        names = [names] if isinstance(names, str) else names
        return event.run.workflow.name in names and _names(filters, "branches", event.run.branch)
    return True


def _push(filters: Json, event: Event) -> bool:
    if event.ref.startswith("refs/tags/"):
        if any(k in filters for k in ("tags", "tags-ignore")):
            return _names(filters, "tags", event.ref.removeprefix("refs/tags/"))
        return not any(k in filters for k in ("branches", "branches-ignore"))
    if any(k in filters for k in ("branches", "branches-ignore")):
        return _names(filters, "branches", event.ref.removeprefix("refs/heads/"))
    return not any(k in filters for k in ("tags", "tags-ignore"))


def _names(filters: Json, key: str, name: str) -> bool:
    if key in filters:
        return matches(_list(filters[key]), name)
    ignored = _list(filters.get(f"{key}-ignore"))
    return not (ignored and matches(ignored, name))


def _paths(filters: Json, files: Sequence[str]) -> bool:
    if "paths" in filters:
        return any(matches(_list(filters["paths"]), path) for path in files)
    ignored = _list(filters.get("paths-ignore"))
    return not ignored or any(not matches(ignored, path) for path in files)


def _list(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(each) for each in value]


def _pushed(record: Repository, event: Event) -> list[str]:
    if event.before == ZERO:
        tip = record.store.ref(f"refs/heads/{record.default_branch}")
        base = git_history.merge_base(record.store, tip, event.sha) if tip else None
        old = None if base == event.sha else base
    else:
        old = event.before
    return _both_names(git_history.changes(record.store, old, event.sha, patches=False))


def _changed(record: Repository, pull: Pull) -> list[str]:
    base = git_history.merge_base(record.store, pull.base_sha, pull.head_sha)
    return _both_names(git_history.changes(record.store, base, pull.head_sha, patches=False))


def _both_names(files: Sequence[git_history.FileChange]) -> list[str]:
    return [path for each in files for path in (each.path, each.previous) if path]


def matches(patterns: Sequence[str], name: str) -> bool:
    """Apply GitHub's filter patterns: the last match decides, `!` excludes."""
    verdict = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if _pattern(pattern.removeprefix("!")).fullmatch(name):
            verdict = not negated
    return verdict


def _pattern(pattern: str) -> re.Pattern[str]:
    out, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            out, at = out + ".*", at + 2
        elif pattern[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif pattern[at] in "?+":
            out, at = out + pattern[at], at + 1
        elif pattern[at] == "[" and "]" in pattern[at:]:
            end = pattern.index("]", at)
            out, at = out + pattern[at : end + 1], end + 1
        else:
            out, at = out + re.escape(pattern[at]), at + 1
    return re.compile(out)
