"""Who may sign, how many signatures a change needs, and what else a role allows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from policy.documents import Document
from policy.files.path_rules import PathRule
from policy.governed import is_rule
from policy.names import ModelName, Quorum, RoleName

Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
"""A login; for enterprise-managed users it ends in `_` and the enterprise's short code."""
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]
TeamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
ChangeKind = Literal["promote", "rollback", "data", "test_data", "recipe", "contract", "policy"]
"""What a pull request changes: a pointer forward or back, a model's data, its test rows, recipe or
contract, or the rules themselves (policy, CODEOWNERS, workflows)."""
OF_A_MODEL: tuple[ChangeKind, ...] = (
    "promote",
    "rollback",
    "data",
    "test_data",
    "recipe",
    "contract",
)
WaivableGate = Literal["training", "measurement", "parity", "recovery", "quarantine"]
"""The gates that an override can name: see `policy.gates.override`. Artifact integrity, the binding
and consistency of the evidence, and sign-off can never be overridden."""


class Role(Document):
    """Who may sign in a role: users, and the members of teams."""

    users: tuple[Login, ...] = ()
    teams: tuple[TeamName, ...] = ()

    @model_validator(mode="after")
    def _somebody_holds_it(self) -> Role:
        if not self.users and not self.teams:
            raise ValueError("nobody holds this role; name users or teams")
        return self


class ModelSignOff(Document):
    """The quorums of one model, if they differ from the general ones."""

    promote: Quorum | None = None
    rollback: Quorum | None = None
    data: Quorum | None = None
    test_data: Quorum | None = None
    recipe: Quorum | None = None
    contract: Quorum | None = None


class SignOffRules(Document):
    """How many signers of which role each kind of change needs.

    If a pull request makes several kinds of change, the highest count per role applies. A new
    version always needs `promote`, and `data`, `test_data` (the held-out rows), `recipe` and
    `contract` add to it if set. `policy` applies to changes of the rules themselves; its default is
    `promote`. `paths` names further files that are governed, such as a Makefile or a lock file;
    every entry that matches applies.
    """

    promote: Quorum
    rollback: Quorum
    data: Quorum = Field(default_factory=dict)
    test_data: Quorum = Field(default_factory=dict)
    recipe: Quorum = Field(default_factory=dict)
    contract: Quorum = Field(default_factory=dict)
    policy: Quorum | None = None
    models: dict[ModelName, ModelSignOff] = Field(default_factory=dict)
    paths: Annotated[tuple[PathRule, ...], Field(max_length=100)] = ()
    assistants: tuple[Email, ...] = ()
    """E-mails of coding assistants that `Co-authored-by` trailers may name. They are no people, so
    they cannot sign their own work. The address of an account still excludes its owner."""
    keep_on_same_tree: bool = False
    """Whether an approval of an earlier commit with exactly the head's tree counts."""

    @model_validator(mode="after")
    def _somebody_signs(self) -> SignOffRules:
        for name in ("promote", "rollback", "policy"):
            if getattr(self, name) == {}:
                raise ValueError(f"{name} requires nobody; name at least one role")
        for model, rules in self.models.items():
            for name in ("promote", "rollback"):
                if getattr(rules, name) == {}:
                    raise ValueError(f"models.{model}.{name} requires nobody; name a role")
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

    def asked_of(self, rule: PathRule) -> Quorum:
        """Return the quorum for files that a rule of `paths` matches."""
        return rule.sign if rule.sign is not None else self.asked("policy")

    def needed(
        self, changes: Iterable[tuple[str, Iterable[ChangeKind]]], paths: Collection[str]
    ) -> Quorum:
        """Return the highest count per role over all changes of a pull request.

        Each change is a model and its kinds; every change except a rollback is also a promotion.
        `paths` are all changed files; of a rename both names.
        """
        asked: list[Quorum] = []
        for model, kinds in changes:
            found = frozenset(kinds)
            found |= frozenset[ChangeKind]() if "rollback" in found else {"promote"}
            asked += [self.asked(kind, model) for kind in sorted(found)]
        if any(map(is_rule, paths)):
            asked.append(self.asked("policy"))
        asked += [self.asked_of(rule) for rule in self.paths if any(map(rule.matches, paths))]
        return strictest(asked)

    def quorums(self) -> Iterator[tuple[str, Quorum]]:
        """Yield every quorum with its key."""
        for kind in (*OF_A_MODEL, "policy"):
            yield kind, getattr(self, kind) or {}
        for model, rules in self.models.items():
            for kind in OF_A_MODEL:
                yield f"models.{model}.{kind}", getattr(rules, kind) or {}
        for number, rule in enumerate(self.paths):
            yield f"paths.{number}.sign", rule.sign or {}


class OverrideRules(Document):
    """Who may force a promotion past which gates. Only gates listed here can be overridden.

    An override names one gate, gives a reason, and stays visible in the comment, the model card and
    the audit. Nobody can override gates for their own proposal.
    """

    roles: Annotated[tuple[RoleName, ...], Field(min_length=1)]
    gates: Annotated[tuple[WaivableGate, ...], Field(min_length=1)]


class StopRules(Document):
    """Which roles may block merges: `/hold` one pull request, `/freeze` the repository."""

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
    """How often one proposal may be measured, and who may request another attempt."""

    max: Annotated[int, Field(ge=1, le=10)] = 3
    """Including the first one; 1 means that nobody can request another."""
    roles: tuple[RoleName, ...] = ()
    """Who may request one; if empty, everyone with write access."""
