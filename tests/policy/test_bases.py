"""Which base models a recipe may name, by the base branch's policy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.files.bases import BaseRules

RULES = BaseRules(hub=("acme/*", "Qwen/Qwen3-0.6B"), folders=("models/*/base",), hosted=("gpt-*",))


@pytest.mark.parametrize(
    "name", ["acme/any", "Qwen/Qwen3-0.6B", "models/support/base", "gpt-4.1-mini-2025-04-14"]
)
def test_what_the_policy_names_may_be_a_base(name: str) -> None:
    assert RULES.refusal(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "Qwen/Qwen3-0.6B-evil",
        "Acme/any",
        "acme",
        "evil/acme",
        "models/support/other",
        "elsewhere/models/support/base",
        "./models/../../base",
        "models/../outside/base",
        "/models/support/base",
        "/root/base",
        "../base",
        "o1-2024-12-17",
    ],
)
def test_nothing_else_may(name: str) -> None:
    assert "base_model" in RULES.refusal(name)


def test_without_rules_only_governed_folders_may() -> None:
    rules = BaseRules()
    assert rules.refusal("models/support/base") == ""
    assert "bases.hub of the policy, which is empty" in rules.refusal("acme/base")
    assert "bases.folders" in rules.refusal("./weights/base")


@given(st.text("aA/.*?-_0", min_size=1, max_size=24))
def test_a_name_that_climbs_out_is_never_allowed(name: str) -> None:
    everything = BaseRules(hub=("*", "*/*"), folders=("*",), hosted=("*",))
    if name.startswith("/") or ".." in name.split("/"):
        assert "outside the repository" in everything.refusal(name)
