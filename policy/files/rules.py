"""The policy of a repository: `policy/policy.yml`, read from the base branch, never from a PR."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from policy.documents import Document
from policy.facts.drift_statistics import Measure
from policy.facts.evidence import DriftField, DriftReference
from policy.files.bases import BaseRules
from policy.files.budget import Budget
from policy.files.calendar import Calendar
from policy.files.people_rules import AttemptRules, OverrideRules, Role, SignOffRules, StopRules
from policy.files.runner_rules import RunnerRules
from policy.files.win_rate_rules import SpotCheckRules, WinRateGate
from policy.names import RoleName

Share = Annotated[float, Field(ge=0, le=1)]
MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(?:[.:][A-Za-z0-9_]+)?$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")]
DataGate = Literal[
    "contract",
    "approved",
    "provenance",
    "duplicates",
    "leakage",
    "near_duplicates",
    "near_leakage",
    "ngram_leakage",
    "label_conflicts",
    "diversity",
    "splits",
    "prompt_leaks",
    "pii",
    "secrets",
]
_SHARES: dict[DataGate, float] = {
    "near_duplicates": 0.05,
    "near_leakage": 0.02,
    "ngram_leakage": 0.02,
    "label_conflicts": 0.01,
}


OF_TEST_ROWS: frozenset[DataGate] = frozenset({"near_leakage", "ngram_leakage"})
"""Gates that report test rows only, so that their share is of the test rows."""
LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]


class LanguageRules(Document):
    """Which languages the training rows may be in. py3langid detects them in the users' messages.

    Shares are of the examined rows: a seeded sample of the rows with 20 letters or more.
    """

    allowed: Annotated[tuple[LanguageCode, ...], Field(min_length=1)]
    """ISO 639-1 codes, such as en."""
    max_other_share: Share = 0.05
    """The largest share of rows in other languages; detection errs on about one row in 500."""
    min_share: dict[LanguageCode, Share] = Field(default_factory=dict)
    """The smallest share of rows in a language."""

    @model_validator(mode="after")
    def _shares_are_of_allowed_languages(self) -> LanguageRules:
        unknown = sorted(set(self.min_share) - set(self.allowed))
        if unknown:
            raise ValueError(f"min_share names {', '.join(unknown)}; add it to allowed")
        return self


class LengthBand(Document):
    """Limits on the share of training rows whose question has a number of words in this band."""

    min_words: Annotated[int, Field(ge=0)] = 0
    max_words: Annotated[int, Field(ge=0)] | None = None
    """The largest number of words in the band; if missing, the band has no upper end."""
    min_share: Share = 0.0
    max_share: Share = 1.0

    @model_validator(mode="after")
    def _requires_something(self) -> LengthBand:
        if self.max_words is not None and self.max_words < self.min_words:
            raise ValueError("max_words is below min_words; swap them")
        if self.min_share > self.max_share:
            raise ValueError("min_share is above max_share; swap them")
        if (self.min_share, self.max_share) == (0.0, 1.0):
            raise ValueError("the band requires nothing; add min_share or max_share")
        return self


class SliceGate(Document):
    """A margin against the incumbent for every value of one field of the rows."""

    model_config = ConfigDict(allow_inf_nan=False)

    max_drop: Annotated[float, Field(ge=0)]
    min_rows: Annotated[int, Field(ge=0)] = 0
    """Smaller groups are shown with a warning, and not judged."""


class MetricGate(Document):
    """The requirements for one metric of the quantised candidate, which is the file that ships.

    `min` and `max` are absolute. `max_drop` is the margin against the incumbent,
    `min_gain_over_base` the smallest gain over the untuned base, and `max_quantisation_drop` the
    margin against the merged model before quantisation. The metric defines which direction is
    better.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    metric: MetricName
    min: float | None = None
    max: float | None = None
    max_drop: Annotated[float, Field(ge=0)] | None = None
    min_gain_over_base: float | None = None
    max_quantisation_drop: Annotated[float, Field(ge=0)] | None = None
    slices: dict[FieldName, SliceGate] = Field(default_factory=dict)
    """Margins per value of a field: of the row, or of its expected answer; `label` is the expected
    label of a classification."""
    non_inferior: bool = False
    """For metrics that must not drop: the interval must exclude a drop of `max_drop`."""

    @model_validator(mode="after")
    def _requires_something(self) -> MetricGate:
        asked = (
            self.min,
            self.max,
            self.max_drop,
            self.min_gain_over_base,
            self.max_quantisation_drop,
        )
        if not self.slices and all(bar is None for bar in asked):
            raise ValueError(
                "the gate requires nothing; add min, max, max_drop, min_gain_over_base, "
                "max_quantisation_drop or slices"
            )
        if self.non_inferior and self.max_drop is None and self.max_quantisation_drop is None:
            raise ValueError("non_inferior needs the margin that it excludes; add max_drop")
        return self


