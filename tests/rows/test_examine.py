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
from countersign_ml.rows.gating import scan
from countersign_ml.rows.gating.all_gates import gate
from countersign_ml.rows.gating.examine import examine
from countersign_ml.rows.gating.fast import fast_rows
from countersign_ml.rows.gating.row_check import RowCheck, finding
from countersign_ml.rows.kept.vouched import vouched_lines
from countersign_ml.rows.read.json_schemas import load_schema
from countersign_ml.rows.read.row import Row, row_of
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.read.tally import SHOWN, Tally
from policy.errors import UserError
from policy.files.rules import DataRules
from tests.rows.files import row, said, same_figures, write

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


@pytest.mark.parametrize("compiled", [False, True], ids=["arrays", "compiled"])
def test_a_line_beyond_the_limit_is_named(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (examine_module, fast_rows):
        monkeypatch.setattr(module, "MAX_LINE_BYTES", 900)
    lines = [line_of(told("what?", pad="x" * size)) for size in (10, 1000)]
    found = examine(RowCheck(ROW_RULES, compiled=compiled), "f", 1, b"\n".join(lines))
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
    lanes = [examine(each, "f", 1, data) for each in (check, RowCheck(ROW_RULES, compiled=True))]
    for found in lanes:
        assert found.tallies == tallies
        assert found.figures.lines.tolist() == [each.line for each in rows]
        assert found.formats == tuple(dict.fromkeys(each.format for each in rows))
    same_figures(lanes[0].figures, lanes[1].figures)


@pytest.mark.parametrize("compiled", [False, True], ids=["arrays", "compiled"])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_file_is_judged_as_its_rows_are_in_any_number_of_processes(
    tmp_path: Path, workers: int, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "COMPILED_FROM", 0 if compiled else 1 << 60)
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
