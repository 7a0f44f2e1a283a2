"""Evidence: what one run measured, in one JSON document that is bound to a proposal digest.

It contains facts, never verdicts: counts, metrics and the paired counts that gates need. So the
policy can judge it again at any time, without the models and without numpy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from policy.canonical import digest_bytes
from policy.documents import Document, parse_json
from policy.facts.class_facts import ClassFacts
from policy.facts.proposal import Proposal
from policy.facts.run_context import (
    MAX_EARLIER,
    MAX_MODELS,
    MAX_POINTS,
    DataChange,
    EarlierVersion,
    EqualRows,
    Expected,
    LossPoint,
)
from policy.facts.spot_check import SpotCheck
from policy.facts.win_rate_facts import WinRateFacts
from policy.names import Digest, GitSha, ModelName

Count = Annotated[int, Field(ge=0, lt=2**53)]
RowCount = Annotated[int, Field(ge=0, le=10**9)]
Subject = Literal["base", "incumbent", "merged", "candidate"]
"""`merged` is the trained model in transformers; `candidate` the quantised file that would ship."""


class RowFinding(Document):
    """One defect in the data, and its place."""

    file: str
    line: Count
    id: str = ""
    field: str = ""
    message: str


class GateFacts(Document):
    """What one data gate counted; `findings` is capped, `count` is the true total."""

    gate: str
    count: Count
    findings: tuple[RowFinding, ...] = ()
    not_run: str = ""
    """Why the gate could not complete; then it did not pass, whatever it counted."""


class SplitFacts(Document):
    """One file of rows."""

    split: str
    path: str
    rows: Count
    digest: Digest


class DataFacts(Document):
    """What the data gates counted."""

    splits: tuple[SplitFacts, ...]
    gates: tuple[GateFacts, ...]

    def rows(self, split: str) -> int:
        """Return the number of rows of a split; 0 if there is no such split."""
        return sum(part.rows for part in self.splits if part.split == split)


class RenderedToken(Document):
    """A part of a rendered training row, and whether its tokens were trained on."""

    text: str
    trained: bool


class TrainingFacts(Document):
    """What was trained; lengths in tokens, loss as mean cross-entropy in nats per trained token."""

    base_weights: Digest
    base_revision: str
    dataset: Digest
    rows: Count
    rows_truncated: Count
    rows_without_trained_tokens: Count
    stop_token_trained: bool
    trained_tokens: Count
    total_tokens: Count
    steps: Count
    epochs: float
    first_loss: float
    final_loss: float
    trainable_parameters: Count
    total_parameters: Count
    device: str
    precision: str
    seconds: float
    peak_memory_bytes: Count
    seed: int
    adapter: Digest
    tracking: str = ""
    """The place of the W&B run: a URL, or a folder of the workspace if offline."""
    rendered_rows: tuple[tuple[RenderedToken, ...], ...] = ()
    loss_curve: Annotated[tuple[LossPoint, ...], Field(max_length=MAX_POINTS)] = ()


class Metric(Document):
    """One figure over `n` rows: a share (with its successes), a mean, or a corpus figure."""

    name: str
    kind: Literal["share", "mean", "corpus"]
    value: float
    n: Count
    successes: Count | None = None
    higher_is_better: bool = True


class Measurement(Document):
    """All metrics of one subject on the held-out rows."""

    subject: Subject
    engine: str
    model: Digest
    rows: Digest
    outputs: Digest
    """Digest of the file of row-level outputs, kept in the registry."""
    metrics: tuple[Metric, ...]
    seconds: float

    def metric(self, name: str) -> Metric | None:
        return next((metric for metric in self.metrics if metric.name == name), None)


class PairedCounts(Document):
    """Rows on which both, only the first, only the second, or neither subject succeeded."""

    both: RowCount
    only_first: RowCount
    only_second: RowCount
    neither: RowCount

    @property
    def n(self) -> int:
        return self.both + self.only_first + self.only_second + self.neither


class Resampled(Document):
    """What only rows can show of a mean's difference: a 95 % interval and p, and their method."""

    low: float
    high: float
    p: float
    resamples: Count
    seed: Count
    clusters: Count | None = None
    """How many groups of rows were drawn and flipped together; None if each row was by itself."""


