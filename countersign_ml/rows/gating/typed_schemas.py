"""JSON Schemas as types that msgspec decodes into, for the schemas of most contracts.

`typed(schema)` promises one direction only, as `compiled` does: what its decoder takes fits the
schema, where no key is given twice. Any keyword that has no exact counterpart leaves the schema to
`compiled`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec

from countersign_ml.rows.gating.compiled_schemas import SILENT

Decode = Callable[[bytes], list[Any]]
_EXACT = 1 << 53
"""Below this every whole number is a float, so that comparing floats compares numbers."""


def typed(schema: Any) -> Decode | None:
    """Return a function that decodes values, one a line, and raises `msgspec.DecodeError` where one
    may not fit; None where the schema is too rich."""
    try:
        return msgspec.json.Decoder(_type(schema)).decode_lines
    except (_TooRichError, TypeError, ValueError):
        return None


class _TooRichError(Exception):
    """A keyword, or a value of one, that has no type here."""


def _type(schema: Any) -> Any:
    if schema is True or schema == {}:
        return Any
    if not isinstance(schema, dict):
        raise _TooRichError
    said = {name: value for name, value in schema.items() if name not in SILENT}
    if said.keys() == {"enum"} or (said.keys() == {"type", "enum"} and said["type"] == "string"):
        return _one_of(said["enum"])
    if said.keys() == {"const"}:
        return _one_of([said["const"]])
    kind = said.pop("type", None)
    build = _TYPES.get(kind) if isinstance(kind, str) else None
    if build is None:
        raise _TooRichError
    return build(said)


def _one_of(values: Any) -> Any:
    if not values or not all(isinstance(value, str) for value in values):
        raise _TooRichError
    return Literal[tuple(values)]


def _limited(said: dict[str, Any], base: Any, names: dict[str, str]) -> Any:
    if not names.keys() >= said.keys():
        raise _TooRichError
    limits = {names[name]: value for name, value in said.items()}
    return Annotated[base, msgspec.Meta(**limits)] if limits else base


def _string(said: dict[str, Any]) -> Any:
    names = {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"}
    return _limited(said, str, names)


def _number(said: dict[str, Any], base: Any) -> Any:
    if not all(-_EXACT < value < _EXACT for value in said.values()):
        raise _TooRichError
    return _limited(said, base, {"minimum": "ge", "maximum": "le"})


def _integer(said: dict[str, Any]) -> Any:
    if not all(type(value) is int for value in said.values()):
        raise _TooRichError
    return _number(said, int)


def _array(said: dict[str, Any]) -> Any:
    of = types.GenericAlias(list, (_type(said.pop("items", True)),))
    return _limited(said, of, {"minItems": "min_length", "maxItems": "max_length"})


def _object(said: dict[str, Any]) -> Any:
    required = said.pop("required", [])
    members = said.pop("properties", {})
    others = said.pop("additionalProperties", True)
    if said or others not in (True, False) or not set(required) <= members.keys():
        raise _TooRichError
    fields: list[Any] = []
    for number, (name, part) in enumerate(members.items()):
        kind = _type(part)
        field = (f"f{number}", kind)
        fields.append(
            field if name in required else (field[0], kind | msgspec.UnsetType, msgspec.UNSET)
        )
    return msgspec.defstruct(
        "Object",
        fields,
        rename={f"f{number}": name for number, name in enumerate(members)},
        forbid_unknown_fields=not others,
        kw_only=True,
        gc=False,
    )


_TYPES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "string": _string,
    "integer": _integer,
    "number": lambda said: _number(said, float),
    "boolean": lambda said: _limited(said, bool, {}),
    "null": lambda said: _limited(said, None, {}),
    "array": _array,
    "object": _object,
}
