"""The policy of a repository: `policy/policy.yml`, read from the base branch, never from a PR."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from policy.documents import Document

RoleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,38}$")]
Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
"""A login; those of enterprise-managed users end in `_` and the enterprise's short code."""
TeamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
Share = Annotated[float, Field(ge=0, le=1)]
Quorum = dict[RoleName, Annotated[int, Field(ge=1, le=20)]]
MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(?:[.:][A-Za-z0-9_]+)?$")]
DataGate = Literal["contract", "approved", "provenance", "duplicates", "leakage"]


class Role(Document):
    """Who may sign in a role: users, and the members of teams."""

    users: tuple[Login, ...] = ()
    teams: tuple[TeamName, ...] = ()

    @model_validator(mode="after")
    def _somebody_holds_it(self) -> Role:
        if not self.users and not self.teams:
            raise ValueError("nobody holds this role: name users or teams")
        return self


class SignOffRules(Document):
    """How many signers of which role each kind of change needs."""

    promote: Quorum
    rollback: Quorum


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
    gates: Gates

    @model_validator(mode="after")
    def _quorums_name_roles(self) -> Policy:
        for kind, quorum in (
            ("promote", self.sign_off.promote),
            ("rollback", self.sign_off.rollback),
        ):
            for role in quorum:
                if role not in self.roles:
                    raise ValueError(
                        f"sign_off.{kind} names the role {role!r}, which roles does not define"
                    )
            if not quorum:
                raise ValueError(f"sign_off.{kind} asks for nobody: name at least one role")
        return self
