"""The errors that people read if one of their files is wrong."""

from __future__ import annotations

import pytest

from policy import documents
from policy.editor_schemas import stale
from policy.errors import UserError
from policy.files.dataset_card import parse_card
from policy.files.recipe import Recipe
from policy.files.rules import Policy
from tests.policy import builders as b

RECIPE = """\
base_model: acme/base
base_model_revision: 0123456789abcdef0123456789abcdef01234567
learning_rate: 5e-3
"""


def problems(kind: type, text: str, where: str = "recipe.yml") -> list[str]:
    with pytest.raises(UserError) as caught:
        documents.parse(kind, text, where)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_recipe() -> None:
    assert documents.parse(Recipe, RECIPE, "recipe.yml").learning_rate == 0.005


def test_every_problem_at_once_with_its_line() -> None:
    found = problems(Recipe, RECIPE + "lora_rank: 8\nseed: -1\nadapter: dora\n")
    assert "recipe.yml:4 lora_rank: unknown key; did you mean 'lora_r'?" in found
    assert sorted(line.split(":")[1].split()[0] for line in found) == ["4", "5", "6"]


def test_a_nested_unknown_key_names_its_neighbour() -> None:
    found = problems(Recipe, RECIPE + "decoding:\n  max_tokens: 3\n")
    assert found == [
        "recipe.yml:5 decoding.max_tokens: unknown key; did you mean 'max_new_tokens'?"
    ]


def test_an_unpinned_hub_model_is_refused() -> None:
    found = problems(Recipe, "base_model: acme/base\n")
    assert "pin the 40-digit commit" in found[0]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "base_model: acme/base\nbase_model_revision: sha256:" + "0" * 64,
            "40-digit commit of a hub",
        ),
        ("base_model: /data/x\nbase_model_revision: " + "a" * 40, "of a folder"),
        (RECIPE + "lora_alpha: .inf\n", "finite number"),
        (RECIPE + "warmup_steps: .inf\n", "finite number"),
        (RECIPE + "lora_target_modules: []\n", "lora_target_modules"),
    ],
)
def test_a_recipe_that_means_nothing(text: str, what: str) -> None:
    assert any(what in problem for problem in problems(Recipe, text))


def test_a_folder_below_models_is_a_path() -> None:
    assert not documents.parse(Recipe, "base_model: models/x\n", "recipe.yml").looks_like_hub_id


@pytest.mark.parametrize("bar", ["min: .nan", "min: -.inf", "max: .inf"])
def test_a_bar_that_is_no_number(bar: str) -> None:
    text = b.POLICY.replace("min: 0.5", bar)
    assert "finite number" in problems(Policy, text, "policy/policy.yml")[0]


def test_two_gates_of_one_metric() -> None:
    text = b.POLICY + "    - {metric: exact_match, min: 0.1}\n"
    assert "two gates" in problems(Policy, text, "policy/policy.yml")[0]


def test_a_role_holds_logins_of_enterprise_managed_users() -> None:
    text = b.POLICY.replace("[grace]", "[grace_acme]")
    assert b.policy(text).roles["ml-lead"].users == ("grace_acme",)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: &x 1\nb: *x\n", "alias"),
        ("seed: 1\nseed: 2\n", "given twice"),
        ("a: [1\n", "not valid YAML"),
        ("- 1\n", "not a mapping"),
        ("", "not a mapping"),
        ("[" * 100 + "]" * 100, "nested deeper"),
        ("seed: 1 # " + "x" * 1_100_000, "larger than"),
        ("a: \0", "not valid YAML"),
        ("seed: !!int abc", "'abc' is not a valid int"),
        ("seed: !!bool maybe", "'maybe' is not a valid bool"),
        ("seed: 0x_", "'0x_' is not a valid int"),
        ("seed: " + "1" * 5000, "is not a valid int"),
        ('seed: "\\ud800"', "half a surrogate pair"),
        ('"\\ud800": 1', "half a surrogate pair"),
    ],
)
def test_files_that_cannot_be_read(text: str, what: str) -> None:
    assert what in problems(Recipe, text)[0]


def test_a_problem_is_one_line_whatever_the_file_holds() -> None:
    found = problems(Recipe, RECIPE + '"a\\n::error::b\\e[31m": 1\n')
    assert "\n" not in found[0]
    assert "a\\n::error::b\\x1b[31m" in found[0]


@pytest.mark.parametrize("line", ["key{}: 1\n", "seed: {}\n"])
def test_a_file_of_nothing_but_mistakes_is_refused_shortly(line: str) -> None:
    found = problems(Recipe, RECIPE + "".join(line.format(n) for n in range(2000)))
    assert len(found) == documents.MAX_PROBLEMS + 1
    assert "more problems" in found[-1]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"a": 1, "a": 2}', "given twice"),
        ('{"a": "\\ud800"}', "surrogates not allowed"),
        ("[" * 100_000, "not valid JSON"),
        ("1" * 5000, "not valid JSON"),
        (b"\xff", "not valid JSON"),
        ("null", "contains nothing"),
    ],
)
def test_json_that_cannot_be_read(text: str | bytes, what: str) -> None:
    with pytest.raises(UserError, match=what):
        documents.parse_json(Recipe, text, "evidence.json")


def test_a_policy_that_names_an_unknown_role() -> None:
    text = b.POLICY.replace("{ml-lead: 1, operations: 1}", "{ml-head: 1}")
    found = problems(Policy, text, "policy/policy.yml")
    assert "names the role 'ml-head'" in found[0]


def test_a_gate_that_asks_nothing() -> None:
    text = b.POLICY.replace(", min: 0.5, max_drop: 0.05, min_gain_over_base: 0.2", "")
    assert "requires nothing" in problems(Policy, text, "policy/policy.yml")[0]


def test_a_card_keeps_the_line_numbers_of_its_file() -> None:
    with pytest.raises(UserError) as caught:
        parse_card("---\nlicense: MIT\nconfigs: []\n---\n", "README.md")
    where = [problem.where for problem in caught.value.problems]
    assert where == ["README.md:3 configs", "README.md:1 countersign"]


def test_one_file_cannot_be_two_splits() -> None:
    card = """---
license: MIT
configs:
  - data_files:
      - {split: train, path: rows.jsonl}
      - {split: test, path: Rows.jsonl}
countersign: {source: a, owner: a, version: a, guidelines: a, review_cadence: a, consent: a,
  classification: public}
---
"""
    with pytest.raises(UserError, match="belongs to two splits"):
        parse_card(card, "README.md")


def test_the_schemas_for_editors_are_current() -> None:
    assert stale() == []
