"""The compiled loops take only what strict JSON takes, and say of it what the other readers say."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from countersign_ml.rows.gating.examine import examine
from countersign_ml.rows.gating.fast import fast_rows, fast_sketch
from countersign_ml.rows.gating.fast.walk import OTHER
from countersign_ml.rows.gating.row_check import RowCheck
from countersign_ml.rows.gating.typed_schemas import typed
from countersign_ml.rows.kept.ngrams import NgramIndex, collect
from countersign_ml.rows.kept.sketch import keys_of, sketch
from countersign_ml.rows.read.json_schemas import load_schema
from countersign_ml.rows.read.row import Row, row_of
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy.files.rules import DataRules
from tests.rows.files import row, same_figures, write

ROW = json.dumps(row(1, group="g", pad={"a": [1, -2.5, {"b": None}, [], {}], "c": 'd "e" \\'}))
SIGNS = st.sampled_from(
    [*b'{}[]",:\\ \t\r\n\x00\x0b\x1c.-+eE0123456789abtnfu', 0xC3, 0xA9, 0xED, 0xFF]
)


def bare(texts: list[str]) -> tuple[Any, Any]:
    raw = [text.encode() for text in texts]
    ends = np.cumsum([len(each) for each in raw], dtype=np.int64)
    return np.frombuffer(b"".join(raw) + bytes(16), dtype=np.uint8), ends


def read(line: bytes) -> fast_rows.FastRows:
    found = fast_rows.reader(("group",))(line, 1)
    assert found is not None
    return found


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """Return a row's line with some bytes replaced, put in, taken out or said twice."""
    line = bytearray(ROW.encode())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(line) - 1))
        upto = min(len(line), at + draw(st.integers(0, 40)))
        deed = draw(st.sampled_from(["replace", "insert", "delete", "again", "elsewhere"]))
        if deed == "replace":
            line[at] = draw(SIGNS)
        elif deed == "insert":
            line[at:at] = bytes(draw(st.lists(SIGNS, max_size=3)))
        elif deed == "delete":
            del line[at:upto]
        elif deed == "again":
            line[at:at] = line[at:upto]
        else:
            to = draw(st.integers(0, len(line) - 1))
            line[to:to] = line[at:upto]
    return bytes(line)


@settings(max_examples=400)
@given(changed())
@example(ROW.encode())
@example(ROW.replace("-2.5", "1e5").encode())
@example(ROW.replace("-2.5", "NaN").encode())
@example(ROW.replace("-2.5", "02").encode())
@example(ROW.replace('"a":', '"c":').encode())
@example(ROW.replace('"approved": true', '"approved": true, "approved": false').encode())
@example(ROW.replace('"r-1"', "-0").encode())
@example(ROW.replace('"r-1"', "1.0").encode())
@example(ROW.replace('"r-1"', '"\\u0031"').encode())
@example(ROW.replace("d ", "\\u00e9\\u2014\\ud83d\\uDE00\\u0041\\u0000").encode())
@example(ROW.replace("question", "\\u00e9\\u07ff\\u0800\\ud83d\\uDE00\\u0041\\u000a").encode())
@example(ROW.replace("answer", "\\u00e9\\ud83d\\ude00\\u0022\\uffff").encode())
@example(ROW.replace("answer", "\\ud83d").encode())
@example(ROW.replace("answer", "\\ude00\\ud83d").encode())
@example(ROW.replace("answer", "\\ud83d\\u0041").encode())
@example(ROW.replace("answer", "\\u00g9").encode())
@example(ROW[:-1].encode())
@example(ROW.encode() + b"\x0b")
@example(ROW.encode() + b"\r")
def test_what_is_taken_for_a_plain_row_is_one(line: bytes) -> None:
    found = fast_rows.reader(("group",))(line, 1)
    if found is None:
        with pytest.raises(UnicodeDecodeError):
            line.decode()
        return
    for place, number in enumerate(found.lines):
        strict = row_of(line.split(b"\n")[number - 1], "f", number)
        assert isinstance(strict, Row)
        begin, end = found.texts_of(place)
        kept = [
            turn.content for at, turn in enumerate(strict.messages) if at or turn.role != "system"
        ]
        assert found.told()[begin:end].decode() == "".join(f"{text}\n" for text in kept)
        assert found.answers([place]) == [strict.answer]
        roles = tuple(turn.role for turn in strict.messages)
        assert place not in found.of_roles(roles.__eq__)


def test_a_plain_row_is_taken() -> None:
    found = read(ROW.encode())
    assert len(found) == 1
    assert found.others() == []
    odd = read(ROW.replace('"messages"', '"tools": [], "messages"').encode())
    assert odd.walked.kinds.tolist() == [OTHER]


