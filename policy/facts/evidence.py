"""Evidence: what one run measured, one JSON document, bound to a proposal digest.

It holds facts, never verdicts: counts, metrics and the paired counts that a judge needs, so that
the policy can judge it again at any time, without the models and without numpy.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from policy.canonical import digest_bytes
from policy.documents import Document, parse_json
from policy.facts.class_facts import ClassFacts
from policy.facts.proposal import Proposal
from policy.facts.run_context import (
    MAX_EARLIER,
    MAX_POINTS,
    DataChange,
    EarlierVersion,
    Expected,
    LossPoint,
)
from policy.facts.spot_check import SpotCheck
from policy.facts.win_rate_facts import JudgeFacts
from policy.names import Digest, GitSha, ModelName

Count = Annotated[int, Field(ge=0, lt=2**53)]
RowCount = Annotated[int, Field(ge=0, le=10**9)]
Subject = Literal["base", "incumbent", "merged", "candidate"]
"""`merged` is the trained model in transformers; `candidate` the quantised file that would ship."""

Dump = SerializerFunctionWrapHandler


def _without(dumped: dict[str, object], **empty: object) -> dict[str, object]:
    """Return a dumped document without the fields that say nothing.

    What was recorded before there were such fields keeps its bytes, and so its digest.
    """
    return {
        key: value
        for key, value in dumped.items()
        if key not in empty or (value != empty[key] and value != [])
    }


class RowFinding(Document):
    """One defect in the data, where it stands."""

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
    """Why the gate could not be run to its end: it did not pass then, whatever it counted."""

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, dump: Dump) -> dict[str, object]:
        return _without(dump(self), not_run="")


class SplitFacts(Document):
    """One file of rows."""

    split: str
    path: str
    rows: Count
    digest: Digest


class DataFacts(Document):
    """What the data gates saw."""

    splits: tuple[SplitFacts, ...]
    gates: tuple[GateFacts, ...]

    def rows(self, split: str) -> int:
        """Return the number of rows of a split; 0 when there is none."""
        return sum(part.rows for part in self.splits if part.split == split)


class RenderedToken(Document):
    """A stretch of a rendered training row, and whether its tokens were trained on."""

    text: str
    trained: bool


class TrainingFacts(Document):
    """What was trained: lengths in tokens, loss as mean cross-entropy in nats a trained token."""

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
    """Where the W&B run lies: a URL, or a folder of the workspace when offline."""
    rendered_rows: tuple[tuple[RenderedToken, ...], ...] = ()
    loss_curve: Annotated[tuple[LossPoint, ...], Field(max_length=MAX_POINTS)] = ()

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, dump: Dump) -> dict[str, object]:
        return _without(dump(self), loss_curve=())


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
    """What only rows can tell of a mean's difference: a 95 % interval and p, and how they came."""

    low: float
    high: float
    p: float
    resamples: Count
    seed: Count
    clusters: Count | None = None
    """How many groups of rows were drawn and flipped together; None: each row by itself."""


class PairedMeans(Document):
    """Per-row differences (second minus first) of a mean metric."""

    n: RowCount
    mean_difference: float
    sd_difference: float
    resampled: Resampled | None = None

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, dump: Dump) -> dict[str, object]:
        return _without(dump(self), resampled=None)


class Group(Document):
    """One metric of two subjects on the rows that have one value of a field."""

    value: str
    counts: PairedCounts | None = None
    means: PairedMeans | None = None

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, dump: Dump) -> dict[str, object]:
        return _without(dump(self), counts=None, means=None)


class Slice(Document):
    """A comparison for each value of a field of the rows; every row is in exactly one group.

    Beyond the largest groups the `rest` of the values stand together.
    """

    field: str
    groups: tuple[Group, ...]
    rest: Group | None = None
    rest_values: Count = 0
    """How many values the rest holds."""

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

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, dump: Dump) -> dict[str, object]:
        return _without(dump(self), slices=())


DriftField = Literal["label", "length", "vocabulary"]
DriftReference = Literal["incumbent", "training"]


class Bin(Document):
    """How many answers (of a vocabulary: words) of the reference and of the candidate are here."""

    name: str
    first: Count
    second: Count


class Drift(Document):
    """The distribution of the candidate's answers beside the incumbent's or the training rows'."""

    of: DriftField
    against: DriftReference
    bins: tuple[Bin, ...]


class ParityFacts(Document):
    """Whether the exported file reads and answers as the trained model does."""

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
    """What the base branch's pointer named when the run began."""

    version: str
    artifact: Digest


class Sample(Document):
    """One held-out row with what each subject said, for a person to read."""

    id: str
    input: str
    expected: str
    answers: dict[str, str]


class StageFacts(Document):
    """How one stage ended; a stage that stopped says why."""

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


class Evidence(Document):
    """Everything one run measured about one proposal of one model."""

    schema_version: Literal[1] = 1
    kind: Literal["finetune", "recovery"]
    model: ModelName
    proposal: Proposal
    commit: GitSha | Literal["uncommitted"]
    created: str
    incumbent: Incumbent | None
    producer: Producer
    stages: tuple[StageFacts, ...]
    data: DataFacts | None = None
    training: TrainingFacts | None = None
    measurements: tuple[Measurement, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    parity: ParityFacts | None = None
    artifacts: tuple[ArtifactFacts, ...] = ()
    samples: tuple[Sample, ...] = ()
    drift: tuple[Drift, ...] = ()
    classes: dict[Subject, ClassFacts] = Field(default_factory=dict)
    """Of a classification: how the candidate and the incumbent do on each class."""
    judge: JudgeFacts | None = None
    """The incumbent (the base where none is live) as first, and the candidate as second."""
    spot_check: SpotCheck | None = None
    attempt: Annotated[int, Field(ge=1, le=10)] = 1
    """Which attempt of the proposal this is; the first unless somebody asked for another."""
    reused: Digest | None = None
    """The earlier evidence whose training and outputs this one rests on; None where all was run."""
    data_change: DataChange | None = None
    expected: Expected | None = None
    earlier: Annotated[tuple[EarlierVersion, ...], Field(max_length=MAX_EARLIER)] = ()
    """The versions that were live before this one, the oldest first, by their own records."""

    def measurement(self, subject: Subject) -> Measurement | None:
        return next((m for m in self.measurements if m.subject == subject), None)

    def artifact(self, name: str) -> ArtifactFacts | None:
        return next((a for a in self.artifacts if a.name == name), None)

    def drift_of(self, of: DriftField, against: DriftReference) -> Drift | None:
        return next((d for d in self.drift if (d.of, d.against) == (of, against)), None)

    def comparison(self, metric: str, first: Subject, second: Subject) -> Comparison | None:
        return next(
            (
                c
                for c in self.comparisons
                if (c.metric, c.first, c.second) == (metric, first, second)
            ),
            None,
        )

    def text(self) -> str:
        """Return the document's exact content; its digest binds the pointer to it.

        The later fields stand there only where something was: what was recorded before there
        were such fields keeps its bytes.
        """
        value = self.model_dump(mode="json")
        value = _without(value, reused=None, drift=(), data_change=None, expected=None, earlier=())
        value = _without(value, classes={}, judge=None, spot_check=None, attempt=1)
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"

    def digest(self) -> str:
        return digest_bytes(self.text().encode())


SHIPPED = "model.gguf"
"""The name of the artifact that a pointer points to."""


def parse_evidence(text: str | bytes, where: str) -> Evidence:
    """Read an evidence document; every problem is named by field."""
    return parse_json(Evidence, text, where)
