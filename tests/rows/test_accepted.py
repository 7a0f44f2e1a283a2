"""The accepted rows are the file without the rejected lines, as the strict reader reads them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_ml.rows.gating.accepted import AcceptedRows
from countersign_ml.rows.gating.row_check import RowCheck
from countersign_ml.rows.read.row import BOM, Row, read_rows
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy.errors import UserError
from policy.files.rules import DataRules
from tests.rows.files import gated, row, said

RULES = RowRules.of(DataRules(licences=("CC0-1.0",)))
GOOD = {"approved": True, "source": "written for the tests", "licence": "CC0-1.0"}
HUMAN = {"from": "human", "value": "hi"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}
LINES: tuple[bytes, ...] = tuple(
    each if isinstance(each, bytes) else json.dumps(each, ensure_ascii=False).encode()
    for each in (
        row(1),
        row(2, messages=said(("system", "Sé — kurz"), ("user", "日本"), ("assistant", "ja"))),
        {"id": 7, "prompt": "what?", "completion": "that", **GOOD},
        {"instruction": "say", "input": "it", "output": "so", **GOOD},
        {
            "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}],
            **GOOD,
        },
        row(3, tools=[TOOL], messages=said(("user", "look"), ("assistant", "no"))),
        row(4, messages=said(("developer", "be short"), ("user", "a"), ("assistant", "b"))),
        row(5, approved=False),
        row(6, licence="unknown"),
        row(8, messages=said(("user", "mail jane.roe@corp.com"), ("assistant", "sent"))),
        row(9, messages=said(("user", "only asked"))),
        b'{"id": "a", "id": "b"}',
        b"{",
        b"\xff\xfe",
        b"[1]",
        b"   ",
        b"",
        b'{"id": "q", "prompt": "say \\u0022", "completion": "x", "approved": true}\r',
    )
)


def accepted(path: Path) -> AcceptedRows:
    found = gated(("train", path), rules=DataRules(licences=("CC0-1.0",)))
    (split,) = found.facts.splits
    return AcceptedRows(str(path), path.name, split.digest, split.rows, found.rejected[path.name])


def strictly(path: Path) -> list[Row]:
    check = RowCheck(RULES)
    rows = (each for each in read_rows(path, path.name) if isinstance(each, Row))
    return [each for each in rows if next(check.findings(each), None) is None]


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=30), bom=st.booleans())
def test_they_are_what_every_gate_for_single_rows_lets_through(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], bom: bool
) -> None:
    path = tmp_path_factory.mktemp("accepted") / "rows.jsonl"
    path.write_bytes((BOM if bom else b"") + b"\n".join(lines))
    rows = accepted(path)
    assert list(rows) == strictly(path)
    assert len(rows) == len(list(rows))


def test_many_chunks_lose_and_double_no_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(LINES * 4000) + b"\n")
    assert path.stat().st_size > 3 << 20  # several chunks, each of several pieces
    assert [each.line for each in accepted(path)] == [each.line for each in strictly(path)]


def test_a_packed_file_and_its_torn_copy_are_read_as_they_were_gated(tmp_path: Path) -> None:
    whole = gzip.compress(b"\n".join(json.dumps(row(at)).encode() for at in range(50)) + b"\n")
    for name, data in (("whole", whole), ("torn", whole[:-400])):
        path = tmp_path / f"{name}.jsonl.gz"
        path.write_bytes(data)
        rows = accepted(path)
        assert [each.id for each in rows] == [f"r-{at}" for at in range(len(rows))]
    assert 0 < len(rows) < 50


def test_another_file_in_its_place_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(json.dumps(row(at)).encode() for at in range(5)) + b"\n")
    rows = accepted(path)
    for changed in (
        path.read_bytes().replace(b"answer 3", b"answer 7"),
        b"{\n" * 5,
        b"",
    ):
        path.write_bytes(changed)
        with pytest.raises(UserError, match="changed while it was read"):
            list(rows)


def test_a_source_is_read_to_its_end_before_its_digest_is_known(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json.dumps(row(1)).encode())
    assert Source(str(path), path.name).digest == ""
    assert accepted(path).digest.startswith("sha256:")


def kinds(rows: list[Any]) -> set[str]:
    return {each.format for each in rows}


def test_the_lines_here_have_every_format(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(LINES))
    assert kinds(strictly(path)) == {"messages", "prompt-completion", "alpaca", "sharegpt"}
