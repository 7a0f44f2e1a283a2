"""The facts of a merge group: what a merge queue would merge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.facts.snapshot import PostedCheck, Snapshot

_REF = re.compile(r"gh-readonly-queue/.+/pr-(\d+)-[0-9a-f]{40}")
Blobs = Mapping[str, str]


@dataclass(frozen=True)
class GroupFacts:
    """One merge group: its pull request, and the files (path to blob) of four commits."""

    ref: str
    head: str
    snapshot: Snapshot
    group: Blobs
    onto: Blobs
    """What the group builds on: the base branch's tip, or the group before it."""
    tip: Blobs
    """The tip of the base branch that the pull request was judged against."""
    pull: Blobs
    checks: tuple[PostedCheck, ...] = ()


def pull_of(ref: str) -> int | None:
    """Return the number of the pull request that a merge group's branch belongs to."""
    match = _REF.fullmatch(ref)
    return int(match[1]) if match else None
