"""Rows come in four shapes and are read strictly; a broken line is a defect, no exception."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_ml.rows.kept.sketch import normalised
from countersign_ml.rows.read.formats import Turn, turns_of
from countersign_ml.rows.read.row import Defect, Row, read_rows, rows_digest

SAID = st.text(string.printable, min_size=1, max_size=30)


def read(folder: Path, content: bytes) -> list[Row | Defect]:
    path = folder / "rows.jsonl"
    path.write_bytes(content)
    return list(read_rows(path, "data/rows.jsonl"))


def defect(folder: Path, content: bytes) -> Defect:
    (found,) = read(folder, content)
    assert isinstance(found, Defect)
    return found


@given(system=SAID, user=SAID, answer=SAID)
def test_the_four_formats_say_the_same(system: str, user: str, answer: str) -> None:
    shapes: list[dict[str, Any]] = [
        {
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
                {"role": "assistant", "content": answer},
            ]
        },
        {
            "prompt": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
            ],
            "completion": answer,
        },
        {"instruction": user, "output": answer, "system": system},
        {
            "conversations": [
                {"from": "human", "value": user},
                {"from": "gpt", "value": answer},
            ],
            "system": system,
        },
    ]
    expected = (Turn("system", system), Turn("user", user), Turn("assistant", answer))
    assert [turns_of(shape)[1] for shape in shapes] == [expected] * 4
    assert len({turns_of(shape)[0] for shape in shapes}) == 4


def test_alpaca_puts_its_input_below_the_instruction() -> None:
    _, turns, _ = turns_of({"instruction": "Translate.", "input": "chat", "output": "cat"})
    assert turns[0].content == "Translate.\n\nchat"


def test_tool_calls_become_the_text_that_is_to_be_written() -> None:
    call = {"function": {"name": "find", "arguments": '{"id": 7}'}}
    row = {
        "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "tool_calls": [call]}]
    }
    assert turns_of(row)[1][1].content == '[{"name":"find","arguments":{"id":7}}]'


def test_metadata_is_all_that_is_not_the_conversation(tmp_path: Path) -> None:
    (row,) = read(tmp_path, b'{"id": 4, "prompt": "a", "completion": "b", "approved": true}')
    assert isinstance(row, Row)
    assert (row.id, row.metadata, row.format) == ("4", {"approved": True}, "prompt-completion")
    assert (row.user_text, row.last_user_text, row.answer) == ("a", "a", "b")


def test_a_mark_of_byte_order_and_windows_lines_are_read_over(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        b'\xef\xbb\xbf{"prompt":"a","completion":"b"}\r\n\r\n{"prompt":"c","completion":"d"}\r\n',
    )
    assert [(row.line, isinstance(row, Row)) for row in found] == [(1, True), (3, True)]


@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        (b'{"prompt": "a"', "", "not valid JSON"),
        (b'{"prompt":"a","prompt":"b","completion":"c"}', "", "the key 'prompt' is given twice"),
        (b'{"prompt":"a","completion":"b","score":NaN}', "", "NaN is not a JSON number"),
        (b'{"prompt":"\\ud800","completion":"b"}', "", "half a surrogate pair"),
        (b'{"prompt":"\xff","completion":"b"}', "", "not UTF-8"),
        (b"[1]", "", "not a JSON object"),
        (b'{"text":"a"}', "", "unknown format"),
        (b'{"prompt":"a"}', "completion", "missing"),
        (b'{"prompt":7,"completion":"b"}', "prompt", "must be text"),
        (b'{"id":true,"prompt":"a","completion":"b"}', "id", "must be text or a whole number"),
        (
            b'{"messages":[{"role":"robot","content":"a"}]}',
            "messages.0.role",
            "'robot' is not a role",
        ),
        (b'{"messages":[]}', "messages", "at least one message"),
        (
            b'{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}',
            "messages.0.content",
            "not text",
        ),
        (b"[" * 100_000, "", "not valid JSON"),
    ],
)
def test_a_broken_line_says_where_and_what(
    tmp_path: Path, line: bytes, field: str, said: str
) -> None:
    found = defect(tmp_path, line)
    assert (found.file, found.line, found.field) == ("data/rows.jsonl", 1, field)
    assert said in found.message


def test_one_broken_line_hides_no_other(tmp_path: Path) -> None:
    good = b'{"prompt":"a","completion":"b"}'
    found = read(tmp_path, b"\n".join([good] * 730 + [b'{"prompt": "x", }', good]))
    assert [row.line for row in found if isinstance(row, Defect)] == [731]
    assert len(found) == 732


@given(st.binary(max_size=200))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for found in read(tmp_path_factory.mktemp("rows"), content):
        assert isinstance(found, Row | Defect)


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once or "\u0345" in text  # one letter folds in two steps
    assert normalised(f"  {text} \n") == normalised(text)


def test_the_digest_covers_what_is_said_and_no_metadata(tmp_path: Path) -> None:
    def digest(**changes: Any) -> str:
        value = {"id": "1", "prompt": "a", "completion": "b", "approved": True} | changes
        (row,) = read(tmp_path, json.dumps(value).encode())
        assert isinstance(row, Row)
        return rows_digest([row])

    assert digest() == digest(approved=False)
    assert digest() != digest(completion="c")
    assert digest() != digest(id="2")
