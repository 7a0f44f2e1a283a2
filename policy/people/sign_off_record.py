"""The sign-off record: who approved which commit under which rules, kept in git, signed by the bot.

The bot writes it before its check turns green, as the message of an annotated tag on the approved
head. Every clone has the tags, so an auditor does not need GitHub. The record contains facts, never
verdicts: an audit judges them again, under the policy at that time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from policy.canonical import digest_of
from policy.documents import Document
from policy.facts.attempt import RecordedAttempt
from policy.facts.statement import PREDICATES, SignedRecord, Subject, subject
from policy.files.codeowners import Codeowners
from policy.files.people_rules import WaivableGate
from policy.governed import pointer_path
from policy.names import Digest, GitSha, ModelName, RoleName
from policy.people.co_authors import GITHUB, Credit, Lift
from policy.people.sign_off import Review, SignOffFacts
from policy.people.spot_check_signatures import SpotCheckSignature

SIGN_OFF_TYPE = PREDICATES + "sign-off/v1"
"""The predicate type of the statement, which the signature covers."""
TAGS = "countersign/"
"""Prefix of the records' tags, below `refs/tags/`."""
MEASURED_TYPE = PREDICATES + "measured/v1"
MEASURED_TAGS = "countersign-measured/"
MODEL_TAGS = "countersign-model/"
"""Prefix of the tags that hold the signature of a model file."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class MeasuredRecord(SignedRecord):
    """The first evidence for a run key; later runs do not replace it.

    Anyone with write access can delete a run and have it measured again; this record remains.
    """

    PREDICATE: ClassVar[str] = MEASURED_TYPE

    schema_version: Literal[1] = 1
    repository: Name
    model: ModelName
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    evidence: Digest
    artifact: Digest | None = None
    """The exported file; None if the run ended before."""
    at: str

    def subjects(self) -> list[Subject]:
        """Return the evidence file, and the model file that it is about."""
        found = [subject("evidence.json", self.evidence)]
        if self.artifact is not None:
            found.append(subject(f"{self.model}.gguf", self.artifact))
        return found

    def tag(self) -> str:
        """Return the tag's name: one for each model and key."""
        return measured_tag(self.model, self.key)


def measured_tag(model: str, key: str) -> str:
    """Return the name of the tag with the first evidence for a key."""
    return f"{MEASURED_TAGS}{model}/{key}"


def model_tags(model: str, artifact: str) -> str:
    """Return the prefix of the tags with signatures of one model file; one tag for each key."""
    return f"{MODEL_TAGS}{model}/{artifact.removeprefix('sha256:')}-"


class RecordedReview(Document):
    """One review, with GitHub's id and time of submission (RFC 3339, UTC)."""

    id: int
    user: Name
    state: Literal["APPROVED", "CHANGES_REQUESTED", "DISMISSED"]
    commit: GitSha
    submitted: str
    account: Annotated[int, Field(ge=0)] = 0
    """GitHub's id of the account, which noreply addresses carry; 0 if unknown."""


class Override(Document):
    """One blocking gate that somebody waived, and why."""

    model: ModelName
    gate: WaivableGate
    evidence: Digest
    """The evidence that it applies to; it does not cover other evidence."""
    user: Name
    role: RoleName
    reason: Annotated[str, StringConstraints(min_length=10, max_length=500)]
    comment: int
    """The id of the comment with the override."""
    stated: str


class RecordedModel(Document):
    """What one model's pointer moves from and to; None if no version is live."""

    model: ModelName
    kind: Literal["promote", "rollback"]
    before: GitSha | None
    """The blob of pointer.json on the base branch."""
    after: GitSha | None
    """The blob of pointer.json at the approved head."""
    evidence: Digest | None = None
    """The judged evidence: of the fine-tune, or of the recovery run."""
    artifact: Digest | None = None
    """The model file that the pointer at the approved head names."""


class RecordedLook(Document):
    """Which look at a model's held-out rows the approved version was, as its card states."""

    model: ModelName
    rows: Digest
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    number: Annotated[int, Field(ge=1)]


