"""The facts about a branch's history that git has, frozen: all that the audit judges.

Texts are as they are in git, and untrusted. `None` means that there is no such file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from policy.files.people_rules import ChangeKind
from policy.people.sign_off_record import SignOffRecord

Relation = Literal["merged", "queued", "squashed", "other"]
"""How a commit on the branch took in the head that people signed: as its second parent; below a
merge queue's commit; as the same changes in one commit; or not at all."""


@dataclass(frozen=True)
class CommitFacts:
    """A commit of the branch. Names and times are its own claims."""

    id: str
    parents: tuple[str, ...]
    author: str
    committer: str
    at: str
    subject: str

    @property
    def is_merge(self) -> bool:
        return len(self.parents) > 1


@dataclass(frozen=True)
class Rules:
    """The rules in force at one commit."""

    policy: str | None = None
    owners: str | None = None
    owners_path: str = ""
    keys: tuple[tuple[str, str], ...] = ()
    """File name to PEM text, of the keys that were in force and are not revoked."""
    revoked: tuple[str, ...] = ()
    """The names of further keys there, which prove nothing at this commit or could not be read."""


@dataclass(frozen=True)
class PointerFile:
    """One state of pointer.json: its blob, and its text."""

    blob: str
    text: str


@dataclass(frozen=True)
class ModelMove:
    """What a pull request does to one model, from where it left the branch to its head."""

    model: str
    history: tuple[str | None, ...]
    before: str | None
    after: str | None
    kinds: frozenset[ChangeKind]


@dataclass(frozen=True)
class StoredRecord:
    """A tag below `refs/tags/countersign/`; `record` is what it claims, not yet verified."""

    tag: str
    target: str
    envelope: str
    record: SignOffRecord | None
    problem: str = ""


@dataclass(frozen=True)
class Candidate:
    """A stored record, paired with a commit of the branch that it may prove."""

    stored: StoredRecord
    record: SignOffRecord
    relation: Relation
    brought: str = ""
    """The commit that was merged; empty if this is no merge."""
    base_on_branch: bool = False
    """Whether the record's base is the commit before, or an earlier one of the branch."""
    moved_since: tuple[str, ...] = ()
    """Rules and pointers that the branch changed after the record's base, before the commit."""
    differing: tuple[str, ...] = ()
    """Governed files that the commit on the branch changed and that differ from the head's."""
    strays: tuple[str, ...] = ()
    """Files that the commit on the branch changed and the signed head does not change."""
    paths: tuple[str, ...] = ()
    """Everything that the head changes; of a rename both names."""
    models: tuple[ModelMove, ...] = ()
    head_tree: str = ""
    git_logins: frozenset[str] = frozenset()
    """People in the record (lower case) whose noreply addresses commits have as author or
    committer."""
    git_credited: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """People in the record (lower case) whom noreply addresses in trailers name, each with the
    commits that have one."""


@dataclass(frozen=True)
class CardEdit:
    """A record file of a released version that a later commit changed or removed."""

    path: str
    removed: bool
    commit: CommitFacts


@dataclass(frozen=True)
class StoredAttempt:
    """A tag that should hold a request for another attempt, or a look; not yet verified."""

    tag: str
    envelope: str


@dataclass(frozen=True)
class StoredMerge:
    """A tag that should hold how the bot judged a merge after it; not yet verified."""

    tag: str
    target: str
    envelope: str
    keys: tuple[tuple[str, str], ...]
    """The keys in force before the merge, and those that it brought."""


@dataclass(frozen=True)
class ChangeFacts:
    """One commit of the branch that changed one model's pointer."""

    model: str
    commit: CommitFacts
    rules: Rules
    """The rules at the commit before."""
    history: tuple[str | None, ...]
    """Every content that the pointer had before this commit, oldest first."""
    before: PointerFile | None
    after: PointerFile | None
    inputs: tuple[tuple[str, str], ...] = ()
    inputs_before: tuple[tuple[str, str], ...] = ()
    """The inputs at the commit before."""
    kinds: frozenset[ChangeKind] = frozenset()
    """What this commit changes of the model's inputs."""
    recipe: str | None = None
    irregular: tuple[str, ...] = ()
    evidence: bytes | None = None
    """The evidence file that the new pointer names, at this commit."""
    recorded: bytes | None = None
    """The same path at the commit before."""
    has_card: bool = False
    bom: bytes | None = None
    """The new version's bill of materials, at this commit."""
    candidates: tuple[Candidate, ...] = ()
    unreadable: tuple[str, ...] = ()
    """Tags on the merged commit without a readable record."""
    attempts: tuple[StoredAttempt, ...] = ()
    """Every tag of the clone for an attempt of this model."""
    looks: tuple[StoredAttempt, ...] = ()
    """Every tag of the clone for a look at this model's held-out rows."""
    edits: tuple[CardEdit, ...] = ()
    """Later changes to this version's card and evidence."""
    any_records: bool = False
    """Whether the clone has any record at all."""
    merge: StoredMerge | None = None


@dataclass(frozen=True)
class RuleFacts:
    """One commit of the branch that changed the rules themselves."""

    commit: CommitFacts
    paths: tuple[str, ...]
    rules: Rules
    candidates: tuple[Candidate, ...] = ()
    erased: str | None = None
    """The list of erased contents after this commit."""
    merge: StoredMerge | None = None


@dataclass(frozen=True)
class TipFacts:
    """One model as the branch's last commit has it."""

    model: str
    pointer: str | None
    inputs: tuple[tuple[str, str], ...]
    recipe: str | None
    evidence: bytes | None
    unsigned_inputs: tuple[CommitFacts, ...] = ()
    """Commits that changed inputs but not the pointer."""


@dataclass(frozen=True)
class KeyFacts:
    """A public key, and the commit that brought it in."""

    name: str
    pem: str
    since: CommitFacts


@dataclass(frozen=True)
class HistoryFacts:
    """Everything about one branch."""

    ref: str
    branch: str
    tip: CommitFacts
    commits: int
    changes: tuple[ChangeFacts, ...] = ()
    rules: tuple[RuleFacts, ...] = ()
    tips: tuple[TipFacts, ...] = ()
    keys: tuple[KeyFacts, ...] = ()
    unreadable: tuple[StoredRecord, ...] = ()
    stored: dict[str, bool] | None = None
    """Whether the registry has each version's file; None if no registry was asked."""
    elsewhere: tuple[StoredMerge, ...] = ()
    """What claims to be the judgement of a merge that the branch's first-parent line does not have;
    the keys are those at the tip."""
