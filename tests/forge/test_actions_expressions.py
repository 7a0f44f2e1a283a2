"""The expression language: GitHub's rules of truth and equality, and refusals by name."""

from __future__ import annotations

from typing import Any

import pytest

from countersign_ml.forge.actions.workflow_triggers import matches
from countersign_ml.forge.workflow.expressions import RefusalError, evaluate, holds, interpolate

SCOPE: dict[str, Any] = {
    "github": {"ref": "refs/heads/main", "event": {"labels": ["a", "B"]}},
    "inputs": {"fail": True, "name": "Triage"},
    "needs": {"gate": {"result": "success", "outputs": {"my-key": "v"}}},
    "env": {},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it''s'", "it's"),
        ("inputs.name == 'TRIAGE'", True),
        ("inputs.fail && 'yes' || 'no'", "yes"),
        ("!inputs.fail || github.ref != 'refs/heads/main'", False),
        ("needs.gate.outputs.my-key", "v"),
        ("needs['gate'].result", "success"),
        ("env.absent", None),
        ("env.absent == ''", True),
        ("contains(github.event.labels, 'b')", True),
        ("startsWith(github.ref, 'refs/heads/')", True),
        ("format('{0}-{1} {{}}', 'a', 1)", "a-1 {}"),
        ("fromJSON('[1, 2]')[1]", 2),
        ("1 == '1'", True),
        ("null == 0", True),
        ("('a' == 'b') == false", True),
    ],
)
def test_expressions_have_githubs_values(text: str, value: Any) -> None:
    assert evaluate(text, SCOPE) == value


@pytest.mark.parametrize(
    "text",
    [
        "hashFiles('x')",
        "matrix.os",
        "a +",
        "github.ref ==",
        "'open",
        "success()",
        "format('{3}')",
        "contains('a')",
    ],
)
def test_what_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(RefusalError):
        evaluate(text, SCOPE)


def test_interpolation_keeps_the_text_around_and_braces_in_strings() -> None:
    assert interpolate("a ${{ inputs.name }} ${{ '}}' }} $X", SCOPE) == "a Triage }} $X"
    assert interpolate(3, SCOPE) == 3
    with pytest.raises(RefusalError, match="not closed"):
        interpolate("${{ inputs.name", SCOPE)


@pytest.mark.parametrize(
    ("condition", "ok", "expected"),
    [
        (None, True, True),
        (None, False, False),
        ("always()", False, True),
        ("failure()", False, True),
        ("inputs.fail", False, False),
        ("${{ inputs.fail }}", True, True),
        ("failure() && inputs.fail", False, True),
    ],
)
def test_a_condition_without_a_status_function_implies_success(
    condition: str | None, ok: bool, expected: bool
) -> None:
    def status(word: str) -> bool:
        return {"always": True, "success": ok, "failure": not ok, "cancelled": False}[word]

    assert holds(condition, SCOPE, status) is expected


@pytest.mark.parametrize(
    ("patterns", "name", "expected"),
    [
        (["main"], "main", True),
        (["release/*"], "release/1", True),
        (["release/*"], "release/1/2", False),
        (["models/**"], "models/a/b.json", True),
        (["models/*/pointer.json"], "models/a/pointer.json", True),
        (["**/x.txt"], "x.txt", True),
        (["**", "!docs/**"], "docs/a", False),
        (["!docs/**", "docs/a"], "docs/a", True),
    ],
)
def test_filter_patterns_match_as_on_github(patterns: list[str], name: str, expected: bool) -> None:
    assert matches(patterns, name) is expected
