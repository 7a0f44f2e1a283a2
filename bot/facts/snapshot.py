"""Everything one decision depends on, frozen: what GitHub said at one moment of one pull request.

`decide` sees nothing else. No object of the API client gets in here, so that a snapshot can be
built by hand in a test and compared, printed and stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from policy.facts.attempt import AttemptRecord
from policy.governed import is_rule
from policy.people.sign_off import Review

__all__ = [
    "AskedAttempt",
    "ChangedFile",
    "Comment",
    "Commit",
    "Freeze",
    "FreezeFacts",
    "Incident",
    "IssueEvent",
    "ModelFacts",
    "PostedCheck",
    "PullFacts",
    "Review",
    "Run",
    "Snapshot",
]

MAX_FILES = 3000
"""GitHub lists at most this many changed files of a pull request."""
MAX_COMMITS = 250
"""GitHub lists at most this many commits of a pull request."""


@dataclass(frozen=True)
class ChangedFile:
    """A path that the pull request changes; `previous` is its old name after a rename."""

    path: str
    previous: str | None = None


@dataclass(frozen=True)
class Commit:
    """Who made a commit: logins, and names or e-mails that belong to no account."""

    sha: str
    logins: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comment:
    """One comment of the conversation; `by_bot` says that this App wrote it."""

    id: int
    author: str
    by_bot: bool
    body: str
    created: str = ""
    updated: str = ""

    @property
    def edited(self) -> bool:
        """Return whether somebody changed it after it was written."""
        return bool(self.updated) and self.updated != self.created


@dataclass(frozen=True)
class IssueEvent:
    """Something that happened to the pull request; GitHub keeps these, and nobody can edit them."""

    kind: str
    actor: str
    created: str
    label: str = ""
    review: int = 0
    """The id of the review that was dismissed."""
    was: str = ""
    """What that review said before, such as `changes_requested`."""


@dataclass(frozen=True)
class Freeze:
    """The newest issue by which this App froze all promotions, and who closed it, if anybody."""

    number: int
    reason: str
    created: str
    is_open: bool
    closed_by: str = ""
    closed: str = ""


@dataclass(frozen=True)
class FreezeFacts:
    """That the freeze was looked up; `newest` is None where there never was one."""

    newest: Freeze | None = None


@dataclass(frozen=True)
class PostedCheck:
    """A check run that this App posted for the head."""

    id: int
    status: str
    conclusion: str | None
    fingerprint: str
    annotations: int = 0


@dataclass(frozen=True)
class Run:
    """A workflow run as the API describes it; `evidence` is its artifact's content, if any.

    A run that was started again is listed once for each artifact that its attempts left.
    """

    id: int
    path: str
    title: str
    event: str
    branch: str
    repository: str
    status: str
    conclusion: str | None
    created: str
    url: str
    actor: str = ""
    """Who started it first; who started it again is another fact."""
    attempt: int = 1
    artifact: int = 0
    """The id of the artifact; ids grow, so they tell which evidence was written first."""
    evidence: bytes | None = None
    problem: str = ""
    """Why the artifact could not be read, in a sentence."""


@dataclass(frozen=True)
class Incident:
    """An issue that this App opened about one version of a model."""

    number: int
    model: str
    version: str
    url: str


@dataclass(frozen=True)
class AskedAttempt:
    """An attempt that somebody asked for, and which evidence of it was seen first."""

    record: AttemptRecord
    measured: str = ""
    foreign: str = ""
    """The tag that should hold that, where it holds something else."""


@dataclass(frozen=True)
class ModelFacts:
    """One governed model as head and base branch have it. Paths are below the model's folders."""

    name: str
    head_inputs: tuple[tuple[str, str], ...] = ()
    base_inputs: tuple[tuple[str, str], ...] = ()
    fork_inputs: tuple[tuple[str, str], ...] = ()
    """The inputs at the commit where the pull request left the base branch; of a merged one, at the
    commit that it was merged onto."""
    irregular: tuple[str, ...] = ()
    """Entries at head that are no plain files: links and submodules."""
    recipe: str | None = None
    dataset_card: str | None = None
    base_recipe: str | None = None
    base_dataset_card: str | None = None
    head_cards: tuple[tuple[str, str], ...] = ()
    base_cards: tuple[tuple[str, str], ...] = ()
    fork_cards: tuple[tuple[str, str], ...] = ()
    head_pointer: str | None = None
    base_pointer: str | None = None
    fork_pointer: str | None = None
    head_evidence: str | None = None
    """The evidence file at head that the head's pointer names."""
    recorded: str | None = None
    """The evidence file on the base branch that the head's pointer names."""
    recorded_blob: str | None = None
    live_record: str | None = None
    """The evidence file on the base branch that the live pointer names."""
    history: tuple[str | None, ...] = ()
    """Every content the pointer had on the base branch, oldest first; None where it was absent."""
    history_dates: tuple[str, ...] = ()
    """When the base branch got each of them (RFC 3339, UTC)."""
    head_sizes: tuple[tuple[str, int], ...] = ()
    """The size in bytes of each input at head."""
    runs: tuple[Run, ...] = ()
    measured: str = ""
    """The digest of the evidence of the present run key that was seen first, by our own record."""
    measured_foreign: str = ""
    """The tag that should hold it, where it holds something else."""
    attempts: tuple[AskedAttempt, ...] = ()
    """The attempts after the first of the present proposal, by number."""
    attempts_foreign: str = ""
    """A tag in the place of such a record that this bot did not sign."""


