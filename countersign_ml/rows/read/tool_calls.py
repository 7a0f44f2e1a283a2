"""Tool calls: what a row declares, what an answer calls, and whether the calls fit.

A row declares its functions under `tools`, in OpenAI's format. They are written into the system
turn, so that every template and engine shows the model the same text; the calls are written as a
JSON list of names and arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from countersign_ml.rows.read.formats import NotARow, declared
from countersign_ml.rows.read.json_schemas import SchemaChecker, canonical, load_schema
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.strict_json import loads
from policy.errors import UserError

_TAGGED = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


@dataclass(frozen=True)
class Call:
    """One call, comparable with another: arguments are JSON with sorted keys."""

    name: str
    arguments: str


def calls_of(text: str) -> tuple[Call, ...] | None:
    """Return an answer's calls in order; None if it is not a list of calls.

    Accepted are a JSON list, a single object, and JSON in `<tool_call>` tags, which many models
    write; each object is `{name, arguments}` or OpenAI's `{function: {name, arguments}}`, whose
    arguments may be JSON in a string.
    """
    tagged = _TAGGED.findall(text)
    if tagged and not _TAGGED.sub("", text).strip():
        listed = [_value(part) for part in tagged]
    else:
        value = _value(text)
        listed = value if isinstance(value, list) else [value]
    calls = [_call(value) for value in listed]
    found = [call for call in calls if call is not None]
    return tuple(found) if len(found) == len(calls) else None


def _value(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return None


def _call(value: Any) -> Call | None:
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    arguments = value.get("arguments", {})
    if isinstance(arguments, str):
        arguments = _value(arguments)
    if not isinstance(arguments, dict):
        return None
    return Call(value["name"], canonical(arguments))


def row_problems(row: Row) -> Iterator[tuple[str, str]]:
    """Yield (field, message) for malformed tools, and for calls that do not fit them."""
    if "tools" not in row.metadata:
        return
    try:
        declared(row.metadata["tools"])  # only some formats read them together with the row
    except NotARow as error:
        yield error.field, str(error)
        return
    try:
        declared_schemas(row.metadata["tools"])
    except UserError as error:
        yield from ((problem.where, problem.what) for problem in error.problems)
        return
    calls = calls_of(row.answer)
    for message in call_problems(row, calls or ()):
        yield f"messages.{len(row.messages) - 1}", message


def call_problems(row: Row, calls: Sequence[Call]) -> Iterator[str]:
    """Yield why calls do not fit the functions that a row declares; nothing if it declares none."""
    if "tools" not in row.metadata:
        return
    functions = declared_schemas(row.metadata["tools"])
    for call in calls:
        schema = functions.get(call.name)
        if schema is None:
            yield f"calls {call.name[:80]!r}, which tools does not declare"
            continue
        for field, message in schema.problems(call.arguments):
            place = f".{field}" if field else ""
            yield f"{call.name} arguments{place}: {message}"


def declared_schemas(tools: Any) -> dict[str, SchemaChecker]:
    """Return each declared function's parameters as a schema; UserError if one is no schema."""
    return _declared(canonical(tools))


@lru_cache(maxsize=1024)
def _declared(tools: str) -> dict[str, SchemaChecker]:
    """Return each function's parameters as a schema; cached because rows often share tools."""
    found = {}
    for number, tool in enumerate(loads(tools)):
        function = tool["function"]
        parameters = {"type": "object", **function.get("parameters", {})}
        found[function["name"]] = load_schema(
            canonical(parameters), f"tools.{number}.function.parameters"
        )
    return found
