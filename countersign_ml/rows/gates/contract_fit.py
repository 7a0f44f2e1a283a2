"""Lines that are not rows, turns out of order, and texts that do not fit the schemas."""

from __future__ import annotations

from collections.abc import Iterator

from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.tool_calls import row_problems

GATE = Gate(
    "contract",
    "a model learns the format of its training rows, broken rows included",
    "fix or remove the listed rows, or change the contract in the same pull request",
    (
        "json",
        "utf8",
        "duplicate_key",
        "not_a_number",
        "surrogate",
        "nul",
        "depth",
        "object",
        "byte_order_mark",
        "long_line",
        "id",
        "format",
        "role",
        "text",
        "mixed_formats",
        "cut_off",
        "empty_turn",
        "system_late",
        "speaks_first",
        "tool_after_user",
        "two_in_a_row",
        "no_answer",
        "tools",
        "tool_call",
        "input_schema",
        "output_schema",
        "schema_version",
    ),
)


def findings(row: Row, rules: RowRules) -> Iterator[tuple[str, str]]:
    """Yield (field, message) for each way in which a row breaks the contract."""
    yield from turn_problems(row)
    version = row.metadata.get("schema_version", rules.schema_version)
    if rules.schema_version is not None and version != rules.schema_version:
        message = f"schema version {version!r}; the contract has version {rules.schema_version}"
        yield "schema_version", message
    if row.messages[-1].role != "assistant":
        return
    yield from row_problems(row)
    for name, checker, text in (
        ("input", rules.input_checker, row.last_user_text),
        ("output", rules.output_checker, row.answer),
    ):
        if checker is not None:
            for field, message in checker.problems(text):
                yield f"{name}.{field}" if field else name, message


def turn_problems(row: Row) -> Iterator[tuple[str, str]]:
    """Yield (field, message) for turns that are empty or out of order.

    At most one system turn, first; then user and assistant in turn, a tool's result only after an
    assistant; an assistant turn last.
    """
    before = ""
    for number, turn in enumerate(row.messages):
        place = f"messages.{number}"
        if not turn.content.strip():
            yield place, f"the {turn.role} turn is empty"
        if turn.role == "system" and number > 0:
            yield place, "a system turn after the first turn"
            continue
        if turn.role in ("assistant", "tool") and before in ("", "system"):
            yield place, f"the {turn.role} turn comes before any user turn"
        elif turn.role == "tool" and before == "user":
            yield place, "a tool result directly after a user turn"
        elif turn.role == before and turn.role in ("user", "assistant"):
            yield place, f"two {turn.role} turns in a row"
        before = turn.role
    if before != "assistant":
        yield f"messages.{len(row.messages) - 1}", "the last turn is not an assistant turn"