class PairedMeans(Document):
    """Per-row differences (second minus first) of a mean metric."""

    n: RowCount
    mean_difference: float
    sd_difference: float
    resampled: Resampled | None = None


class Group(Document):
    """One metric of two subjects on the rows that have one value of a field."""

    value: str
    counts: PairedCounts | None = None
    means: PairedMeans | None = None


class Slice(Document):
    """A comparison for each value of a field of the rows; every row is in exactly one group.

    Beyond the largest groups, `rest` has all other values together.
    """

    field: str
    groups: tuple[Group, ...]
    rest: Group | None = None
    rest_values: Count = 0
    """How many values are in the rest."""

    @property
    def parts(self) -> tuple[Group, ...]:
        return self.groups if self.rest is None else (*self.groups, self.rest)


class Comparison(Document):
    """One metric of two subjects on the same rows, and on the slices that the policy names."""

    metric: str
    first: Subject
    second: Subject
    counts: PairedCounts | None = None
    means: PairedMeans | None = None
    slices: tuple[Slice, ...] = ()

    def slice(self, field: str) -> Slice | None:
        return next((each for each in self.slices if each.field == field), None)


class FormerRows(Document):
    """Live version and candidate on the held-out rows that the base branch has.

    Nothing is measured on them if they are the rows of all other figures, or if `why` says why they
    could not be read.
    """

    rows: Digest | None = None
    why: Annotated[str, Field(max_length=500)] = ""
    measurements: tuple[Measurement, ...] = ()
    comparisons: tuple[Comparison, ...] = ()

    def measurement(self, subject: Subject) -> Measurement | None:
        return next((m for m in self.measurements if m.subject == subject), None)

    def comparison(self, metric: str, first: Subject, second: Subject) -> Comparison | None:
        wanted = (metric, first, second)
        return next((c for c in self.comparisons if (c.metric, c.first, c.second) == wanted), None)


class Rival(FormerRows):
    """Another model's live version and the candidate, on the candidate's held-out rows.

    `incumbent` is the other model's file here.
    """

    model: ModelName


DriftField = Literal["label", "length", "vocabulary"]
DriftReference = Literal["incumbent", "training"]


class Bin(Document):
    """How many answers (words, for a vocabulary) of reference and candidate are in this bin."""

    name: str
    first: Count
    second: Count


class Drift(Document):
    """The distribution of the candidate's answers and the incumbent's or the training rows'."""

    of: DriftField
    against: DriftReference
    bins: tuple[Bin, ...]


class ParityFacts(Document):
    """Whether the exported file reads prompts and answers them like the trained model."""

    prompts: Count
    prompts_with_equal_tokens: Count
    answers: Count
    equal_answers: Count
    first_difference: str = ""


class ArtifactFacts(Document):
    """One published file."""

    name: str
    digest: Digest
    size: Count
    uri: str
    media: str
    quantisation: str = ""
    tensor_types: dict[str, Count] = Field(default_factory=dict)


class Incumbent(Document):
    """What the base branch's pointer named when the run started."""

    version: str
    artifact: Digest


class Sample(Document):
    """One held-out row with each subject's answer, for people to read."""

    id: str
    input: str
    expected: str
    answers: dict[str, str]


class StageFacts(Document):
    """How one stage ended; a stopped stage says why."""

    stage: str
    outcome: Literal["done", "stopped", "errored"]
    seconds: float
    message: str = ""


class Producer(Document):
    """Who measured: code, machine and, on a runner, the workflow run."""

    runner_version: str
    python: str
    platform: str
    libraries: dict[str, str]
    device: str
    workflow_run: str = ""


