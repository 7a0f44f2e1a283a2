"""The JSON Schemas of contracts and tools, checked without network access and in bounded time.

A schema comes with a pull request, so a `$ref` to anything but its own parts is refused: otherwise
a pull request could make the runner fetch a URL. A `pattern` is matched by an engine that takes
time linear in the text; one that needs look-around or back-references is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jsonschema_rs import (
    Draft202012Validator,
    ReferencingError,
    RegexOptions,
    ValidationError,
    ValidationErrorKind,
)

from countersign_ml.rows.read.strict_json import loads
from policy.errors import UserError


@dataclass(frozen=True)
class SchemaChecker:
    """One schema, for plain text or for JSON inside the text."""

    schema: dict[str, Any]
    where: str
    _validator: Draft202012Validator = field(repr=False, compare=False)

    @property
    def of_text(self) -> bool:
        """True if the message itself is the instance: the schema's type is `string`."""
        return bool(self.schema.get("type") == "string")

    def value(self, text: str) -> Any:
        """Return the instance in a message's text; ValueError if it is not JSON."""
        return text if self.of_text else loads(text)

    def problems(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield (field, message) for each way in which `text` does not fit."""
        try:
            instance = self.value(text)
        except ValueError as error:
            yield "", f"not valid JSON: {error}"
            return
        try:
            for found in self._validator.iter_errors(instance):
                yield ".".join(map(str, found.instance_path)), _short(_said(found))
        except ValueError as error:  # nested deeper than the library goes
            yield "", f"cannot be checked: {_short(str(error))}"

    def fits(self, text: str) -> bool:
        """Return whether `text` fits the schema."""
        try:
            return self.accepts(self.value(text))
        except ValueError:
            return False

    def accepts(self, instance: Any) -> bool:
        """Return whether an instance fits the schema; ValueError if it is nested too deep."""
        return bool(self._validator.is_valid(instance))


def load_schema(text: str, where: str) -> SchemaChecker:
    """Read a JSON Schema (draft 2020-12); UserError if it is not valid."""
    try:
        schema = loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise UserError.one(
            f"{where}:{line}", f"not valid JSON: {error}", "fix the syntax there"
        ) from error
    if not isinstance(schema, dict):
        raise UserError.one(where, "not a JSON Schema", "write an object, with type and so on")
    for reference in _references(schema):
        if not reference.startswith("#"):
            raise UserError.one(
                where,
                f"refers to {reference!r}, which is outside this file",
                "write the referenced part under $defs and refer to #/$defs/<name>",
            )
    try:
        validator = Draft202012Validator(
            schema, validate_formats=False, pattern_options=RegexOptions(), retriever=_refuse
        )
    except ValidationError as error:
        place = ".".join(map(str, error.instance_path))
        raise UserError.one(f"{where} {place}".rstrip(), *_why_invalid(schema, error)) from error
    except (ReferencingError, ValueError) as error:
        raise UserError.one(
            where, f"not a valid JSON Schema: {_short(str(error))}", "fix the schema there"
        ) from error
    return SchemaChecker(schema, where, validator)


def _said(error: ValidationError) -> str:
    """Return the library's message, with every allowed value: it names two and counts the rest."""
    if isinstance(error.kind, ValidationErrorKind.Enum):
        return f"{canonical(error.instance)} is not one of {canonical(error.kind.options)}"
    return str(error.message)


def _why_invalid(schema: Any, error: ValidationError) -> tuple[str, str]:
    """Return what is wrong with a schema, and how to fix it."""
    value = schema
    for key in error.instance_path:
        value = value[key]
    if error.message.endswith('is not a "regex"'):
        return (
            f"the pattern {_short(str(value))!r} is not a regular expression that can be matched "
            "in linear time",
            "write it without look-around and back-references",
        )
    return f"not a valid JSON Schema: {_short(error.message)}", "fix the schema there"


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is outside this file")


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            elif key in ("$id", "$schema") and isinstance(value, str) and key == "$id":
                yield value if value.startswith("#") else f"$id {value}"
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:160]} ... {text[-35:]}"


def canonical(value: Any) -> str:
    """Return JSON text by which two values can be compared."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
