"""Whatever a file holds, the gates end, say where, and count every line once."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countersign_ml.rows.gating.all_gates import gate
from countersign_ml.rows.gating.examine import examine
from countersign_ml.rows.gating.row_check import RowCheck
from countersign_ml.rows.kept.vouched import vouched
from countersign_ml.rows.read import row as strict
from countersign_ml.rows.read.formats import NotARow, turns_of
from countersign_ml.rows.read.row import Row, row_of
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.row_shapes import plain_turns
from countersign_ml.rows.read.source import Source, lines
from countersign_ml.rows.read.strict_json import loads
from policy.errors import UserError
from policy.files.rules import DataRules
from tests.rows.files import counts, facts, gated, row, write

GOOD = json.dumps(row(1)).encode()


def contract(path: Path) -> list[tuple[int, str]]:
    found = facts(gated(("rows", path)), "contract")
    assert found.count == len(found.findings)
    return [(each.line, each.message) for each in found.findings]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (GOOD[:-1] + b', "approved": true}', "the key 'approved' is given twice"),
        (GOOD.replace(b"answer 1", b"\\ud800"), "half a surrogate pair"),
        (GOOD.replace(b"answer 1", b"\x00"), "not valid JSON"),
        (GOOD.replace(b"answer 1", b"\xff"), "not UTF-8"),
        (GOOD[:-1] + b', "score": NaN}', "NaN is not a JSON number"),
        (GOOD[:-1] + b', "deep": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deep"),
        (GOOD[:-1] + b', "id": ""}', "given twice"),
        (GOOD.replace(b'"r-1"', b'""'), "must be text or a whole number"),
        (GOOD.replace(b'"r-1"', b"1.5"), "must be text or a whole number"),
        (b"[" + GOOD + b"]", "not a JSON object"),
        (b"\xef\xbb\xbf" + GOOD, "not valid JSON"),
        (b"null", "not a JSON object"),
    ],
)
def test_a_bad_line_is_named_and_hides_no_other(tmp_path: Path, line: bytes, said: str) -> None:
    path = write(tmp_path / "rows.jsonl", [row(2), line, row(3)])
    ((number, message),) = contract(path)
    assert number == 2
    assert said in message
    assert gated(("rows", path)).rows == 3


def test_marks_of_byte_order_windows_lines_and_blank_lines_are_read_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    texts = [json.dumps(row(number)).encode() for number in range(3)]
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n\r\n".join(texts) + b"\r\n   \r\n")
    found = gated(("rows", path))
    assert (found.rows, counts(found)) == (3, {})


def test_a_line_of_fifty_megabytes_is_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(2), b"x" * 50_000_000, row(3), b"{", row(4)])
    found = contract(path)
    assert [number for number, _ in found] == [2, 4]
    assert "longer than 16000000 bytes" in found[0][1]
    assert gated(("rows", path)).rows == 5


def test_two_formats_are_named(tmp_path: Path) -> None:
    other = {"prompt": "a b", "completion": "c"} | {
        key: value for key, value in row(9).items() if key != "messages"
    }
    path = write(tmp_path / "rows.jsonl", [row(2), other])
    assert contract(path) == [
        (1, "rows are in several formats: messages, prompt-completion; use one format per file")
    ]


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_packed_files_say_the_same_and_cut_ones_say_where(tmp_path: Path, packing: str) -> None:
    rows: list[dict[str, Any] | bytes] = [row(number) for number in range(400)]
    rows[300] = b"{"
    plain = write(tmp_path / "rows.jsonl", rows)
    packed = tmp_path / f"rows.jsonl.{packing}"
    if packing == "gz":
        half = len(plain.read_bytes()) // 2
        data = gzip.compress(plain.read_bytes()[:half]) + gzip.compress(plain.read_bytes()[half:])
    else:
        zstandard = pytest.importorskip("zstandard")
        data = zstandard.ZstdCompressor().compress(plain.read_bytes())
    packed.write_bytes(data)
    found = gated(("rows", packed))
    assert found.rows == 400
    assert found.facts.splits[0].digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert [number for number, _ in contract(packed)] == [301]
    packed.write_bytes(data[: len(data) - 40])
    broken = contract(packed)
    assert "the file was cut off" in broken[-1][1]
    packed.write_bytes(b"no such thing" * 9)
    ((number, message),) = contract(packed)
    assert number == 1
    assert "stream is broken" in message


def test_a_digest_that_is_another_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(2)])
    rules = DataRules()
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    assert gate([("rows", Source(str(path), "r", right))], RowRules.of(rules), rules).rows == 1
    with pytest.raises(UserError, match="its SHA-256 is"):
        gate([("rows", Source(str(path), "r", "0" * 64))], RowRules.of(rules), rules)


def test_a_url_is_read_as_a_file_is(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(2), row(2), b"{"])
    rules = DataRules()
    found = gate([("rows", Source(f"file://{path}", "r"))], RowRules.of(rules), rules)
    assert counts(found) == {"contract": 1, "duplicates": 2}
    with pytest.raises(UserError, match="cannot be read"):
        gate([("rows", Source(f"file://{path}.not", "r"))], RowRules.of(rules), rules)


def test_parquet_is_read_and_a_wrong_schema_is_said(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "rows.parquet"
    parquet.write_table(
        pyarrow.Table.from_pylist([row(1), row(2), row(1, approved=False, id="x")]), path
    )
    found = gated(("rows", path))
    assert counts(found) == {"approved": 1, "duplicates": 1}
    assert facts(found, "duplicates").findings[0].line == 3
    parquet.write_table(pyarrow.table({"text": ["a", "b"], "n": [1, 2]}), path)
    assert [number for number, message in contract(path) if "unknown format" in message] == [1, 2]
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match="not a readable Parquet"):
        gated(("rows", path))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["id", "messages", "prompt", "completion", "instruction", "input", "output", "conversations",
     "system", "approved", "source", "licence", "license", "consent", "schema_version", "group",
     "role", "content", "from", "value", "tool_calls"]
)  # fmt: skip
ROLES = st.sampled_from(["system", "user", "assistant", "tool", "developer", "human", "gpt", "x"])
TURN = st.fixed_dictionaries(
    {}, optional={"role": ROLES, "content": st.text(max_size=9) | VALUES, "from": ROLES,
                  "value": st.text(max_size=9), "tool_calls": VALUES}
)  # fmt: skip
ROWS = st.dictionaries(
    KEYS, st.text(max_size=9) | VALUES | st.lists(TURN, max_size=4) | st.booleans(), max_size=8
)
LINES = (
    st.binary(max_size=60)
    | ROWS.map(lambda value: json.dumps(value).encode())
    | ROWS.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    | st.builds(
        lambda value, at, junk: (text := json.dumps(value).encode())[: at % (len(text) + 1)] + junk,
        ROWS, st.integers(0, 200), st.binary(max_size=4),
    )
)  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINES, max_size=8))
def test_any_bytes_are_read_as_the_strict_reader_reads_them(given_lines: list[bytes]) -> None:
    data = b"\n".join(given_lines)
    check = RowCheck(RowRules())
    found = examine(check, "f", 2, data)
    rows = [
        row_of(line, "f", number)
        for number, line in enumerate(data.split(b"\n"), 2)
        if line.strip()
    ]
    good = [each for each in rows if isinstance(each, Row)]
    assert found.rows == len(rows)
    assert found.figures.lines.tolist() == [each.line for each in good]
    expected: dict[str, int] = {"contract": len(rows) - len(good)}
    for each in good:
        for name, _ in check.findings(each):
            expected[name] = expected.get(name, 0) + 1
    assert {name: tally.count for name, tally in found.tallies.items()} == {
        name: count for name, count in expected.items() if count
    }


@settings(max_examples=400, deadline=None)
@given(ROWS)
def test_the_quick_shapes_agree_with_the_formats(value: dict[str, Any]) -> None:
    try:
        value = loads(json.dumps(value))
    except ValueError:
        return
    plain = plain_turns(value)
    if plain is not None:
        name, (roles, said) = plain
        try:
            expected = turns_of(value)
        except NotARow:
            pytest.fail("the formats refuse what the shapes took")
        assert name == expected[0]
        assert [(turn.role, turn.content) for turn in expected[1]] == list(
            zip(roles, said, strict=True)
        )


@settings(max_examples=400, deadline=None)
@given(LINES)
def test_what_is_vouched_for_is_what_the_strict_reader_reads(line: bytes) -> None:
    value = vouched(line)
    if value is not None:
        assert loads(line.decode()) == value


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=12))
def test_blocks_are_cut_at_line_ends_wherever_they_fall(blocks: list[bytes]) -> None:
    data = b"".join(blocks)
    chunks = list(lines(iter(blocks)))
    assert b"".join(chunk.data for chunk in chunks) == data
    for chunk in chunks:
        assert data[chunk.offset :].startswith(chunk.data)
        assert chunk.first_line == 1 + data[: chunk.offset].count(b"\n")


def test_long_lines_are_cut_at_any_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countersign_ml.rows.read.source.BLOCK", 64)
    monkeypatch.setattr("countersign_ml.rows.read.source.MAX_LINE_BYTES", 100)
    monkeypatch.setattr(strict, "MAX_LINE_BYTES", 100)
    for length in range(90, 400, 7):
        data = b"one\n" + b"x" * length + b"\ntwo\n" + b"y" * 30 + b"\n" + b"z" * length
        blocks = [data[at : at + 64] for at in range(0, len(data), 64)]
        chunks = list(lines(iter(blocks)))
        named = {line for chunk in chunks for line, _ in chunk.defects}
        for chunk in chunks:
            assert data[chunk.offset :].startswith(chunk.data)
            assert chunk.data == b"" or chunk.first_line == 1 + data[: chunk.offset].count(b"\n")
            for number, line in enumerate(chunk.data.split(b"\n"), chunk.first_line):
                if len(line) > 100:
                    named.add(number)
        assert named == ({2, 5} if length > 100 else set())


@pytest.mark.parametrize("packing", ["gz", "zst", "parquet"])
def test_a_few_bytes_that_become_many_are_refused(tmp_path: Path, packing: str) -> None:
    """270 kB of gzip can write 269 MB; zstd and Parquet can write far more."""
    line = json.dumps(row(1, note="x" * 500_000)).encode() + b"\n"
    path = tmp_path / f"rows.jsonl.{packing}"
    if packing == "gz":
        path.write_bytes(gzip.compress(line * 300))
    elif packing == "zst":
        zstandard = pytest.importorskip("zstandard")
        path.write_bytes(zstandard.ZstdCompressor().compress(line * 300))
    else:
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        path = tmp_path / "rows.parquet"
        parquet.write_table(pyarrow.table({"note": ["x" * 500_000] * 300}), path)
    assert path.stat().st_size < 400_000
    if packing == "parquet":
        with pytest.raises(UserError, match="bytes become more than"):
            gated(("train", path))
        return
    found = facts(gated(("train", path)), "contract")
    assert "it becomes more than 200 times its size" in found.findings[-1].message
