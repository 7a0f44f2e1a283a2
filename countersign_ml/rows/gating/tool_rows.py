"""Rows that declare tools, read like plain ones: rows mostly share their tools.

`tool_turns` reads a row in the messages format; a tool set is checked and written out once for all
rows that have it. What is odd in any way is left to the strict reader, and so is an answer that may
not fit the functions: both readers agree wherever this one answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from countersign_ml.rows.read.formats import NotARow, Role, calls_text, tools_text
from countersign_ml.rows.read.json_schemas import SchemaChecker
from countersign_ml.rows.read.row_shapes import MESSAGE_ROLES, Plain
from countersign_ml.rows.read.tool_calls import declared_schemas
from policy.errors import UserError

REMEMBERED, LONGEST = 4096, 1 << 15
"""Tool sets that are remembered, and the bytes of the longest."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class ToolSet:
    """The functions of a row: their text for the system turn, and each one's parameters."""

    told: str
    schemas: dict[str, SchemaChecker]


_known: dict[bytes, ToolSet | None] = {}


def tool_turns(value: dict[str, Any]) -> tuple[Plain, bool] | None:
    """Return a row's roles and texts, and whether its answer is certain to fit its tools.

    None if the strict reader has to look at the row.
    """
    try:
        tools = _tool_set(value["tools"])
        turns = value["messages"]
        if tools is None or type(turns) is not list or not turns:
            return None
        roles: list[Role] = []
        texts: list[str] = []
        for turn in turns:
            role = turn["role"]
            if role not in MESSAGE_ROLES:
                return None
            text = _text(turn)
            if text is None:
                return None
            roles.append(role)
            texts.append(text)
        certain = _certain(turns[-1], texts[-1], tools)
    except (TypeError, KeyError, AttributeError, ValueError, RecursionError):
        return None
    if roles[0] == "system":
        texts[0] = f"{texts[0]}\n\n{tools.told}"
    else:
        roles, texts = ["system", *roles], [tools.told, *texts]
    return (tuple(roles), texts), certain


def _text(turn: dict[str, Any]) -> str | None:
    calls = turn.get("tool_calls")
    if calls is None:
        text = turn["content"]
        return text if type(text) is str else None
    if turn.get("content") or b"\\u" in _encode(calls):  # escapes can hide half a surrogate pair
        return None
    return calls_text(calls, "tool_calls")


def _certain(turn: dict[str, Any], text: str, tools: ToolSet) -> bool:
    calls = turn.get("tool_calls")
    if calls is None:
        return text.lstrip()[:1] not in ("[", "{") and "<tool_call>" not in text
    for call in calls:
        function = call["function"]
        schema = tools.schemas.get(function["name"])
        arguments = function.get("arguments", {})
        if isinstance(arguments, str):
            arguments = msgspec.json.decode(arguments)
        if schema is None or type(arguments) is not dict or not schema.accepts(arguments):
            return False
    return True


def _tool_set(tools: Any) -> ToolSet | None:
    key = _encode(tools)
    if key in _known:
        return _known[key]
    if len(_known) >= REMEMBERED:
        _known.clear()
    found = _read(tools) if len(key) <= LONGEST else None
    _known[key] = found
    return found


def _read(tools: Any) -> ToolSet | None:
    try:
        told = tools_text(tools)
        schemas = declared_schemas(tools)
    except (NotARow, UserError):
        return None
    return ToolSet(told, schemas)
