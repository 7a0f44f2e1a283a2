"""What the bot may do, as plain values. Each is an upsert: doing it twice is doing it once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from policy.canonical import digest_of
from policy.facts.attempt import AttemptRecord
from policy.facts.look import LookRecord
from policy.people.merge_record import MergeRecord
from policy.people.sign_off_record import MeasuredRecord, SignOffRecord

Conclusion = Literal["success", "failure", "action_required"]
"""`neutral` and `skipped` are not here: GitHub counts them as passed."""


@dataclass(frozen=True)
class Annotation:
    """A remark at one line of a file."""

    path: str
    line: int
    message: str
    title: str = ""
    level: Literal["failure", "warning", "notice"] = "failure"


@dataclass(frozen=True)
class PostCheck:
    """The one required check of a head commit. No conclusion means that it is still in progress."""

    head: str
    conclusion: Conclusion | None
    title: str
    summary: str
    text: str = ""
    annotations: tuple[Annotation, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Return a digest of everything shown, kept in the check run's external id."""
        shown = [self.conclusion, self.title, self.summary, self.text]
        notes = [[n.path, n.line, n.message, n.title, n.level] for n in self.annotations]
        return digest_of([shown, notes])


@dataclass(frozen=True)
class UpsertComment:
    """The one comment, found by its marker and its author; `existing` is its id and its text."""

    number: int
    body: str
    existing: int | None = None
    shown: str = ""


@dataclass(frozen=True)
class DispatchRun:
    """A workflow run on the default branch, named by its key."""

    workflow: str
    ref: str
    model: str
    sha: str
    key: str
    incumbent: str | None = None
    reuse: str = ""
    """The digest of earlier evidence about the same proposal, whose outputs need no new run."""
    attempt: int = 1
    asked: str = ""
    """When this attempt was requested; permissions from before do not count."""
    after: int = 0
    """The newest run of that key that is already known; a run beyond it is this one."""

    @property
    def title(self) -> str:
        return run_title(self.workflow, self.model, self.key)

    @property
    def inputs(self) -> dict[str, str]:
        inputs = {"model": self.model, "sha": self.sha, "key": self.key}
        if self.workflow == FINETUNE:
            inputs["incumbent"] = self.incumbent or "none"
            if self.reuse:
                inputs["reuse"] = self.reuse
            if self.attempt > 1:
                inputs["attempt"] = str(self.attempt)
        return inputs


FINETUNE = "finetune.yml"
ROLLBACK = "rollback.yml"
DEPLOY = "deploy.yml"


def run_title(workflow: str, model: str, key: str) -> str:
    """Return the run-name that a workflow file gives to the run of one key."""
    return f"{workflow.removesuffix('.yml')} {model} {key}"


@dataclass(frozen=True)
class FileChange:
    """New text for a path, or an existing blob, or (neither) its removal."""

    path: str
    text: str | None = None
    blob: str | None = None


@dataclass(frozen=True)
class CommitRelease:
    """One commit on top of `parent`; refused by git's fast-forward rule once the branch moved."""

    branch: str
    parent: str
    message: str
    files: tuple[FileChange, ...]


@dataclass(frozen=True)
class Merge:
    """Merge the pull request, but only this head into this commit of the base branch."""

    number: int
    head: str
    base: str
    title: str
    method: Literal["merge", "squash"] = "merge"


@dataclass(frozen=True)
class MarkMerged:
    """How a merge was judged after it: a record, and a check of the merge commit for people.

    Only this App can post either.
    """

    record: MergeRecord
    title: str
    summary: str


@dataclass(frozen=True)
class OpenIncident:
    """An issue about one version of a model, or about the rules if `model` is empty.

    It is opened once, then left to people.
    """

    model: str
    version: str
    title: str
    body: str


@dataclass(frozen=True)
class CancelRun:
    """Stop a workflow run that is under way."""

    run: int


@dataclass(frozen=True)
class SetLabel:
    """A label of the pull request, there or not."""

    number: int
    label: str
    present: bool


@dataclass(frozen=True)
class Reply:
    """An answer to a command; its marker, the first line, is written once.

    `existing` is the id of the earlier answer that it replaces.
    """

    number: int
    marker: str
    body: str
    existing: int | None = None


@dataclass(frozen=True)
class OpenFreeze:
    """An issue that stops every promotion while it is open."""

    reason: str
    by: str
    pull: int


@dataclass(frozen=True)
class CloseFreeze:
    """End a freeze, or reopen one that somebody without permission closed."""

    number: int
    reopen: bool = False


@dataclass(frozen=True)
class RecordSignOff:
    """The signed record of who approved the head, as a tag on it; written before the check."""

    record: SignOffRecord


@dataclass(frozen=True)
class RecordMeasured:
    """The signed record of which evidence of a run key was seen first, as a tag on the head."""

    record: MeasuredRecord
    head: str


@dataclass(frozen=True)
class RecordAttempt:
    """The signed record of a request for another attempt; written before its run starts."""

    record: AttemptRecord
    head: str


@dataclass(frozen=True)
class RecordLook:
    """The signed record of a look at held-out rows; written before any of its figures is shown."""

    record: LookRecord
    head: str


@dataclass(frozen=True)
class ProposeRollback:
    """A pull request that puts a model back to what it was before a commit moved its pointer.

    If `model` is empty, it puts the rules back to what they were before the commit.
    """

    model: str
    commit: str
    title: str
    body: str


@dataclass(frozen=True)
class CreateDeployment:
    """A deployment of what a model's pointer on the default branch names."""

    sha: str
    model: str
    version: str
    artifact: str
    pointer: str


@dataclass(frozen=True)
class SetDeploymentStatus:
    """The state of a deployment, as its workflow run ended."""

    deployment: int
    state: Literal["in_progress", "success", "failure"]
    url: str


@dataclass(frozen=True)
class LookAgain:
    """Write nothing: the facts changed while they were judged. Read them again, and decide."""


Action = (
    LookAgain
    | PostCheck
    | UpsertComment
    | DispatchRun
    | CommitRelease
    | Merge
    | MarkMerged
    | OpenIncident
    | CancelRun
    | SetLabel
    | Reply
    | OpenFreeze
    | CloseFreeze
    | RecordSignOff
    | RecordMeasured
    | RecordAttempt
    | RecordLook
    | ProposeRollback
    | CreateDeployment
    | SetDeploymentStatus
)

ORDER: tuple[type[Action], ...] = (
    LookAgain,
    OpenIncident,  # People hear of what went wrong, whatever follows.
    ProposeRollback,
    SetLabel,  # What people stopped stays stopped.
    OpenFreeze,
    CloseFreeze,
    RecordLook,  # Records come before what relies on them.
    RecordMeasured,
    RecordAttempt,
    CancelRun,
    DispatchRun,  # After a start the facts are read again; the rest follows then.
    CommitRelease,  # So is a new head.
    RecordSignOff,  # A green check shows whose signature it relies on, so the record is there.
    PostCheck,
    UpsertComment,
    Reply,
    MarkMerged,  # It says that everything above is done.
    Merge,  # Last: everything that the merge relies on is on GitHub.
    CreateDeployment,
    SetDeploymentStatus,
)
"""The order of actions, and why. The writer may end after any of them: the next evaluation sees
what is done, and goes on."""


def in_order(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Return the actions in ORDER; several of one kind stay as they are."""
    return tuple(sorted(actions, key=lambda action: ORDER.index(type(action))))
