"""What GitHub remembers of a repository's threads: plain mutable records, no behaviour.

Everything here lives behind `World.lock`. Times are seconds since the epoch, by the world's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from countersign_ml.forge.state.world_state import Repository

Json = dict[str, Any]


@dataclass
class Account:
    """A user, an organisation, or an App's bot."""

    id: int
    login: str
    kind: Literal["User", "Organization", "Bot"]
    name: str
    email: str
    token: str
    created: float

    @property
    def noreply(self) -> str:
        """The address GitHub writes into commits made in this account's name."""
        return f"{self.id}+{self.login}@users.noreply.github.com"


@dataclass
class Team:
    """A team of an organisation; `members` maps a login to `member` or `maintainer`."""

    id: int
    org: str
    slug: str
    name: str
    members: dict[str, str]
    created: float


@dataclass
class App:
    """A GitHub App with its single installation."""

    id: int
    slug: str
    name: str
    bot: Account
    private_key_pem: str
    public_key_pem: str
    installation_id: int
    webhook_url: str | None
    webhook_secret: str
    events: list[str]
    permissions: dict[str, str]
    created: float
    account: str | None = None

    @property
    def app_id(self) -> int:
        """The number that goes into a JWT's `iss`."""
        return self.id


@dataclass
class Token:
    """A bearer secret; an App's token carries the permissions it was given."""

    value: str
    account: Account
    app: App | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    repositories: frozenset[int] | None = None
    expires: float | None = None
    quiet: bool = False  # a workflow's GITHUB_TOKEN: its events start no workflows


@dataclass
class Comment:
    """An issue comment; a pull request's conversation holds the same kind."""

    id: int
    author: Account
    body: str
    created: float
    updated: float
    app: App | None = None


@dataclass
class Review:
    """One submitted (or pending) review, bound to the commit it saw."""

    id: int
    author: Account
    body: str
    state: str
    commit: str
    submitted: float | None
    dismissal: str = ""


@dataclass
class Note:
    """A line of the timeline that is neither comment nor review: closed, merged, retargeted."""

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
    """What a pull request has beyond its issue."""

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
    fork: Repository | None = None  # where the head branch lies, when it is not here


@dataclass
class Issue:
    """An issue, or with `pull` a pull request: GitHub numbers both in one row."""

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
class CheckRun:
    """A check run of one App on one commit."""

    id: int
    suite: int
    sha: str
    name: str
    app: App
    status: str
    conclusion: str | None = None
    external_id: str = ""
    details_url: str | None = None
    started: float | None = None
    completed: float | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Json] = field(default_factory=list)


@dataclass
class Status:
    """A commit status: the older, forgeable cousin of a check run."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: Account
    created: float


@dataclass
class DeploymentStatus:
    """One step in the life of a deployment."""

    id: int
    state: str
    description: str
    environment: str
    log_url: str
    environment_url: str
    creator: Account
    created: float


@dataclass
class Deployment:
    """Someone asked for `sha` to run in `environment`."""

    id: int
    sha: str
    ref: str
    task: str
    environment: str
    payload: Any
    description: str | None
    creator: Account
    created: float
    transient: bool
    production: bool
    app: App | None = None
    statuses: list[DeploymentStatus] = field(default_factory=list)


@dataclass
class QueueEntry:
    """A pull request in a merge queue, and the group commit that is being checked for it."""

    number: int
    by: Account
    ref: str = ""
    base_sha: str = ""
    head_sha: str = ""


@dataclass
class RequiredCheck:
    """A status check that a branch's rules ask for; `app_id` pins who may post it."""

    context: str
    app_id: int | None