@settings(max_examples=200)
@given(st.lists(st.tuples(changed(), st.booleans()), max_size=6))
def test_all_lines_of_a_chunk_are_judged_alike(lines: list[tuple[bytes, bool]]) -> None:
    data = b"\n".join(line if odd else ROW.encode() for line, odd in lines)
    rules = RowRules.of(DataRules(licences=("CC0-1.0",)))
    slow, fast = (examine(RowCheck(rules, compiled=each), "f", 1, data) for each in (False, True))
    assert (fast.rows, fast.tallies, fast.formats) == (slow.rows, slow.tallies, slow.formats)
    same_figures(fast.figures, slow.figures)


@settings(max_examples=200)
@given(
    st.lists(st.text(st.sampled_from("aAbyzZ@[`{~09.:!?),;'\"(-_ \t\n\x0b\x1f\x7f"), max_size=90))
)
@example(["a" * 63, "a" * 64, "A" * 65, "", " ", "a b c d e", "A-B c-3 3-c -d"])
def test_the_words_of_ascii_are_sketched_alike(texts: list[str]) -> None:
    text, ends = bare(texts)
    found = fast_sketch.read(text, ends, np.zeros(len(texts), dtype=np.bool_))
    ours = found.words != fast_sketch.NOT_OURS
    meant = sketch(texts)
    for name in ("keys", "loose", "prefixes", "words", "bands"):
        assert np.array_equal(getattr(found, name)[ours], getattr(meant, name)[: len(ours)][ours])
    starts = np.concatenate((ends[:1] * 0, ends[:-1]))
    folded, until = fast_sketch.collapsed(text, starts, ends)
    again = [folded[at:to].decode() for at, to in zip([0, *until], until, strict=False)]
    assert np.array_equal(keys_of(again), keys_of(texts))
    assert all(each == " ".join(each.split()).lower() for each in again)


@settings(max_examples=200)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=60).filter(
            lambda text: not text.isascii()
        ),
        max_size=8,
    )
)
@example(["“Für” – ISTANBUL\u0130 ǅ\u00a0x", "灯笼在哪里？", "é\u0301\u0345 ¨ﬁ", "Ｆｕｌｌ"])
def test_the_words_of_texts_beyond_ascii_are_sketched_alike(texts: list[str]) -> None:
    found = fast_sketch.read_normalised(texts)
    ours = found.words != fast_sketch.NOT_OURS
    meant = sketch(texts)
    for name in ("keys", "loose", "prefixes", "words", "bands"):
        assert np.array_equal(getattr(found, name)[ours], getattr(meant, name)[: len(ours)][ours])


def test_the_ngrams_of_test_rows_are_found_alike(tmp_path: Any) -> None:
    test = write(tmp_path / "test.jsonl", [row(number) for number in (3, 5)])
    index = collect([Source(str(test), "test")], 8).index
    assert isinstance(index, NgramIndex)
    assert len(index.keys)
    lines = [row(number) for number in range(12)]
    lines[4]["messages"][0]["content"] += " “ä”"
    data = b"\n".join(json.dumps(each).encode() for each in lines)
    found = [
        examine(RowCheck(RowRules(), index, each), "f", 1, data).shared for each in (False, True)
    ]
    assert found[0] is not None
    assert found[1] is not None
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))
    assert {4, 6} <= set(found[0].lines.tolist())


SCHEMAS: list[dict[str, Any]] = [
    {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "note": {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^[a-z😀]"},
            "count": {"type": "integer", "minimum": 0, "maximum": 9},
            "share": {"type": "number", "minimum": 0.1},
            "parts": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
            "none": {"type": "null"},
            "any": {},
        },
    },
    {"type": "object", "additionalProperties": False, "properties": {"kind": {"const": "a"}}},
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats(allow_nan=False)
    | st.sampled_from(["a", "b", "c", "", "abcd", "😀", "😀😀😀", "é"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["kind", "note", "count", "share", "parts", "none", "any", "z"]), inner
    ),
)  # fmt: skip


@settings(max_examples=400)
@given(st.sampled_from(SCHEMAS), VALUES)
@example(SCHEMAS[0], {"kind": "a", "count": 1.0})
@example(SCHEMAS[0], {"kind": "a", "share": 1})
@example(SCHEMAS[0], {"kind": "b", "note": "abc", "parts": [True, False], "none": None})
def test_what_a_typed_schema_takes_jsonschema_takes(schema: dict[str, Any], value: Any) -> None:
    decode = typed(schema)
    assert decode is not None
    checker = load_schema(json.dumps(schema), "s")
    text = json.dumps(value)
    try:
        decode(text.encode())
    except ValueError:
        return
    assert checker.fits(text)


def test_a_typed_schema_takes_what_fits() -> None:
    decode = typed(SCHEMAS[0])
    assert decode is not None
    assert len(decode(b'{"kind": "a", "note": "ab", "z": 1}\n{"kind": "b", "share": 2}')) == 2


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "patternProperties": {"a": {}}},
        {"type": ["string", "null"]},
        {"type": "object", "properties": {}, "required": ["a"]},
        {"enum": [1, "a"]},
        {"type": "string", "minimum": 1},
        {"anyOf": [{}]},
    ],
)
def test_a_schema_without_an_exact_type_is_left_to_others(schema: dict[str, Any]) -> None:
    assert typed(schema) is None
