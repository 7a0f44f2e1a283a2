"""What GitHub said about one governed model of a pull request: its files, its runs, its records."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.facts.looks import KnownLooks, UnrecordedLook
from policy.facts.attempt import AttemptRecord


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
    """The id of the artifact; ids grow, so they show which evidence was written first."""
    evidence: bytes | None = None
    problem: str = ""
    """Why the artifact could not be read, in a sentence."""


@dataclass(frozen=True)
class AskedAttempt:
    """An attempt that somebody requested, and which evidence of it was seen first."""

    record: AttemptRecord
    measured: str = ""
    foreign: str = ""
    """The tag that should record that, if it is something else."""


@dataclass(frozen=True)
class ModelFacts:
    """One governed model as head and base branch have it. Paths are below the model's folders."""

    name: str
    head_inputs: tuple[tuple[str, str], ...] = ()
    base_inputs: tuple[tuple[str, str], ...] = ()
    fork_inputs: tuple[tuple[str, str], ...] = ()
    """The inputs at the commit where the pull request left the base branch."""
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
    """Every content the pointer had on the base branch along first parents, oldest first; None if
    it was absent."""
    history_dates: tuple[str, ...] = ()
    """When the base branch got each of them (RFC 3339, UTC)."""
    history_limit: int = 0
    """How many commits were read at most, if the base branch has more; 0 if all were read."""
    head_sizes: tuple[tuple[str, int], ...] = ()
    """The size in bytes of each input at head."""
    runs: tuple[Run, ...] = ()
    measured: str = ""
    """The digest of the evidence of the present run key that was seen first, by our own record."""
    measured_foreign: str = ""
    """The tag that should record it, if it is something else."""
    attempts: tuple[AskedAttempt, ...] = ()
    """The attempts after the first of the present proposal, by number."""
    looks: KnownLooks = field(default_factory=KnownLooks)
    """The looks at this model's held-out rows, whichever pull request asked."""
    unrecorded: tuple[UnrecordedLook, ...] = ()
    """Those that no record has yet."""
    attempts_foreign: str = ""
    """A tag in the place of such a record that this bot did not sign."""
