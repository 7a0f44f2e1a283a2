"""How close an answer's tool calls are to the expected ones, one score per kind of mistake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.tool_calls import Call, call_problems, calls_of

Scores = dict[str, bool | float]


def tool_call_scores(row: Row, text: str) -> Scores:
    """Score the calls of an answer.

    A row whose answer is plain text expects no call: any plain text is right, and a call is wrong.
    `tool_names` and `tool_arguments` ignore the order, `tool_order` compares the names in order,
    and `tool_call_match` requires all three. `tool_valid` means that every call names a function
    that the row declares and fits its parameters.
    """
    expected, said = calls_of(row.answer), calls_of(text)
    if expected is None:
        expected = ()
        said = () if said is None and text.strip() else said
    readable = said is not None
    given = said or ()
    return {
        "parse_rate": readable,
        "tool_call_match": readable and given == expected,
        "tool_names": readable and _names(given) == _names(expected),
        "tool_arguments": readable and Counter(given) == Counter(expected),
        "tool_order": readable and [c.name for c in given] == [c.name for c in expected],
        "tool_valid": readable and next(call_problems(row, given), None) is None,
    }


def _names(calls: Sequence[Call]) -> Counter[str]:
    return Counter(call.name for call in calls)
