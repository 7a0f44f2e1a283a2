"""Rows declare functions, answers call them, and each kind of mistake has its own score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from countersign_ml.rows.read.row import Defect, Row, read_rows
from countersign_ml.rows.read.tool_calls import calls_of, row_problems
from policy.files.contract import Contract
from runner.engines.engine import Answer
from runner.measure.scoring import score

CALLS = Contract(task="tool_calls", schema_version=1)
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "refund",
            "description": "Pay an order back.",
            "parameters": {
                "properties": {"order": {"type": "string"}, "euros": {"type": "number"}},
                "required": ["order"],
                "additionalProperties": False,
            },
        },
    },
    {"type": "function", "function": {"name": "ping"}},
]


def called(*calls: tuple[str, Any]) -> str:
    return json.dumps([{"name": name, "arguments": arguments} for name, arguments in calls])


def openai(name: str, arguments: Any) -> dict[str, Any]:
    return {
        "id": "call_1",
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments)},
    }


def read(folder: Path, **changes: Any) -> Row | Defect:
    value: dict[str, Any] = {
        "id": "1",
        "messages": [
            {"role": "system", "content": "You help."},
            {"role": "user", "content": "Refund order 7."},
            {"role": "assistant", "tool_calls": [openai("refund", {"order": "7"})]},
        ],
        "tools": TOOLS,
    }
    path = folder / "rows.jsonl"
    path.write_text(json.dumps(value | changes) + "\n")
    (found,) = read_rows(path, "rows.jsonl")
    return found


def row(folder: Path, **changes: Any) -> Row:
    found = read(folder, **changes)
    assert isinstance(found, Row), found
    return found


def scores(row_: Row, said: str) -> dict[str, bool | float]:
    found = score(row_, Answer(said, 4, 0.5, "stop"), CALLS, None).scores
    return {name: value for name, value in found.items() if name.startswith(("tool", "parse"))}


def test_the_model_is_told_the_functions_in_the_system_turn(tmp_path: Path) -> None:
    told = row(tmp_path).messages[0]
    assert told.role == "system"
    assert told.content.startswith("You help.\n\nYou can call these functions.")
    functions = json.loads(told.content.rpartition("\n")[2])
    assert [function["name"] for function in functions] == ["refund", "ping"]
    bare = row(
        tmp_path,
        messages=[{"role": "user", "content": "?"}, {"role": "assistant", "content": "No."}],
    )
    assert [turn.role for turn in bare.messages] == ["system", "user", "assistant"]


def test_a_right_call_is_right_in_everything(tmp_path: Path) -> None:
    one = row(tmp_path)
    for said in (
        called(("refund", {"order": "7"})),
        '{"name": "refund", "arguments": {"order": "7"}}',
        '<tool_call>\n{"name": "refund", "arguments": {"order": "7"}}\n</tool_call>',
        json.dumps([openai("refund", {"order": "7"})]),
    ):
        assert all(scores(one, said).values()), said


def two(folder: Path) -> Row:
    calls = [openai("refund", {"order": "7"}), openai("ping", {})]
    return row(
        folder,
        messages=[{"role": "user", "content": "?"}, {"role": "assistant", "tool_calls": calls}],
    )


def wrong(row_: Row, said: str) -> set[str]:
    return {name for name, value in scores(row_, said).items() if not value}


def test_each_mistake_has_its_own_figure(tmp_path: Path) -> None:
    both = two(tmp_path)
    swapped = called(("ping", {}), ("refund", {"order": "7"}))
    assert wrong(both, swapped) == {"tool_call_match", "tool_order"}
    other = called(("refund", {"order": "8"}), ("ping", {}))
    assert wrong(both, other) == {"tool_call_match", "tool_arguments"}
    untyped = called(("refund", {"order": 7}), ("ping", {}))
    assert wrong(both, untyped) == {"tool_call_match", "tool_arguments", "tool_valid"}
    once = called(("refund", {"order": "7"}))
    assert wrong(both, once) == {"tool_call_match", "tool_arguments", "tool_names", "tool_order"}
    invented = called(("refund", {"order": "7"}), ("pong", {}))
    assert "tool_valid" in wrong(both, invented)
    assert wrong(both, "I would refund it.") == {
        "parse_rate",
        "tool_call_match",
        "tool_names",
        "tool_arguments",
        "tool_order",
        "tool_valid",
    }


def test_where_no_call_is_expected_a_call_is_wrong(tmp_path: Path) -> None:
    plain = row(
        tmp_path,
        messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}],
    )
    assert wrong(plain, "Good day!") == set()
    assert "tool_call_match" in wrong(plain, called(("ping", {})))
    assert "parse_rate" in wrong(plain, "")


@pytest.mark.parametrize(
    "said",
    [
        "null",
        "7",
        '"ping"',
        "[[]]",
        '[{"name": 3}]',
        '[{"name": "f", "arguments": [1]}]',
        '[{"name": "f", "arguments": "{"}]',
        '<tool_call>{"name": "f"}</tool_call> and more',
        '[{"name":"f"},',
        '[{"name":"f","name":"g"}]',
    ],
)
def test_what_is_no_list_of_calls_is_not_read_as_one(said: str) -> None:
    assert calls_of(said) is None


@pytest.mark.parametrize(
    ("tools", "field"),
    [
        ([], "tools"),
        ("refund", "tools"),
        ([{"type": "retrieval"}], "tools.0"),
        ([{"type": "function", "function": {}}], "tools.0.function.name"),
        ([TOOLS[1], TOOLS[1]], "tools"),
        ([{"function": {"name": "f", "parameters": []}}], "tools.0.function.parameters"),
    ],
)
def test_tools_that_are_none_are_a_located_defect(tmp_path: Path, tools: Any, field: str) -> None:
    found = read(tmp_path, tools=tools)
    assert isinstance(found, Defect)
    assert found.field == field


def test_a_row_may_not_teach_a_call_that_its_tools_forbid(tmp_path: Path) -> None:
    def said(calls: list[Any], **changes: Any) -> list[tuple[str, str]]:
        turns = [{"role": "user", "content": "?"}, {"role": "assistant", "tool_calls": calls}]
        return list(row_problems(row(tmp_path, messages=turns, **changes)))

    assert said([openai("refund", {"order": "7"})]) == []
    ((field, message),) = said([openai("erase", {})])
    assert (field, message) == ("messages.2", "calls 'erase', which tools does not declare")
    assert "is not of type" in said([openai("refund", {"order": 7})])[0][1]
    remote = {"name": "f", "parameters": {"$ref": "http://example.org/x.json"}}
    ((field, message),) = said([openai("f", {})], tools=[{"function": remote}])
    assert field == "tools.0.function.parameters"
    assert "outside this file" in message
