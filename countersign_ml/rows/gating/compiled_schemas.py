"""JSON Schemas as plain functions, for the schemas of most contracts.

`compiled(schema)` is one-sided: if its function returns True, jsonschema accepts the value too (the
tests compare them). False means that jsonschema must check, and people read its messages. A schema
with a keyword that is unknown here is left to jsonschema.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]
SILENT = frozenset(
    {"$schema", "$comment", "title", "description", "default", "examples", "deprecated", "format"}
)
_KNOWN = SILENT | {
    "type", "enum", "const", "minLength", "maxLength", "pattern", "minimum", "maximum",
    "required", "properties", "additionalProperties", "items", "minItems", "maxItems", "anyOf",
    "allOf",
}  # fmt: skip
_TYPES: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "integer": frozenset({int}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
    "null": frozenset({type(None)}),
    "array": frozenset({list}),
    "object": frozenset({dict}),
}


def compiled(schema: Any) -> Check | None:
    """Return a function that accepts only what the schema accepts; None if it is too complex."""
    try:
        return _compile(schema)
    except _TooRichError:
        return None


class _TooRichError(Exception):
    """A keyword, or a value of a keyword, that is left to jsonschema."""


def _compile(schema: Any) -> Check:
    if schema is True or schema == {}:
        return lambda value: True
    if not isinstance(schema, dict) or not _KNOWN.issuperset(schema):
        raise _TooRichError
    checks = [_type(schema["type"])] if "type" in schema else []
    for words in ("enum", "const"):
        if words in schema:
            checks.append(_listed(schema[words] if words == "enum" else [schema[words]]))
    if schema.keys() & {"minLength", "maxLength", "pattern"}:
        checks.append(_text(schema))
    if schema.keys() & {"minimum", "maximum"}:
        checks.append(_number(schema))
    if schema.keys() & {"items", "minItems", "maxItems"}:
        checks.append(_array(schema))
    if schema.keys() & {"required", "properties", "additionalProperties"}:
        checks.append(_object(schema))
    if "anyOf" in schema:
        either = [_compile(part) for part in schema["anyOf"]]
        checks.append(lambda value: any(check(value) for check in either))
    checks.extend(_compile(part) for part in schema.get("allOf", ()))
    if len(checks) == 1:
        return checks[0]
    if len(checks) == 2:
        first, second = checks
        return lambda value: first(value) and second(value)
    every = tuple(checks)

    def holds(value: Any) -> bool:
        for check in every:  # noqa: SIM110 - a generator costs twice as much
            if not check(value):
                return False
        return True

    return holds


def _type(named: str | list[str]) -> Check:
    names = [named] if isinstance(named, str) else named
    types = frozenset[type]().union(*(_TYPES[name] for name in names))
    if len(types) == 1:
        (only,) = types
        return lambda value: type(value) is only
    return lambda value: type(value) in types


def _listed(values: list[Any]) -> Check:
    """Accept only texts and null: equality of numbers and booleans differs from Python's."""
    if not all(value is None or isinstance(value, str) for value in values):
        raise _TooRichError
    texts = frozenset(values)
    return lambda value: (type(value) is str or value is None) and value in texts


def _text(schema: dict[str, Any]) -> Check:
    least, most = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
    if "pattern" not in schema:
        return lambda value: type(value) is not str or least <= len(value) <= most
    search = re.compile(schema["pattern"]).search
    return lambda value: (
        type(value) is not str or (least <= len(value) <= most and search(value) is not None)
    )


def _number(schema: dict[str, Any]) -> Check:
    least, most = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    return lambda value: type(value) not in (int, float) or least <= value <= most


def _array(schema: dict[str, Any]) -> Check:
    least, most = schema.get("minItems", 0), schema.get("maxItems", float("inf"))
    each = _compile(schema.get("items", True))
    return lambda value: (
        type(value) is not list
        or (least <= len(value) <= most and all(each(item) for item in value))
    )


def _object(schema: dict[str, Any]) -> Check:
    required = frozenset(schema.get("required", ()))
    known = {name: _compile(part) for name, part in schema.get("properties", {}).items()}
    others = schema.get("additionalProperties", True)
    other = None if others is False else _compile(others)

    def holds(value: Any) -> bool:
        if type(value) is not dict:
            return True
        if not required <= value.keys():
            return False
        for name, item in value.items():
            check = known.get(name, other)
            if check is None or not check(item):
                return False
        return True

    return holds
