"""Schemas of contracts and tools: judged as jsonschema does, in bounded time, never by a URL."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from countersign_ml.rows.gating.schema_fit import Fits
from countersign_ml.rows.read.json_schemas import SchemaChecker, load_schema
from policy.errors import UserError

SCHEMAS: list[dict[str, Any]] = [
    json.loads(Path("models/support-triage/contract/output.schema.json").read_text()),
    json.loads(Path("models/support-triage/contract/input.schema.json").read_text()),
    {"type": ["integer", "null"], "minimum": 2, "maximum": 9},
    {"type": "array", "items": {"enum": ["a", None]}, "minItems": 1, "maxItems": 2},
    {"anyOf": [{"type": "string", "pattern": "^a"}, {"const": "b"}]},
    {"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}}},
    {"type": "object", "additionalProperties": {"type": "boolean"}},
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats(allow_nan=False)
    | st.sampled_from(["a", "b", "ab", "access", "normal", "P87M81", "kettle", "a summary"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["a", "category", "priority", "product", "order_id", "summary"]), inner
    ),
    max_leaves=8,
)  # fmt: skip


def checker(schema: Any) -> SchemaChecker:
    return load_schema(json.dumps(schema), "output.schema.json")


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(SCHEMAS), VALUES)
def test_it_judges_as_jsonschema_does(schema: dict[str, Any], value: Any) -> None:
    found = checker(schema)
    right = Draft202012Validator(schema).is_valid(value)
    assert found.accepts(value) == right
    text = value if found.of_text and isinstance(value, str) else json.dumps(value)
    if not found.of_text:
        assert found.fits(text) == right
        assert (list(found.problems(text)) == []) == right
        assert right or Fits(found).misfits([text]) == {0}  # one-sided: the strict reader decides


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|aa)+$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$"]
)
def test_a_pattern_that_backtracks_takes_no_time(pattern: str) -> None:
    found = checker({"type": "string", "pattern": pattern})
    text = "ax" * 50_000 + "!"
    started = time.process_time()
    assert not found.fits(text) or "x" in pattern
    list(found.problems(text))
    assert time.process_time() - started < 5


@pytest.mark.parametrize("pattern", ["^(?=a)b$", r"(a)\\1", "(?<!a)b", "["])
@pytest.mark.parametrize("place", [(), ("properties", "a"), ("properties", "b", "items")])
def test_a_pattern_without_a_bound_is_refused_with_its_place(
    pattern: str, place: tuple[str, ...]
) -> None:
    schema: Any = {"pattern": json.loads(f'"{pattern}"')}
    for key in reversed(place):
        schema = {key: schema}
    with pytest.raises(UserError, match="can be matched in linear time") as told:
        checker(schema)
    assert ".".join((*place, "pattern")) in str(told.value)


def test_a_referenced_pattern_without_a_bound_is_refused() -> None:
    schema = {"$ref": "#/$defs/deep", "$defs": {"deep": {"pattern": "^(?=a)b$"}}}
    with pytest.raises(UserError, match=r"linear time|not a valid JSON Schema"):
        checker(schema)


def test_patterns_of_names_are_bounded_too() -> None:
    found = checker({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False})
    started = time.process_time()
    assert not found.fits(json.dumps({"a" * 50_000 + "!": 1}))
    assert time.process_time() - started < 5
    with pytest.raises(UserError, match=r"not a valid JSON Schema|linear time"):
        checker({"patternProperties": {"(?=a)": {}}})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/x.json"},
        {"properties": {"a": {"$ref": "other.json"}}},
        {"$id": "http://127.0.0.1:9/", "$ref": "x"},
        {"$dynamicRef": "http://127.0.0.1:9/x"},
    ],
)
def test_nothing_outside_the_file_is_read(schema: Any) -> None:
    with pytest.raises(UserError, match="outside this file"):
        checker(schema)


@pytest.mark.parametrize("schema", [{"$ref": "#/$defs/none"}, {"type": "text"}, {"minLength": -1}])
def test_a_schema_that_is_none_is_refused(schema: Any) -> None:
    with pytest.raises(UserError, match=r"output\.schema\.json.*not a valid JSON Schema"):
        checker(schema)


def test_every_allowed_value_is_named() -> None:
    found = checker({"properties": {"sign": {"enum": ["<", ">", "=", ">=", "<="]}}})
    (problem,) = found.problems('{"sign": "=="}')
    assert problem == ("sign", '"==" is not one of ["<", ">", "=", ">=", "<="]')


def test_keywords_that_only_describe_are_allowed() -> None:
    found = checker({"type": "object", "optional": ["x"], "$comment": "y", "format": "date"})
    assert found.fits("{}")


def test_what_is_nested_too_deep_is_a_problem_and_no_crash() -> None:
    found = checker({"type": "array"})
    for depth in (200, 500, 3000):
        text = "[" * depth + "]" * depth
        assert found.fits(text) == (not list(found.problems(text)))
        assert found.fits(text) or Fits(found).misfits([text]) == {0}
