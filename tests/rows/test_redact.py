"""Laws of redaction, and what the command refuses."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_ml.rows.detect import NameList, scan
from countersign_ml.rows.redaction.redact_command import main, read_key, redact
from countersign_ml.rows.redaction.redact_document import Redactor
from policy.errors import UserError

KEY = b"0123456789abcdef"
VALUES = st.sampled_from(
    [
        "ada@example.org",
        "Ada@Example.org",
        "4111 1111 1111 1111",
        "4111111111111111",
        "+49 30 901820",
        "call 030 901820",
        "GB82WEST12345698765432",
        "8.8.8.8",
        "2606:4700:4700::1111",
        "password: x9$Kp2!vQ7",
        'api_key="9f86d081884c7d659a2feaa0c55ad015"',
        "SSN 536-90-4399",
        "https://u:s3cr3tPw@h.example",
        "AKIAIOSFODNN7EXAMPLE",
        "[PERSON-1]",
        "[US-SSN-1]",
        "person-0123456789ab@example.com",
        "Grace Hopper",
    ]
)
TEXTS = st.lists(
    st.one_of(
        VALUES,
        st.sampled_from([" ", "", ",", ". ", "\n", "\x00", "\ud800", "é", "1", "-", "@", "[", "]"]),
        st.text(max_size=5),
    ),
    max_size=14,
).map("".join)
NAMES = NameList(["Grace Hopper", "Person"])


def redactor() -> Redactor:
    return Redactor(KEY, names=NAMES)


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_redacted_text_holds_nothing_and_is_redacted_once(text: str) -> None:
    once = redactor().text(text, "d1")
    assert scan(once, names=NAMES) == ()
    assert redactor().text(once, "d1") == once
    if not scan(text, names=NAMES):
        assert once == text


JSON = st.recursive(
    st.one_of(TEXTS, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["content", "ssn", "password", 'a"b', "x:y"]), inner, max_size=3
        ),
    ),
    max_leaves=8,
)


def shape(value: object) -> object:
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "text" if isinstance(value, str) else value


@given(st.dictionaries(st.sampled_from(["messages", "prompt", "meta"]), JSON), TEXTS, st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_rows_structure_and_id_stay(row: dict[str, object], name: str, ascii_only: bool) -> None:
    row = {"id": name, **row}
    try:
        line = (json.dumps(row, ensure_ascii=ascii_only) + "\n").encode()
    except UnicodeEncodeError:
        line = (json.dumps(row) + "\n").encode()
    [made] = redact([line], redactor())
    assert json.loads(made)["id"] == name
    assert shape(json.loads(made)) == shape(row)
    assert list(redact([made], redactor())) == [made]


def test_a_row_without_hits_keeps_every_byte() -> None:
    line = b'{ "id":1.50, "a" : "caf\\u00e9 \\/", "a":"twice" ,"n":1e5}\r\n'
    assert list(redact([line], redactor())) == [line]


def test_a_value_has_one_pseudonym_in_a_document_and_another_in_the_next() -> None:
    one, other = (redactor().text("ada@example.org or ADA@example.org", name) for name in "ab")
    first, _, again = one.partition(" or ")
    assert first == again
    assert first.endswith("@example.com")
    assert one != other
    assert Redactor(b"another key of it").text("ada@example.org", "a") != first


def test_a_telephone_number_keeps_its_layout() -> None:
    made = redactor().text("call +49 (30) 901-820", "d")
    assert [one if not one.isdigit() else "0" for one in made] == list("call +00 (00) 000-000")


def test_more_values_than_documentation_addresses_still_settle() -> None:
    text = " ".join(f"8.8.{one // 250}.{one % 250}" for one in range(600))
    assert scan(redactor().text(text, "d")) == ()


def test_the_command_copies_reports_and_never_shows_a_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output, key = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz", tmp_path / "key"
    source.write_text(
        '{"id": 1, "ssn": "536904399", "t": "ada@example.org"}\n{"id": 2, "t": "ok"}\n'
    )
    before = source.read_bytes()
    key.write_bytes(KEY)
    assert main([str(source), "--output", str(output), "--key-file", str(key), "--json"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == {
        "rows": 2,
        "replaced": {"email": 1, "us_ssn": 1},
        "left_in_ids_names_and_numbers": {},
    }
    assert "ada@" not in printed
    assert source.read_bytes() == before
    rows = [json.loads(row) for row in gzip.decompress(output.read_bytes()).splitlines()]
    assert rows[0]["ssn"] == "[US-SSN-1]"
    assert rows[1] == {"id": 2, "t": "ok"}
    with pytest.raises(UserError, match="nothing is overwritten"):
        main([str(source), "--output", str(output), "--key-file", str(key)])


def test_finds_in_ids_and_numbers_are_left_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_text('{"id": "ada@example.org", "card": 4111111111111111}\n')
    monkeypatch.setenv("COUNTERSIGN_REDACT_KEY", KEY.decode())
    assert main([str(source), "--output", str(output)]) == 1
    assert "2 hits remain" in capsys.readouterr().err
    assert output.read_bytes() == source.read_bytes()


def test_a_row_that_is_not_json_stops_and_leaves_no_output(tmp_path: Path) -> None:
    source, output, key = tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "key"
    source.write_bytes(b'{"a": "ok"}\n{"a": ada@example.org}\n')
    key.write_bytes(KEY)
    with pytest.raises(UserError, match=r"a\.jsonl:2: this row is not JSON"):
        main([str(source), "--output", str(output), "--key-file", str(key)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "key"]


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short")
    with pytest.raises(UserError, match="the key has 5 bytes; at least 16"):
        read_key(tmp_path / "key")
