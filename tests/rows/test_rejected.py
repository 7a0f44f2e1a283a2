"""What the trainer leaves out is written beside the reasons, and nothing else is touched."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from countersign_ml.rows.gating.accepted import AcceptedRows
from countersign_ml.rows.read.row import Defect, read_rows
from countersign_ml.rows.tools.validate_command import main
from policy.errors import UserError
from tests.rows.files import gated, question, row, said, write


def told(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def asking(number: int, text: str, **changes: Any) -> dict[str, Any]:
    return row(number, messages=said(("user", text), ("assistant", "yes")), **changes)


def test_rejected_rows_stand_beside_their_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[dict[str, Any] | bytes] = [row(number) for number in range(3000)]
    mail = asking(5000, "write to ada.lovelace@analytical-engines.org", approved=False)
    rows[7] = mail
    rows[40] = b'{"id": "x", '
    rows[41] = b"\xff\xfe"
    rows[2500] = row(2500, licence="")
    rows.append(row(3) | {"id": "copy"})
    path = write(tmp_path / "rows.jsonl", rows)
    before, out = path.read_bytes(), tmp_path / "rejected.jsonl"
    assert main(["--file", str(path), "--rejected", str(out), "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["rejected"] == {"file": str(out), "rows": 4}
    assert "personal data" in printed.err
    first, broken, junk, licence = told(out)
    assert (first["line"], first["id"], first["gates"]) == (8, "r-5000", ["approved", "pii"])
    assert json.loads(first["row"]) == mail
    assert first["messages"][0].startswith("approved approved: not approved")
    assert first["messages"][1].startswith("pii messages.0: contains email")
    assert (broken["line"], broken["gates"], broken["row"]) == (41, ["contract"], '{"id": "x", ')
    assert (junk["line"], junk["row"], base64.b64decode(junk["row_base64"])) == (42, None, rows[41])
    assert (licence["line"], licence["gates"]) == (2501, ["provenance"])
    assert path.read_bytes() == before
    assert out.stat().st_mode & 0o077 == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["rejected.jsonl", "rows.jsonl"]


def test_what_is_rejected_and_what_is_trained_on_are_the_whole_file(tmp_path: Path) -> None:
    rows: list[dict[str, Any] | bytes] = [
        row(number, approved=number % 3 != 0) if number % 7 else b"{" for number in range(200)
    ]
    path, out = write(tmp_path / "rows.jsonl", rows), tmp_path / "out.jsonl"
    main(["--file", str(path), "--rejected", str(out), "--quiet"])
    gates = gated(("train", path))
    (split,) = gates.facts.splits
    lines_out = gates.rejected[path.name]
    accepted = AcceptedRows(str(path), path.name, split.digest, split.rows, lines_out)
    trained = {each.line for each in accepted}
    rejected = {each["line"] for each in told(out)}
    assert trained.isdisjoint(rejected)
    lines = {each.line for each in read_rows(path, "rows.jsonl")}
    assert trained | rejected == lines
    assert any(isinstance(each, Defect) for each in read_rows(path, "rows.jsonl"))


def test_clean_rows_make_an_empty_file_and_nothing_is_overwritten(tmp_path: Path) -> None:
    path, out = write(tmp_path / "rows.jsonl", [row(1), row(2)]), tmp_path / "out.jsonl"
    assert main(["--file", str(path), "--rejected", str(out), "--quiet"]) == 0
    assert out.read_bytes() == b""
    with pytest.raises(UserError, match="nothing is overwritten"):
        main(["--file", str(path), "--rejected", str(out), "--quiet"])
    with pytest.raises(UserError, match="cannot be written"):
        main(["--file", str(path), "--rejected", str(tmp_path / "no/out.jsonl"), "--quiet"])


def test_a_line_that_was_passed_over_unread_is_told_without_its_text(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(2), b"x" * 20_000_000, row(3), row(9, id="")])
    out = tmp_path / "out.jsonl"
    main(["--file", str(path), "--rejected", str(out), "--quiet"])
    long, nameless = told(out)
    assert (long["line"], long["row"]) == (2, None)
    assert "longer than" in long["messages"][0]
    assert nameless["line"] == 4
    assert json.loads(nameless["row"])["messages"][0]["content"] == question(9)