class RunPart(Document):
    """What one run was about, who measured, and how its stages ended."""

    schema_version: Literal[1] = 1
    kind: Literal["finetune", "recovery"]
    model: ModelName
    proposal: Proposal
    commit: GitSha | Literal["uncommitted"]
    created: str
    incumbent: Incumbent | None
    producer: Producer
    attempt: Annotated[int, Field(ge=1, le=10)] = 1
    """Which attempt of the proposal this is; 1 unless somebody requested another."""
    reused: Digest | None = None
    """The earlier evidence that the training and the outputs come from; None if all was run."""
    stages: tuple[StageFacts, ...]


class DataPart(Document):
    """What `validate` finds: the data gates, and what was known before the run."""

    data: DataFacts | None = None
    data_change: DataChange | None = None
    expected: Expected | None = None
    earlier: Annotated[tuple[EarlierVersion, ...], Field(max_length=MAX_EARLIER)] = ()
    """The versions that were live before this one, oldest first, from their own records."""
    equal_rows: Annotated[tuple[EqualRows, ...], Field(max_length=MAX_MODELS)] = ()
    """The other models of the base branch with some of the same held-out rows, the most first."""


class TrainingPart(Document):
    """What `train` finds."""

    training: TrainingFacts | None = None


class MeasuredPart(Document):
    """What `evaluate` finds: metrics, comparisons, and rows to read."""

    measurements: tuple[Measurement, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    parity: ParityFacts | None = None
    samples: tuple[Sample, ...] = ()
    drift: tuple[Drift, ...] = ()
    classes: dict[Subject, ClassFacts] = Field(default_factory=dict)
    """For a classification: how the candidate and the incumbent do on each class."""
    former: FormerRows | None = None
    """None if no version is live, or if the run had no base branch."""
    rivals: Annotated[tuple[Rival, ...], Field(max_length=MAX_MODELS)] = ()
    """Live versions of other models with mostly the same held-out rows, if the policy asks."""


class ComparedPart(Document):
    """What a judge model says of the candidate's answers, and the sample that people read."""

    win_rate: WinRateFacts | None = None
    """First is the incumbent (the base if no version is live), second the candidate."""
    spot_check: SpotCheck | None = None


class PublishedPart(Document):
    """What `publish` put into the registry."""

    artifacts: tuple[ArtifactFacts, ...] = ()


Part = DataPart | TrainingPart | MeasuredPart | ComparedPart | PublishedPart


class Evidence(PublishedPart, ComparedPart, MeasuredPart, TrainingPart, DataPart, RunPart):
    """Everything one run measured about one proposal of one model.

    Each stage returns its own part, and `assemble` puts them together: a new field is added to its
    part alone. The document lists the fields of the last base first.
    """

    def measurement(self, subject: Subject) -> Measurement | None:
        return next((m for m in self.measurements if m.subject == subject), None)

    def artifact(self, name: str) -> ArtifactFacts | None:
        return next((a for a in self.artifacts if a.name == name), None)

    def drift_of(self, of: DriftField, against: DriftReference) -> Drift | None:
        return next((d for d in self.drift if (d.of, d.against) == (of, against)), None)

    def comparison(self, metric: str, first: Subject, second: Subject) -> Comparison | None:
        wanted = (metric, first, second)
        return next((c for c in self.comparisons if (c.metric, c.first, c.second) == wanted), None)

    def text(self) -> str:
        """Return the document's exact content; its digest binds the pointer to it."""
        return json.dumps(self.plain(), indent=1, ensure_ascii=False) + "\n"

    def digest(self) -> str:
        return digest_bytes(self.text().encode())


def assemble(run: RunPart, parts: Iterable[Part]) -> Evidence:
    """Return the evidence of a run; of a field that several parts set, the last one counts."""
    fields = {name: getattr(run, name) for name in run.model_fields_set}
    for part in parts:
        fields |= {name: getattr(part, name) for name in part.model_fields_set}
    return Evidence(**fields)


SHIPPED = "model.gguf"
"""The name of the artifact that a pointer points to."""


def parse_evidence(text: str | bytes, where: str) -> Evidence:
    """Read an evidence document; every problem is named by field."""
    return parse_json(Evidence, text, where)
