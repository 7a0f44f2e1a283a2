"""The policy file as people write it, and this repository's own."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from policy import documents
from policy.errors import UserError
from policy.files.people_rules import SignOffRules, strictest
from policy.files.rules import Policy
from tests.policy import builders as b

OWN = Path(__file__).parents[2] / "policy" / "policy.yml"


def own(text: str | None = None) -> Policy:
    return documents.parse(Policy, OWN.read_text() if text is None else text, "policy/policy.yml")


def refused(text: str) -> str:
    with pytest.raises(UserError) as caught:
        b.policy(text)
    return str(caught.value)


def test_this_repositorys_policy_lets_people_stop_and_override() -> None:
    policy = own()
    assert policy.stop.hold == ("ml-lead", "operations")
    assert policy.stop.freeze == ("operations",)
    assert policy.override is not None
    assert policy.override.gates == ("measurement", "parity")


def test_this_repositorys_policy_sets_no_calendar_and_no_budget() -> None:
    assert (own().calendar.windows, own().calendar.freezes, own().budget.limits()) == ((), (), ())


def test_the_examples_in_the_policy_hold_once_they_are_taken_in() -> None:
    """An example is a line whose # no space follows."""
    text, count = re.subn(r"(?m)^( *)#(?=[a-z-])", r"\1", OWN.read_text())
    policy = own(text)
    assert count > 15
    assert policy.sign_off.asked("policy") == {"ml-lead": 1, "operations": 1}
    assert policy.sign_off.models.keys() == {"support-triage"}
    assert policy.calendar.windows[0].start == time(9)
    assert policy.calendar.windows[0].until == time(16)
    assert [key for key, _ in policy.budget.limits()] == ["max_hours", "max_cost"]


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("override: {roles: [owner], gates: [parity]}", "override.roles"),
        ("stop: {hold: [owner]}", "stop.hold"),
        ("stop: {freeze: [owner]}", "stop.freeze"),
        ("budget: {roles: [owner]}", "budget.roles"),
    ],
)
def test_a_role_that_is_not_defined_is_named_with_its_key(section: str, key: str) -> None:
    said = refused(f"{b.POLICY}{section}\n")
    assert f"{key} names the role 'owner', but roles does not define it" in said


@pytest.mark.parametrize("quorum", ["data", "recipe", "contract", "policy"])
def test_every_quorum_asks_for_roles_that_exist(quorum: str) -> None:
    text = b.POLICY.replace("sign_off:\n", f"sign_off:\n  {quorum}: {{owner: 1}}\n")
    assert f"sign_off.{quorum} names the role 'owner'" in refused(text)


@pytest.mark.parametrize("gate", ["data", "binding", "artifact", "consistency", "sign-off"])
def test_what_can_never_be_overridden_is_refused_where_it_stands(gate: str) -> None:
    said = refused(f"{b.POLICY}override: {{roles: [ml-lead], gates: [{gate}]}}\n")
    assert re.search(r"policy\.yml:\d+ override\.gates\.0: ", said)


@pytest.mark.parametrize("quorum", ["promote", "rollback", "policy"])
def test_a_quorum_of_nobody_is_refused(quorum: str) -> None:
    asked: dict[str, Any] = {"promote": {"a": 1}, "rollback": {"a": 1}, quorum: {}}
    with pytest.raises(ValueError, match=f"{quorum} requires nobody"):
        SignOffRules(**asked)


def test_rules_are_signed_as_promotions_unless_the_policy_says_otherwise() -> None:
    rules = SignOffRules(promote={"a": 1}, rollback={"b": 1})
    assert rules.asked("policy") == {"a": 1}
    rules = SignOffRules(promote={"a": 1}, rollback={"b": 1}, policy={"c": 2})
    assert rules.asked("policy", "m") == {"c": 2}


def test_a_models_own_quorum_counts_for_that_model_alone() -> None:
    models: Any = {"m": {"promote": {"a": 2}, "data": {}}}
    rules = SignOffRules(promote={"a": 1}, rollback={"b": 1}, data={"a": 1}, models=models)
    assert (rules.asked("promote", "m"), rules.asked("promote", "n")) == ({"a": 2}, {"a": 1})
    assert (rules.asked("data", "m"), rules.asked("data", "n")) == ({}, {"a": 1})
    assert rules.asked("rollback", "m") == {"b": 1}


def test_the_strictest_count_of_each_role_is_asked() -> None:
    assert strictest([{"a": 1, "b": 2}, {"a": 3}, {}]) == {"a": 3, "b": 2}
    assert strictest([]) == {}