class DataRules(Document):
    """Limits on the findings of the data gates; every gate must have run."""

    min_train_rows: Annotated[int, Field(ge=1)] = 100
    min_test_rows: Annotated[int, Field(ge=1)] = 100
    max_findings: dict[DataGate, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """How many findings of a gate are allowed; 0 for a gate that is not listed."""
    max_share: dict[DataGate, Share] = Field(default_factory=dict)
    """The share of rows that a gate may report. Defaults: 5 % for near_duplicates, 2 % of the test
    rows for near_leakage and ngram_leakage, 1 % for label_conflicts, and none for other gates."""
    licences: tuple[str, ...] = ()
    """Licences that rows and card may have; if empty, any licence, but never none."""
    near_jaccard: Annotated[float, Field(ge=0.7, le=1)] = 0.9
    """The Jaccard similarity of word pairs from which two questions are near duplicates."""
    ngram_words: Annotated[int, Field(ge=5, le=100)] = 13
    """A run of this many words in both a test and a training question is a leak."""
    ngram_common: Annotated[int, Field(ge=1)] = 10
    """A run in more training rows than this is a common phrase, not a leak."""
    group_fields: tuple[str, ...] = ("group", "conversation_id", "customer_id")
    """Row fields that name a group: no group may be in two splits."""
    min_groups: Annotated[int, Field(ge=0)] = 0
    max_group_share: Share = 1.0
    max_answer_share: Share = 0.95
    """The largest share of training rows that may have the same answer."""
    max_duplicate_answer_share: Share = 1.0
    """The largest share of training rows that share their answer with another row."""
    max_prefix_share: Share = 0.95
    """The largest share of training rows whose question begins with the same 32 bytes."""
    max_length_share: Share = 1.0
    """The largest share of training rows in one class of question length in words: 1, 2 to 3, 4 to
    7, 8 to 15 and so on."""
    lengths: tuple[LengthBand, ...] = ()
    languages: LanguageRules | None = None
    let_through: tuple[str, ...] = ()
    """Kinds of personal data and secrets that rows may contain, such as ip_address."""
    places: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """URL prefixes below which rows outside git may be stored. If empty, https and stores that
    require an account are allowed. Set it if you have a runner, because manifests come with pull
    requests."""
    canaries: tuple[Annotated[str, Field(min_length=6)], ...] = ()
    """Texts that no row may contain: markers planted in data that must not be trained on."""

    def allowed(self, gate: DataGate, rows: int) -> int:
        """Return how many findings of a gate are allowed for a number of rows."""
        share = self.max_share.get(gate, _SHARES.get(gate, 0.0))
        return max(self.max_findings.get(gate, 0), int(share * rows))


class TrainingRules(Document):
    """Limits on training failures that would otherwise be silent."""

    max_truncated_share: Share = 0.0


class ExportRules(Document):
    """How closely the answers of the exported file must match those of the trained model."""

    min_equal_answers: Share = 0.95


class DriftGate(Document):
    """Limits on the distance of the answers from the incumbent's, or from the training rows'.

    Usual limits for PSI: below 0.1 the answers are stable, from 0.25 the population has changed. A
    distance that samples of this size reach by chance alone never fails.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    of: DriftField
    against: DriftReference
    measure: Measure = "psi"
    warn: Annotated[float, Field(gt=0)] | None = None
    fail: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _limits_are_in_order(self) -> DriftGate:
        if self.warn is None and self.fail is None:
            raise ValueError("the gate requires nothing; add warn or fail")
        if self.warn is not None and self.fail is not None and self.warn > self.fail:
            raise ValueError("warn is above fail; swap them")
        return self


class CoverageRules(Document):
    """How many of the held-out rows must have an answer, and one that can be parsed."""

    min_answered: Share = 0.0
    """Smallest share of answers that are complete and not empty."""
    min_parsable: Share = 0.0
    """Smallest share of answers that can be parsed: schema-valid, a label, or tool calls."""


class EqualRowsRules(Document):
    """When a candidate must also be compared with the live version of another model.

    A new name has no live version of its own. If at least `min_share` of its held-out rows are
    those of another model, every margin against a live version applies to that model's too.
    """

    min_share: Annotated[float, Field(gt=0, le=1)] = 0.5


class RecoveryRules(Document):
    """How closely a rolled-back artifact must repeat its recorded benchmark."""

    tolerance: Share = 0.01


class Gates(Document):
    """Every gate of a promotion and of a rollback."""

    data: DataRules = DataRules()
    training: TrainingRules = TrainingRules()
    metrics: Annotated[tuple[MetricGate, ...], Field(min_length=1)]
    coverage: CoverageRules = CoverageRules()
    drift: tuple[DriftGate, ...] = ()
    win_rate: WinRateGate | None = None
    export: ExportRules = ExportRules()
    recovery: RecoveryRules = RecoveryRules()
    equal_rows: EqualRowsRules | None = None

    @model_validator(mode="after")
    def _metrics_are_named_once(self) -> Gates:
        names = [gate.metric for gate in self.metrics]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"metric {doubled[0]!r} has two gates; merge them into one")
        return self

    @property
    def slice_fields(self) -> tuple[str, ...]:
        """Return every field that a gate slices by; the runner measures these."""
        return tuple(sorted({field for gate in self.metrics for field in gate.slices}))


class Policy(Document):
    """Everything that decides whether a proposal may ship."""

    version: Literal[1]
    merge: Literal["bot", "person"] = "person"
    roles: Annotated[dict[RoleName, Role], Field(min_length=1)]
    sign_off: SignOffRules
    override: OverrideRules | None = None
    stop: StopRules = StopRules()
    calendar: Calendar = Calendar()
    budget: Budget = Budget()
    spot_check: SpotCheckRules | None = None
    attempts: AttemptRules = AttemptRules()
    bases: BaseRules = BaseRules()
    runners: RunnerRules = RunnerRules()
    gates: Gates

    @model_validator(mode="after")
    def _roles_are_defined(self) -> Policy:
        named = [
            (f"sign_off.{key}", role) for key, quorum in self.sign_off.quorums() for role in quorum
        ]
        if self.override is not None:
            named += [("override.roles", role) for role in self.override.roles]
        named += [("stop.hold", role) for role in self.stop.hold]
        named += [("stop.freeze", role) for role in self.stop.freeze]
        named += [("budget.roles", role) for role in self.budget.roles]
        if self.spot_check is not None:
            named += [("spot_check.sign", role) for role in self.spot_check.sign]
        named += [("attempts.roles", role) for role in self.attempts.roles]
        unknown = [
            f"{key} names the role {role!r}" for key, role in named if role not in self.roles
        ]
        if unknown:
            raise ValueError(f"{'; '.join(unknown)}, but roles does not define it")
        return self

    @model_validator(mode="after")
    def _people_check_the_judge_model(self) -> Policy:
        if self.gates.win_rate is not None and self.spot_check is None:
            raise ValueError(
                "gates.win_rate uses a judge model that no people check; add spot_check, "
                "such as spot_check: {rows: 20, sign: {ml-lead: 1}}"
            )
        least = self.spot_check.min_agreement if self.spot_check is not None else None
        if least is not None and self.gates.win_rate is None:
            raise ValueError(
                "spot_check.min_agreement needs a judge model to agree with; "
                "add gates.win_rate, or remove min_agreement"
            )
        return self