class SignOffRecord(SignedRecord):
    """Everything that a passing verdict is based on and that git alone does not contain."""

    PREDICATE: ClassVar[str] = SIGN_OFF_TYPE

    schema_version: Literal[1] = 1
    repository: Name
    server: Name = GITHUB
    """The host name of the GitHub server, whose noreply addresses name accounts."""
    pull: Annotated[int, Field(ge=1)]
    title: str
    head: GitSha
    base: GitSha
    """The commit of the base branch whose policy and CODEOWNERS applied."""
    rules: Digest
    """Digest of the policy, CODEOWNERS and keys at `base`: other rules make another record."""
    branch: Name
    author: Name
    contributors: tuple[Name, ...]
    credits: tuple[Credit, ...] = ()
    """Whom only trailers name."""
    lifts: tuple[Lift, ...] = ()
    """Who stands in for them."""
    assistants: tuple[Name, ...] = ()
    """The e-mails of coding assistants that the policy listed."""
    reviews: tuple[RecordedReview, ...]
    kept: dict[GitSha, GitSha] = Field(default_factory=dict)
    """Earlier commits with the head's tree whose approvals the policy accepts: commit to tree."""
    writers: tuple[Name, ...]
    roles: dict[RoleName, tuple[Name, ...]]
    teams: dict[str, tuple[Name, ...]]
    emails: dict[str, Name] = Field(default_factory=dict)
    models: tuple[RecordedModel, ...]
    overrides: tuple[Override, ...] = ()
    spot_checks: tuple[SpotCheckSignature, ...] = ()
    """The spot-check signatures that counted."""
    recovery: dict[ModelName, str] = Field(default_factory=dict)
    """The text of each rollback's recovery evidence, which no commit contains."""
    attempts: tuple[RecordedAttempt, ...] = ()
    """Every attempt after the first; each of them had to pass too."""
    looks: tuple[RecordedLook, ...] = ()
    """One for each promoted model."""
    at: str
    """When the bot judged (RFC 3339, UTC)."""

    def subjects(self) -> list[Subject]:
        """Return the approved commit, and each model's pointer and file as that commit has them."""
        found = [subject(self.repository, f"gitCommit:{self.head}")]
        for moved in self.models:
            if moved.after is not None:
                found.append(subject(pointer_path(moved.model), f"gitBlob:{moved.after}"))
            if moved.artifact is not None:
                found.append(subject(f"{moved.model}.gguf", moved.artifact))
        return found

    def tag(self) -> str:
        """Return the tag's name: the same for the same facts, at any time."""
        facts = self.plain()
        facts.pop("at")
        facts.pop("base")
        digest = digest_of(facts).removeprefix("sha256:")
        return f"{TAGS}pull-{self.pull}/{self.head[:12]}-{digest[:12]}"

    def people(self) -> dict[str, int]:
        """Return everyone who reviewed or read a sample, with the account's id or 0."""
        found = {one.user.lower(): 0 for one in self.spot_checks}
        return found | {review.user.lower(): review.account for review in self.reviews}

    def involved(self) -> frozenset[str]:
        """Return everyone (lower case) who has a part in the proposal, by trailers too."""
        named = (credit.who for credit in self.credits if credit.account)
        return frozenset(one.lower() for one in (self.author, *self.contributors, *named))

    def facts(self, paths: tuple[str, ...], owners: Codeowners | None) -> SignOffFacts:
        """Return the facts to judge sign-off from, for the paths that the head changes."""
        reviews = tuple(
            Review(review.user, review.state, review.commit, order)
            for order, review in enumerate(self.reviews)
        )
        return SignOffFacts(
            head=self.head,
            author=self.author,
            contributors=frozenset(self.contributors),
            credits=self.credits,
            lifts=self.lifts,
            assistants=self.assistants,
            reviews=reviews,
            kept=frozenset(self.kept),
            writers=frozenset(self.writers),
            roles=_sets(self.roles),
            teams=_sets(self.teams),
            emails=self.emails,
            paths=paths,
            owners=owners,
        )


def _sets(named: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(logins) for name, logins in named.items()}
