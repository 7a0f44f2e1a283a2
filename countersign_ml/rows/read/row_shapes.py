"""The common shapes of rows, read quickly: roles and texts only.

Each function returns the roles and texts of a row that is clearly in its format, and None for
everything that `formats` must read (tool calls, parts, unknown roles, wrong types). If both return
a result, the results are equal: the tests compare them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from countersign_ml.rows.read.formats import FormatName, Role

Plain = tuple[tuple[Role, ...], list[str]]
MESSAGE_ROLES = frozenset({"system", "user", "assistant", "tool"})
_SHAREGPT: dict[str, Role] = {"system": "system", "human": "user", "gpt": "assistant"}
_ASKED: tuple[Role, ...] = ("user", "assistant")
_ASKED_UNDER: tuple[Role, ...] = ("system", "user", "assistant")


def plain_turns(value: dict[str, Any]) -> tuple[FormatName, Plain] | None:
    """Return a row's format, roles and texts, if it has one of the common shapes."""
    if (
        "tools" in value
    ):  # they become part of the system turn, and answers are checked against them
        return None
    for name, key, read in _SHAPES:
        if key in value:
            found = read(value)
            return None if found is None else (name, found)
    return None


def _messages(value: dict[str, Any]) -> Plain | None:
    roles, texts = [], []
    try:
        for turn in value["messages"]:
            role, text = turn["role"], turn["content"]
            if role not in MESSAGE_ROLES or type(text) is not str or "tool_calls" in turn:
                return None
            roles.append(role)
            texts.append(text)
    except (TypeError, KeyError, IndexError):
        return None
    return (tuple(roles), texts) if texts and type(value["messages"]) is list else None


def _sharegpt(value: dict[str, Any]) -> Plain | None:
    roles: list[Role] = []
    texts: list[str] = []
    system = value.get("system")
    if system is not None:
        roles.append("system")
        texts.append(system)
    turns = value["conversations"]
    if type(turns) is not list or not turns:
        return None
    try:
        for turn in turns:
            if "tool_calls" in turn:
                return None
            roles.append(_SHAREGPT[turn["from"]])
            texts.append(turn["value"])
    except (TypeError, KeyError, IndexError):
        return None
    return (tuple(roles), texts) if set(map(type, texts)) == {str} else None


def _alpaca(value: dict[str, Any]) -> Plain | None:
    asked, given, said = value["instruction"], value.get("input", ""), value.get("output")
    if type(asked) is not str or type(given) is not str or type(said) is not str:
        return None
    user = f"{asked}\n\n{given}" if given else asked
    system = value.get("system")
    if system is None:
        return _ASKED, [user, said]
    return (_ASKED_UNDER, [system, user, said]) if type(system) is str else None


def _prompt_completion(value: dict[str, Any]) -> Plain | None:
    asked, said = value["prompt"], value.get("completion")
    return (_ASKED, [asked, said]) if type(asked) is str and type(said) is str else None


_SHAPES: tuple[tuple[FormatName, str, Callable[[dict[str, Any]], Plain | None]], ...] = (
    ("messages", "messages", _messages),
    ("sharegpt", "conversations", _sharegpt),
    ("alpaca", "instruction", _alpaca),
    ("prompt-completion", "prompt", _prompt_completion),
)
