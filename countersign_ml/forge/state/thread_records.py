"""Issues and pull requests: comments, reviews, events, and places in a merge queue."""

from __future__ import annotations

from dataclasses import dataclass, field

from countersign_ml.forge.state.account_records import Account, App, Json


@dataclass
class Comment:
    """A comment on an issue or in a pull request's conversation."""

    id: int
    author: Account
    body: str
    created: float
    updated: float
    app: App | None = None


@dataclass
class Review:
    """One submitted or pending review, bound to the commit that was reviewed."""

    id: int
    author: Account
    body: str
    state: str
    commit: str
    submitted: float | None
    dismissal: str = ""


@dataclass
class Note:
    """A line of the timeline other than comments and reviews: closed, merged, retargeted."""

    at: float
    actor: str
    text: str


@dataclass(frozen=True)
class ThreadEvent:
    """One entry of a thread's events, as the API lists them; nobody can change it."""

    id: int
    name: str
    actor: Account
    at: float
    app: App | None = None
    commit: str | None = None
    details: Json = field(default_factory=dict)


@dataclass
class Pull:
    """What a pull request has in addition to its issue."""

    id: int
    head: str
    head_sha: str
    base: str
    base_sha: str
    draft: bool = False
    reviews: list[Review] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    team_reviewers: list[str] = field(default_factory=list)
    mergeable: bool | None = None
    unknown_reads: int = 0
    test_merge: str | None = None
    merged_at: float | None = None
    merged_by: Account | None = None
    merge_commit: str | None = None
    head_deleted: bool = False
    maintainer_can_modify: bool = False
    fork: int | None = None  # id of the repository with the head branch, if it is a fork


@dataclass
class Issue:
    """An issue, or a pull request if `pull` is set: GitHub numbers both in one sequence."""

    id: int
    number: int
    title: str
    body: str | None
    author: Account
    created: float
    updated: float
    state: str = "open"
    state_reason: str | None = None
    closed: float | None = None
    closed_by: Account | None = None
    labels: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    comments: dict[int, Comment] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    events: list[ThreadEvent] = field(default_factory=list)
    app: App | None = None
    pull: Pull | None = None


@dataclass
class QueueEntry:
    """A pull request in a merge queue, and the group commit that is being checked for it."""

    number: int
    by: Account
    ref: str = ""
    base_sha: str = ""
    head_sha: str = ""
