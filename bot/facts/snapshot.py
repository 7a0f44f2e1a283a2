"""Everything one decision depends on, frozen: what GitHub said of one pull request at one moment.

`decide` sees nothing else. No object of the API client is in here, so that a test can build a
snapshot by hand; what is read late is behind an interface of two questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from bot.facts.late import LateFacts
from bot.facts.model_facts import ModelFacts
from bot.facts.proposed import Proposed, proposed_of
from policy.governed import is_rule
from policy.people.further_paths import further_paths
from policy.people.sign_off import Review

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
    co_authors: tuple[str, ...] = ()
    """Logins that `Co-authored-by` trailers name."""
    credited: tuple[str, ...] = ()
    """E-mails in such trailers that belong to no account, or that nobody looked up."""


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
        """Return whether it was changed after it was written."""
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
class PostedCheck:
    """A check run that this App posted for the head."""

    id: int
    status: str
    conclusion: str | None
    fingerprint: str
    annotations: int = 0


@dataclass(frozen=True)
class Incident:
    """An issue that this App opened about one version of a model."""

    number: int
    model: str
    version: str
    url: str


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
    """The commit that merged it; while it is open, GitHub's test merge."""
    merged_by: str = ""
    merged_at: str = ""
    """When it was merged (RFC 3339, UTC)."""
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
    late: LateFacts
    """What is read only when it matters."""
    web: str = "https://github.com"
    files: tuple[ChangedFile, ...] = ()
    files_truncated: bool = False
    merge_unknown: bool = False
    """Whether GitHub has no test merge of exactly this head and the tip of the base branch."""
    unlike: tuple[str, ...] = ()
    """Governed paths that the merge would change otherwise than the head's changes show."""
    commits: tuple[Commit, ...] = ()
    commits_truncated: bool = False
    reviews: tuple[Review, ...] = ()
    comments: tuple[Comment, ...] = ()
    checks: tuple[PostedCheck, ...] = ()
    """Oldest first."""
    mark: str = ""
    """How this App judged the merge, from the check of the merge commit: a conclusion, or empty."""
    head_remains: bool = True
    """Whether the merge commit has the head as a parent, so that no other pull request can."""
    shared: bool = False
    """Whether another open pull request to the default branch has the same head; read only if this
    one can never merge and its head is green."""
    writers: frozenset[str] = frozenset()
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    assistants: tuple[str, ...] = ()
    """The e-mails of coding assistants that the base branch's policy lists."""
    teams: Mapping[str, frozenset[str]] = field(default_factory=dict)
    policy: str | None = None
    codeowners: str | None = None
    codeowners_path: str = ".github/CODEOWNERS"
    codeowners_is_link: bool = False
    links: tuple[str, ...] = ()
    """Changed paths at head that are a link or a submodule, and should be a model's folder or a
    further file that the policy governs."""
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
    """Commit to tree, if the policy needs it: the head, and the approved commits that left the base
    branch where the head did."""
    keys: tuple[str, ...] = ()
    """The public keys (PEM) on the base branch."""
    revoked_keys: str | None = None
    """The list of revoked keys there, if any."""
    own_key: str = ""
    """The public key (PEM) that this bot signs with."""

    @property
    def from_fork(self) -> bool:
        return self.pull.head_repository != self.repository

    @property
    def rules_changed(self) -> tuple[str, ...]:
        """Return the changed paths that decide how proposals are judged."""
        return tuple(path for path in self.paths if is_rule(path))

    @cached_property
    def further_changed(self) -> tuple[str, ...]:
        """Return the changed paths that the base branch's policy governs by `sign_off.paths`."""
        return tuple(filter(further_paths(self.policy).governs, self.paths))

    @property
    def paths(self) -> tuple[str, ...]:
        """Return every changed path, old and new names of a rename both."""
        named = (name for file in self.files for name in (file.path, file.previous) if name)
        return tuple(dict.fromkeys(named))

    @cached_property
    def proposals(self) -> Mapping[str, Proposed]:
        """What the pull request proposes for each model, by the model's name."""
        return {
            facts.name: proposed_of(facts, self.paths, self.pull.number) for facts in self.models
        }
