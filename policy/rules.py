"""The policy of a repository: `policy/policy.yml`, read from the base branch, never from a PR."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from policy.budget import Budget
from policy.calendar import Calendar
from policy.documents import Document
from policy.people_rules import OverrideRules, Role, RoleName, SignOffRules, StopRules

Share = Annotated[float, Field(ge=0, le=1)]
MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(?:[.:][A-Za-z0-9_]+)?$")]
DataGate = Literal["contract", "approved", "provenance", "duplicates", "leakage"]


class MetricGate(Document):
    """A bar for one metric of the quantised candidate, the file that ships.

    `min`/`max` are absolute; `max_drop` is the margin against the incumbent, `min_gain_over_base`
    the least gain over the untuned base. `higher_is_better` follows the metric.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    metric: MetricName
    min: float | None = None
    max: float | None = None
    max_drop: Annotated[float, Field(ge=0)] | None = None
    min_gain_over_base: float | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> MetricGate:
        if (self.min, self.max, self.max_drop, self.min_gain_over_base) == (None,) * 4:
            raise ValueError("the gate asks nothing: give min, max, max_drop or min_gain_over_base")
        return self


class DataRules(Document):
    """Limits on what the data gates count; every gate must have been run."""

    min_train_rows: Annotated[int, Field(ge=1)] = 100
    min_test_rows: Annotated[int, Field(ge=1)] = 100
    max_findings: dict[DataGate, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """How many findings of a gate are let through; a gate that is not named: none."""
    licences: tuple[str, ...] = ()
    """Licences that rows and card may carry; empty: any, but never none."""


class TrainingRules(Document):
    """Silent failures of training that are errors here."""

    max_truncated_share: Share = 0.0


class ExportRules(Document):
    """How closely the exported file must answer as the trained model did."""

    min_equal_answers: Share = 0.95


class RecoveryRules(Document):
    """How closely a rolled-back artifact must repeat its recorded benchmark."""

    tolerance: Share = 0.01


class Gates(Document):
    """Every gate of a promotion and of a rollback."""

    data: DataRules = DataRules()
    training: TrainingRules = TrainingRules()
    metrics: Annotated[tuple[MetricGate, ...], Field(min_length=1)]
    export: ExportRules = ExportRules()
    recovery: RecoveryRules = RecoveryRules()

    @model_validator(mode="after")
    def _metrics_are_named_once(self) -> Gates:
        names = [gate.metric for gate in self.metrics]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"metric {doubled[0]!r} has two gates: write its bars into one")
        return self


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
    gates: Gates

    @model_validator(mode="after")
    def _roles_are_defined(self) -> Policy:
        named = [
            (f"sign_off.{key}", role) for key, asked in self.sign_off.quorums() for role in asked
        ]
        if self.override is not None:
            named += [("override.roles", role) for role in self.override.roles]
        named += [("stop.hold", role) for role in self.stop.hold]
        named += [("stop.freeze", role) for role in self.stop.freeze]
        named += [("budget.roles", role) for role in self.budget.roles]
        unknown = [
            f"{key} names the role {role!r}" for key, role in named if role not in self.roles
        ]
        if unknown:
            raise ValueError(f"{'; '.join(unknown)}, which roles does not define")
        return self
