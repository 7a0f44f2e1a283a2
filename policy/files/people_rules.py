"""Who may sign, how many must, and what the holders of a role may do besides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from policy.documents import Document
from policy.names import ModelName

RoleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,38}$")]
Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
"""A login; those of enterprise-managed users end in `_` and the enterprise's short code."""
TeamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
Quorum = dict[RoleName, Annotated[int, Field(ge=1, le=20)]]
ChangeKind = Literal["promote", "rollback", "data", "recipe", "contract", "policy"]
"""What a pull request changes: a pointer forward or back, a model's data, recipe or contract, or
the rules themselves (policy, CODEOWNERS, workflows)."""
WaivableGate = Literal["training", "measurement", "parity", "recovery", "quarantine"]
"""What an override may name: see `policy.gates.override`. It can never name artifact integrity, the
binding of the evidence, its consistency or who signed."""


class Role(Document):
    """Who may sign in a role: users, and the members of teams."""

    users: tuple[Login, ...] = ()
    teams: tuple[TeamName, ...] = ()

    @model_validator(mode="after")
    def _somebody_holds_it(self) -> Role:
        if not self.users and not self.teams:
            raise ValueError("nobody holds this role: name users or teams")
        return self


class ModelSignOff(Document):
    """The quorums of one model, where they differ from those of all."""

    promote: Quorum | None = None
    rollback: Quorum | None = None
    data: Quorum | None = None
    recipe: Quorum | None = None
    contract: Quorum | None = None


class SignOffRules(Document):
    """How many signers of which role each kind of change needs.

    A pull request that changes several things needs the strictest count of each role. A new
    version always needs `promote`; `data`, `recipe` and `contract` ask for more where given;
    `policy` is asked of a change of the rules themselves, and is `promote` unless given.
    """

    promote: Quorum
    rollback: Quorum
    data: Quorum = Field(default_factory=dict)
    recipe: Quorum = Field(default_factory=dict)
    contract: Quorum = Field(default_factory=dict)
    policy: Quorum | None = None
    models: dict[ModelName, ModelSignOff] = Field(default_factory=dict)
    keep_on_same_tree: bool = False
    """Whether an approval of a commit with the very same tree as the head still counts."""

    @model_validator(mode="after")
    def _somebody_signs(self) -> SignOffRules:
        for name in ("promote", "rollback", "policy"):
            if getattr(self, name) == {}:
                raise ValueError(f"{name} asks for nobody: name at least one role")
        for model, rules in self.models.items():
            for name in ("promote", "rollback"):
                if getattr(rules, name) == {}:
                    raise ValueError(f"models.{model}.{name} asks for nobody: name a role")
        return self

    def asked(self, kind: ChangeKind, model: str = "") -> Quorum:
        """Return the quorum of one kind of change of one model."""
        own = self.models.get(model)
        if own is not None and kind != "policy":
            found: Quorum | None = getattr(own, kind)
            if found is not None:
                return found
        if kind == "policy":
            return self.policy if self.policy is not None else self.promote
        quorum: Quorum = getattr(self, kind)
        return quorum

    def needed(self, changes: Iterable[tuple[str, Iterable[ChangeKind]]], *, rules: bool) -> Quorum:
        """Return the strictest count of each role over all changes of a pull request.

        Each change is a model and its kinds; what is no rollback is a promotion too. `rules` says
        that the rules themselves change.
        """
        asked: list[Quorum] = []
        for model, kinds in changes:
            found = frozenset(kinds)
            found |= frozenset[ChangeKind]() if "rollback" in found else {"promote"}
            asked += [self.asked(kind, model) for kind in sorted(found)]
        if rules:
            asked.append(self.asked("policy"))
        return strictest(asked)

    def quorums(self) -> Iterator[tuple[str, Quorum]]:
        """Yield every quorum under the key that it stands at."""
        for kind in ("promote", "rollback", "data", "recipe", "contract", "policy"):
            yield kind, getattr(self, kind) or {}
        for model, rules in self.models.items():
            for kind in ("promote", "rollback", "data", "recipe", "contract"):
                yield f"models.{model}.{kind}", getattr(rules, kind) or {}


class OverrideRules(Document):
    """Who may force a promotion past which gates. Nothing can be overridden unless it stands here.

    An override names one gate, gives a reason, and shows on comment, card and audit for ever. Who
    overrides is never somebody who proposed.
    """

    roles: Annotated[tuple[RoleName, ...], Field(min_length=1)]
    gates: Annotated[tuple[WaivableGate, ...], Field(min_length=1)]


class StopRules(Document):
    """Which roles may stop things by hand: `/hold` one pull request, `/freeze` the repository."""

    hold: tuple[RoleName, ...] = ()
    freeze: tuple[RoleName, ...] = ()


def strictest(quorums: Iterable[Quorum]) -> Quorum:
    """Return the highest count of each role over several quorums."""
    found: dict[str, int] = {}
    for quorum in quorums:
        for role, count in quorum.items():
            found[role] = max(found.get(role, 0), count)
    return found


class AttemptRules(Document):
    """How often one proposal may be measured at all, and who may ask for another attempt."""

    max: Annotated[int, Field(ge=1, le=10)] = 3
    """The first one counts; 1: nobody can ask for another."""
    roles: tuple[RoleName, ...] = ()
    """Who may ask; empty: everybody with write access."""
