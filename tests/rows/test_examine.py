"""The quick pass over a chunk and a plain pass over its rows say the same, word for word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_ml.rows.gating import examine as examine_module
from countersign_ml.rows.gating.all_gates import gate
from countersign_ml.rows.gating.examine import examine
from countersign_ml.rows.gating.row_check import RowCheck, finding
from countersign_ml.rows.kept.vouched import vouched_lines
from countersign_ml.rows.read.json_schemas import load_schema
from countersign_ml.rows.read.row import Row, row_of
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.read.tally import SHOWN, Tally
from policy.errors import UserError
from policy.files.rules import DataRules
from tests.rows.files import row, said, write

SYSTEM = "You are the clerk of a small archive and never speak of the weather."
ANSWER = json.dumps({"kind": "a", "note": "of no account"})
RULES = DataRules(licences=("CC0-1.0",), canaries=("CANARY-7f3a",))
ROW_RULES = RowRules.of(
    RULES,
    input_schema=load_schema('{"type": "string", "maxLength": 90}', "input.json"),
    output_schema=load_schema(
        '{"type": "object", "required": ["kind"], "properties": {"kind": {"enum": ["a", "b"]}}}',
        "output.json",
    ),
    schema_version=2,
)


def told(text: str, answer: str = ANSWER, **changes: Any) -> dict[str, Any]:
    turns = said(("system", SYSTEM), ("user", text), ("assistant", answer))
    return row(1, messages=turns) | changes


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in told("what is this?").items() if name != key}


def raw(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


GOOD: list[dict[str, Any] | bytes] = [
    told("where is the copper lantern?"),
    told("was ist das für eine Laterne?", ANSWER.replace("a", "b", 1), group="g"),
    told("two\nlines [and] <brackets>", '{"kind": "b"}'),
    without("id"),
    told("numbered", id=7),
    told("escaped: \u00fc \u2014 \U0001f600", '{"kind": "a", "note": "\u00e9"}'),
    raw(told("灯笼在哪里？", '{"kind": "a", "note": "—"}')),
    told("a word of all too many letters: " + "ab" * 40),
    told('escaped \\ " \t / \b', pad={"a": [1, -2.5, {"b": None}, [], {}], "c": True}),
    row(
        5,
        messages=said(
            *[("user", "first"), ("assistant", "well?"), ("user", "And then; so?")],
            ("assistant", ANSWER),
        ),
    ),
    row(3, messages=said(("user", "no system"), ("assistant", ANSWER))),
    {"prompt": "a lantern", "completion": ANSWER} | without("messages"),
    row(
        1,
        messages=[{"role": "user", "content": "named", "name": "x"}, *said(("assistant", ANSWER))],
    ),
]
ODD: list[dict[str, Any] | bytes] = [
    told("", ANSWER),
    told("what?", " "),
    raw(told("\u3000\u2028", ANSWER)),
    raw(told("what?", "\u00a0")),
    told("\u3000\u2028", ANSWER),
    told("mail ada\uff20analytical-engines.org"),
    raw(row(1, messages=said(("system", "\u0085"), ("user", "a"), ("assistant", ANSWER)))),
    {"prompt": "a", "completion": ANSWER, "tools": []} | without("messages"),
    {"prompt": "a", "completion": ANSWER, "tools": 5} | without("messages"),
    {
        "prompt": "a",
        "completion": '[{"name": "f", "arguments": {}}]',
        "tools": [{"type": "function", "function": {"name": "g"}}],
    }
    | without("messages"),
    b'"x"\n' + raw(without("id")),
    told("what?", "no JSON"),
    told("x" * 91),
    told("what?", '{"kind": "c"}'),
    told("what?", '{"kind": "a", "kind": "a"}'),
    told("what?", '{"kind": "a"}\n{"kind": "b"}'),
    told("what?", "[]"),
    told("what?", ANSWER + "\n"),
    told("pay with 4111 1111 1111 1111"),
    told("mail ada@analytical-engines.org"),
    told("the key is AKIAIOSFODNN7EXAMPLQ"),
    told("what?", json.dumps({"kind": "a", "n": "+1 212 555 0123"})),
    told("see <|im_start|>"),
    told("then [/INST]"),
    told("found CANARY-7f3a"),
    told("what?", json.dumps({"kind": "a", "said": SYSTEM})),
    told("what?", approved=1),
    told("what?", approved="true"),
    told("what?", licence="no"),
    told("what?", licence=["CC0-1.0"]),
    told("what?", source=" "),
    told("what?", consent=False),
    told("what?", consent=0),
    told("what?", schema_version=1),
    told("what?", schema_version=2.0),
    told("what?", schema_version=True),
    told("what?", id=""),
    told("what?", id=None),
    told("what?", id=True),
    told("what?", tools=[]),
    row(1, messages=said(("user", "a"), ("user", "b"), ("assistant", ANSWER))),
    row(
        1,
        messages=said(
            ("system", "mail ada@analytical-engines.org"), ("user", "a"), ("assistant", ANSWER)
        ),
    ),
    row(1, messages=said(("user", "a"))),
    row(1, messages=[]),
    row(1, messages="a"),
    row(1, messages=[["role", "content"]]),
    row(1, messages=[{"role": ["user"], "content": "a"}]),
    {"prompt": "a", "completion": 1},
    b"{",
    b"[]",
    b"null",
    b'{"a":',
    b"",
    b"   ",
    b'{"a": 1} {"b": 2}',
    json.dumps(told("what?")).encode()[:-1] + b', "approved": true}',
    json.dumps(told("what?")).encode().replace(b"what?", b"\\ud800"),
    json.dumps(told("what?")).encode() + b"\r",
]


def plainly(check: RowCheck, where: str, first_line: int, data: bytes) -> Iterator[Row | Any]:
    """Yield each row, and each (gate, finding), as one line after the other is looked at."""
    for number, line in enumerate(data.split(b"\n"), first_line):
        if not line.strip():
            continue
        each = row_of(line, where, number)
        if isinstance(each, Row):
            yield each
            yield from check.findings(each)
        else:
            yield "contract", finding(each, each.field, each.message)


def expected(check: RowCheck, where: str, data: bytes) -> tuple[list[Row], dict[str, Tally]]:
    rows: list[Row] = []
    tallies: dict[str, Tally] = {}
    for each in plainly(check, where, 1, data):
        if isinstance(each, Row):
            rows.append(each)
        else:
            tallies.setdefault(each[0], Tally()).add(each[1])
    return rows, tallies


def line_of(value: dict[str, Any] | bytes) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_row_among_good_ones_is_judged_as_if_alone(odd: dict[str, Any] | bytes) -> None:
    values = [*GOOD[:3], odd, *GOOD[:3]]
    agree(b"\n".join(map(line_of, values)) + b"\n")


def test_a_line_beyond_the_limit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine_module, "MAX_LINE_BYTES", 900)
    lines = [line_of(told("what?", pad="x" * size)) for size in (10, 1000)]
    found = examine(RowCheck(ROW_RULES), "f", 1, b"\n".join(lines))
    assert [each.line for each in found.tallies["contract"].findings] == [2]
    assert found.figures.lines.tolist() == [1]


@pytest.mark.parametrize("field", ["id", "messages", "system"])
def test_what_every_row_has_for_itself_names_no_group(field: str) -> None:
    with pytest.raises(UserError, match="does not name a group"):
        RowRules.of(DataRules(group_fields=("group", field)))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(GOOD) | st.sampled_from([*GOOD, *ODD]), max_size=30))
def test_any_mixture_is_judged_as_its_rows_are(values: list[dict[str, Any] | bytes]) -> None:
    agree(b"\n".join(map(line_of, values)))


def agree(data: bytes) -> None:
    check = RowCheck(ROW_RULES)
    rows, tallies = expected(check, "f", data)
    found = examine(check, "f", 1, data)
    assert found.tallies == tallies
    assert found.figures.lines.tolist() == [each.line for each in rows]
    assert found.formats == tuple(dict.fromkeys(each.format for each in rows))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_file_is_judged_as_its_rows_are_in_any_number_of_processes(
    tmp_path: Path, workers: int
) -> None:
    rows: list[dict[str, Any] | bytes] = []
    for number in range(3000):
        good = told(f"question {number} {'of some length ' * 5}", id=f"r-{number}", pad="x" * 400)
        rows.append(ODD[number // 37 % len(ODD)] if number % 37 == 5 else good)
    path = write(tmp_path / "rows.jsonl", rows)
    assert path.stat().st_size > 1 << 20, "several chunks are needed"
    _, tallies = expected(RowCheck(ROW_RULES), "rows.jsonl", path.read_bytes())
    found = gate([("train", Source(str(path), "rows.jsonl"))], ROW_RULES, RULES, workers=workers)
    for name in ("contract", "approved", "provenance", "prompt_leaks", "pii", "secrets"):
        facts = next(each for each in found.facts.gates if each.gate == name)
        first = [each for each in facts.findings if "several formats" not in each.message]
        kept = tallies.get(name, Tally())
        assert first == kept.findings[: len(first)]
        assert facts.count - (len(facts.findings) - len(first)) in (kept.count, kept.count + 1)
        assert len(first) == min(SHOWN, kept.count)


PIECES = [b'{"a":1}', b'{"a":', b"}", b"{", b"\n", b",", b'[{"a":1}', b"]", b'{"a":"}\n{"}',
          b'{"b":"\\u0022"}', b'{"c":1,"c":2}', b" "]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=9))
def test_lines_that_are_vouched_for_hold_one_value_each(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    values = vouched_lines(data)
    if values is not None:
        lines = data.removesuffix(b"\n").split(b"\n")
        assert values == [json.loads(line) for line in lines]


FUNCTIONS = [
    {"type": "function", "function": {"name": "find", "description": "Finds things.",
     "parameters": {"type": "object", "properties": {"what": {"type": "string"},
                    "count": {"type": "integer", "minimum": 1}}, "required": ["what"]}}},
    {"type": "function", "function": {"name": "stop"}},
]  # fmt: skip
TOOL_SETS: list[Any] = [FUNCTIONS, FUNCTIONS[:1], [], "find", [FUNCTIONS[1], FUNCTIONS[1]],
             [{"type": "function", "function": {"name": "odd", "parameters": {"type": "dict"}}}],
             [{"function": {"name": "find", "parameters": {"patternProperties": {}}}}]]  # fmt: skip
ARGUMENTS = [{"what": "a key"}, {"what": 1}, {}, {"what": "x", "count": 0}, {"what": "x", "n": 2.5},
             '{"what": "a"}', '{"what": "a", "what": "b"}', '"text"', "no json", '{"what": NaN}',
             '{"what": "\\ud800"}', [], None]  # fmt: skip


@st.composite
def tool_rows(draw: st.DrawFn) -> dict[str, Any]:
    """Return a row with tools whose answer is calls, text that looks like calls, or text."""
    call = st.fixed_dictionaries(
        {"name": st.sampled_from(["find", "stop", "odd", "gone"]),
         "arguments": st.sampled_from(ARGUMENTS)})  # fmt: skip
    calls = draw(st.lists(call, max_size=2))
    answer: dict[str, Any] = {"role": "assistant"}
    kind = draw(st.sampled_from(["calls", "text", "written", "tagged", "both"]))
    if kind in ("calls", "both"):
        answer["tool_calls"] = [{"type": "function", "function": each} for each in calls]
    if kind != "calls":
        written = json.dumps(calls)
        texts = {"text": "It is here.", "tagged": f"<tool_call>{written[1:-1]}</tool_call>"}
        answer["content"] = texts.get(kind, written)
    turns = [{"role": "user", "content": f"where is {draw(st.integers(0, 9))}?"}, answer]
    if draw(st.booleans()):
        turns.insert(0, {"role": "system", "content": "You find things for people, always."})
    return row(draw(st.integers(0, 99)), tools=draw(st.sampled_from(TOOL_SETS)), messages=turns)


@settings(deadline=None, max_examples=150)
@given(st.lists(tool_rows(), min_size=1, max_size=6))
def test_rows_with_tools_are_judged_as_the_strict_reader_judges_them(
    values: list[dict[str, Any]],
) -> None:
    agree(b"\n".join(map(line_of, values)))
