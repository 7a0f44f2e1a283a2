"""`countersign data sample`: the same rows for the same seed, every stratum its share."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_ml.rows.diff.diff_rows import diff_rows
from countersign_ml.rows.read.sample_lines import read_source
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.statistics.stats_measure import measure
from countersign_ml.rows.tools.sample import main, shares
from policy.errors import UserError


def rows(path: Path, count: int, start: int = 0) -> str:
    path.write_text(
        "".join(
            json.dumps({"prompt": f"q{n}", "completion": "rare" if n % 50 == 0 else "often"}) + "\n"
            for n in range(start, start + count)
        )
    )
    return str(path)


def sampled(capsysbinary: pytest.CaptureFixture[bytes], *words: str) -> list[bytes]:
    assert main(list(words)) == 0
    return capsysbinary.readouterr().out.splitlines()


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 50), min_size=1, max_size=9), st.data())
def test_shares_add_up_and_leave_nobody_out(rows: dict[str, int], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, sum(rows.values())))
    given_ = shares(rows, count)
    assert sum(given_.values()) == count
    assert all(0 <= given_[value] <= rows[value] for value in rows)
    assert count < len(rows) or min(given_.values()) >= 1


def test_a_seed_gives_the_same_rows_in_the_order_of_the_file(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = rows(tmp_path / "a", 500)
    one = sampled(capsysbinary, path, "-n", "40", "--seed", "1")
    assert one == sampled(capsysbinary, path, "-n", "40", "--seed", "1")
    assert one != sampled(capsysbinary, path, "-n", "40", "--seed", "2")
    every = Path(path).read_bytes().splitlines()
    assert len(set(one)) == 40
    assert [every.index(line) for line in one] == sorted(every.index(line) for line in one)


def test_added_rows_only_take_the_places_that_they_win(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    before = set(sampled(capsysbinary, rows(tmp_path / "a", 500), "-n", "40", "--seed", "1"))
    after = set(sampled(capsysbinary, rows(tmp_path / "b", 550), "-n", "40", "--seed", "1"))
    new = set(rows_of(tmp_path / "b")) - set(rows_of(tmp_path / "a"))
    assert after - before <= new


def rows_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def test_every_value_has_its_share(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = rows(tmp_path / "a", 1000)
    found = sampled(capsysbinary, path, "-n", "50", "--seed", "3", "--stratify", "answer")
    assert Counter(json.loads(line)["completion"] for line in found) == {"often": 49, "rare": 1}


def test_a_sample_goes_to_a_new_file_only(tmp_path: Path) -> None:
    path, out = rows(tmp_path / "a", 10), tmp_path / "out"
    words = [path, "-n", "3", "--seed", "3", "--out", str(out)]
    assert main(words) == 0
    assert len(rows_of(out)) == 3
    with pytest.raises(UserError, match="out: cannot be written: File exists"):
        main(words)


@pytest.mark.parametrize(
    ("content", "count", "said"),
    [
        ('{"prompt":"a","completion":"b"}', "2", "has 1 rows, fewer than 2"),
        ('{"prompt":"a","completion":"b"}', "0", "0 is not a number of rows"),
        ("{broken", "1", r"a:1: not valid JSON"),
    ],
)
def test_what_cannot_be_sampled_is_said(
    tmp_path: Path, content: str, count: str, said: str
) -> None:
    (tmp_path / "a").write_text(content)
    with pytest.raises(UserError, match=said):
        main([str(tmp_path / "a"), "-n", count, "--seed", "1"])


@given(st.binary(max_size=300) | st.integers(900, 1010))
def test_whatever_a_file_holds_is_a_row_or_a_located_line(
    tmp_path_factory: pytest.TempPathFactory, drawn: bytes | int
) -> None:
    path = tmp_path_factory.mktemp("any") / "rows.jsonl"
    deep = b'{"prompt":"a","completion":"b","deep":%b}'
    nested = drawn if isinstance(drawn, bytes) else deep % (b"[" * drawn + b"]" * drawn)
    path.write_bytes(b'{"prompt":"a","completion":"b"}\n' + nested + b"\n")
    rows = list(read_source(Source(str(path), "rows")))
    found = diff_rows([], rows)
    assert found.after.rows == measure(rows).rows >= 1
    assert found.after.unreadable.count == len(rows) - found.after.rows