@dataclass(frozen=True)
class PullFacts:
    """The pull request itself."""

    number: int
    title: str
    author: str
    author_can_write: bool
    head_sha: str
    head_ref: str
    head_repository: str | None
    """`owner/name`; None when the fork was deleted."""
    base_ref: str
    base_sha: str
    state: Literal["open", "closed"] = "open"
    draft: bool = False
    merged: bool = False
    merge_sha: str | None = None
    merged_by: str = ""
    mergeable: bool | None = None
    squash_only: bool = False
    body: str = ""
    """What the author wrote."""


@dataclass(frozen=True)
class Snapshot:
    """One pull request and all that a verdict about it rests on."""

    repository: str
    default_branch: str
    bot: str
    pull: PullFacts
    web: str = "https://github.com"
    files: tuple[ChangedFile, ...] = ()
    files_truncated: bool = False
    commits: tuple[Commit, ...] = ()
    commits_truncated: bool = False
    reviews: tuple[Review, ...] = ()
    comments: tuple[Comment, ...] = ()
    checks: tuple[PostedCheck, ...] = ()
    """Oldest first."""
    writers: frozenset[str] = frozenset()
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    teams: Mapping[str, frozenset[str]] = field(default_factory=dict)
    policy: str | None = None
    codeowners: str | None = None
    codeowners_path: str = ".github/CODEOWNERS"
    codeowners_is_link: bool = False
    links: tuple[str, ...] = ()
    """Changed paths at head where a model's folder belongs, and a link or submodule stands."""
    models: tuple[ModelFacts, ...] = ()
    now: str = ""
    """When these facts were read (RFC 3339, UTC)."""
    base_head: str = ""
    """The commit at the tip of the base branch."""
    head_policy: str | None = None
    events: tuple[IssueEvent, ...] = ()
    """Oldest first."""
    labels: frozenset[str] = frozenset()
    trees: Mapping[str, str] = field(default_factory=dict)
    """Commit to tree, only where asked: the head, and the commits that somebody approved and that
    left the base branch where the head did."""
    keys: tuple[str, ...] = ()
    """The public keys (PEM) that the base branch holds."""
    own_key: str = ""
    """The public key (PEM) that this bot signs with."""
    freeze: FreezeFacts | None = None
    """None: not looked up."""

    @property
    def from_fork(self) -> bool:
        return self.pull.head_repository != self.repository

    @property
    def rules_changed(self) -> tuple[str, ...]:
        """Return the changed paths that decide how proposals are judged."""
        return tuple(path for path in self.paths if is_rule(path))

    @property
    def paths(self) -> tuple[str, ...]:
        """Return every changed path, old and new names of a rename both."""
        named = (name for file in self.files for name in (file.path, file.previous) if name)
        return tuple(dict.fromkeys(named))
