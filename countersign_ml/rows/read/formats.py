"""The four formats of rows, each converted to the same list of turns.

The formats are OpenAI `messages`, prompt and completion, Alpaca, and ShareGPT. Tool calls become
the text that the model should write: a JSON list of names and arguments. OpenAI's `tools` become
part of the system turn, so that every template and engine treats them alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
Roles = tuple[Role, ...]
FormatName = Literal["messages", "prompt-completion", "alpaca", "sharegpt"]


@dataclass(frozen=True)
class Turn:
    """One message: its role and its text."""

    role: Role
    content: str


class NotARow(ValueError):  # noqa: N818 - says what the value is
    """A row that fits none of the formats; `field` is where it fails."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


TOOLS = (
    "You can call these functions. To call them, answer with nothing but a JSON list of objects, "
    'each with "name" and "arguments".'
)
"""The text before the functions in the system turn; changing it changes what is trained."""

_SHAREGPT_ROLES: dict[str, Role] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
}
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


def turns_of(row: dict[str, Any]) -> tuple[FormatName, tuple[Turn, ...], frozenset[str]]:
    """Return a row's format, its turns, and the keys that make them up; NotARow otherwise."""
    for name, key, read, keys in _FORMATS:
        if key in row:
            return name, read(row), keys
    known = ", ".join(repr(key) for _, key, _, _ in _FORMATS)
    raise NotARow("", f"unknown format: none of the keys {known} is present")


def _messages(row: dict[str, Any]) -> tuple[Turn, ...]:
    turns = _listed(row["messages"], "messages", "role", "content", _ROLES)
    return turns if "tools" not in row else _with_tools(turns, row["tools"])


def declared(tools: Any) -> list[dict[str, Any]]:
    """Return the functions that a row declares; NotARow if one is malformed."""
    if not isinstance(tools, list) or not tools:
        raise NotARow("tools", "must be a list with at least one function")
    functions = [_function(tool, f"tools.{number}") for number, tool in enumerate(tools)]
    names = [function["name"] for function in functions]
    if len(set(names)) < len(names):
        raise NotARow("tools", "declares a function twice")
    return functions


def tools_text(tools: Any) -> str:
    """Return the text that shows the model a row's functions; NotARow says what is wrong."""
    written = json.dumps(declared(tools), separators=(",", ":"), ensure_ascii=False)
    return f"{TOOLS}\n{_text(written, 'tools')}"


def _with_tools(turns: tuple[Turn, ...], tools: Any) -> tuple[Turn, ...]:
    """Write the declared functions below the text of the system turn."""
    told = tools_text(tools)
    if turns[0].role == "system":
        return (Turn("system", f"{turns[0].content}\n\n{told}"), *turns[1:])
    return (Turn("system", told), *turns)


def _function(tool: Any, field: str) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or tool.get("type", "function") != "function":
        raise NotARow(field, "must be an object with type: function and a function")
    if not isinstance(function.get("name"), str) or not function["name"]:
        raise NotARow(f"{field}.function.name", "must be text")
    if not isinstance(function.get("parameters", {}), dict):
        raise NotARow(f"{field}.function.parameters", "must be a JSON Schema, an object")
    return {key: function[key] for key in ("name", "description", "parameters") if key in function}


def _sharegpt(row: dict[str, Any]) -> tuple[Turn, ...]:
    turns = _listed(row["conversations"], "conversations", "from", "value", _SHAREGPT_ROLES)
    system = row.get("system")
    if system is None:
        return turns
    return (Turn("system", _text(system, "system")), *turns)


def _prompt_completion(row: dict[str, Any]) -> tuple[Turn, ...]:
    return (*_side(row, "prompt", "user"), *_side(row, "completion", "assistant"))


def _side(row: dict[str, Any], key: str, role: Role) -> tuple[Turn, ...]:
    """Read one side: a text, or a list of messages."""
    value = row.get(key)
    if isinstance(value, list):
        return _listed(value, key, "role", "content", _ROLES)
    return (Turn(role, _text(value, key)),)


def _alpaca(row: dict[str, Any]) -> tuple[Turn, ...]:
    asked = _text(row["instruction"], "instruction")
    given = _text(row.get("input", ""), "input")
    user = f"{asked}\n\n{given}" if given else asked
    turns = (Turn("user", user), Turn("assistant", _text(row.get("output"), "output")))
    system = row.get("system")
    return turns if system is None else (Turn("system", _text(system, "system")), *turns)


def _listed(
    value: Any, field: str, role_key: str, text_key: str, roles: dict[str, Role]
) -> tuple[Turn, ...]:
    if not isinstance(value, list) or not value:
        raise NotARow(field, "must be a list with at least one message")
    turns = []
    for number, message in enumerate(value):
        place = f"{field}.{number}"
        if not isinstance(message, dict):
            raise NotARow(place, "must be an object")
        role = roles.get(str(message.get(role_key)))
        if role is None:
            raise NotARow(
                f"{place}.{role_key}",
                f"{message.get(role_key)!r} is not a role; known roles: {', '.join(sorted(roles))}",
            )
        calls = message.get("tool_calls")
        if calls is not None:
            if message.get(text_key):
                raise NotARow(place, "has both text and tool_calls; keep one of them")
            turns.append(Turn(role, calls_text(calls, f"{place}.tool_calls")))
        else:
            turns.append(Turn(role, _content(message.get(text_key), f"{place}.{text_key}")))
    return tuple(turns)


def _content(value: Any, field: str) -> str:
    """Read a text, or OpenAI's list of text parts; images and audio are refused."""
    if not isinstance(value, list):
        return _text(value, field)
    parts = []
    for part in value:
        if not isinstance(part, dict) or part.get("type") != "text":
            raise NotARow(field, "contains a part that is not text; only text can be trained on")
        parts.append(_text(part.get("text"), field))
    return "".join(parts)


def calls_text(value: Any, field: str) -> str:
    """Return OpenAI tool calls as JSON text."""
    if not isinstance(value, list) or not value:
        raise NotARow(field, "must be a list with at least one call")
    calls = []
    for call in value:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise NotARow(field, "each call needs function.name and function.arguments")
        arguments = function.get("arguments", {})
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except ValueError as error:
                raise NotARow(field, f"function.arguments is not JSON: {error}") from error
        calls.append({"name": function["name"], "arguments": arguments})
    return json.dumps(calls, separators=(",", ":"), ensure_ascii=False)


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise NotARow(field, "missing" if value is None else "must be text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise NotARow(field, "contains half a surrogate pair, which is not text") from error
    return value


_FORMATS: tuple[
    tuple[FormatName, str, Callable[[dict[str, Any]], tuple[Turn, ...]], frozenset[str]], ...
] = (
    ("messages", "messages", _messages, frozenset({"messages"})),
    ("sharegpt", "conversations", _sharegpt, frozenset({"conversations", "system"})),
    (
        "alpaca",
        "instruction",
        _alpaca,
        frozenset({"instruction", "input", "output", "system"}),
    ),
    (
        "prompt-completion",
        "prompt",
        _prompt_completion,
        frozenset({"prompt", "completion"}),
    ),
)
ROW_KEYS = frozenset().union(*({key} | keys for _, key, _, keys in _FORMATS)) | {"tools"}
"""Every key that one of the formats reads; no other field of a row may use these names."""
