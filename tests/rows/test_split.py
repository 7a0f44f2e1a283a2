"""`countersign data split`: by seed, whole groups, and no row moved by another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.sample_lines import Line
from countersign_ml.rows.tools.split import NAMES, Plan, assign, main
from policy.errors import UserError

SHARES = ["--train", ".6", "--validation", ".2", "--test", ".2", "--seed", "7"]


def rows(folder: Path, count: int, **more: Any) -> Path:
    path = folder / "all.jsonl"
    path.write_text(
        "".join(
            json.dumps({"prompt": f"question {n}", "completion": "a", "team": n % 40}) + "\n"
            for n in range(count)
        )
    )
    return path


def line(number: int, asked: str, team: str) -> Line:
    turns = (Turn("user", asked), Turn("assistant", "a"))
    row = Row(f"line-{number}", turns, {"team": team}, number, "f", "messages")
    return Line(number, b"", row)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    parts = draw(st.tuples(*[st.integers(0, 20)] * 3).filter(any))
    one, two, three = (part / sum(parts) for part in parts)
    group = draw(st.sampled_from(["team", None]))
    return Plan((one, two, three), draw(st.integers(0, 9)), group)


LINES = st.lists(
    st.tuples(st.sampled_from(["q", "Q ", "r", "s", "t"]), st.sampled_from("abcdef")), max_size=30
).map(lambda drawn: [line(n, *words) for n, words in enumerate(drawn, 1)])


@given(LINES, plans())
def test_groups_stay_whole_and_every_row_goes_somewhere(lines: list[Line], plan: Plan) -> None:
    found = assign(iter(lines), plan)
    assert len(found.splits) == sum(found.rows) == len(lines)
    places: dict[str | None, set[int]] = {}
    for one, number in zip(lines, found.splits, strict=True):
        assert isinstance(one.row, Row)
        places.setdefault(plan.group_of(one.row), set()).add(number)
        assert plan.shares[number] > 0
    assert all(len(numbers) == 1 for numbers in places.values())
    assert sum(found.groups) == len(places)
    if plan.group is None:
        assert found.shared_questions == 0


@given(LINES, LINES, plans(), st.randoms())
def test_added_rows_and_another_order_move_no_row(
    lines: list[Line], more: list[Line], plan: Plan, chance: Any
) -> None:
    both = lines + more
    chance.shuffle(both)
    before = dict(zip(map(id, lines), assign(iter(lines), plan).splits, strict=True))
    after = dict(zip(map(id, both), assign(iter(both), plan).splits, strict=True))
    assert {key: after[key] for key in before} == before


def test_three_files_hold_every_line_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = rows(tmp_path, 1000)
    assert main([str(path), *SHARES]) == 0
    told = capsys.readouterr().out
    parts = [(tmp_path / f"{name}.jsonl").read_text().splitlines() for name in NAMES]
    assert sorted(one for part in parts for one in part) == sorted(path.read_text().splitlines())
    for part, share in zip(parts, (600, 200, 200), strict=True):
        assert abs(len(part) - share) < 60
    for name, part in zip(NAMES, parts, strict=True):
        assert f"{name}.jsonl: {len(part)} rows ({len(part) / 1000:.1%})" in told


def test_the_same_seed_gives_the_same_files_and_another_one_others(tmp_path: Path) -> None:
    path = rows(tmp_path, 300)
    found = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        out = tmp_path / name
        out.mkdir()
        main([str(path), *SHARES[:-1], seed, "--out", str(out)])
        found.append((out / "test.jsonl").read_bytes())
    assert found[0] == found[1] != found[2]


def test_a_field_keeps_its_rows_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = rows(tmp_path, 1000)
    assert main([str(path), *SHARES, "--group", "team"]) == 0
    teams = [
        {json.loads(one)["team"] for one in (tmp_path / f"{name}.jsonl").read_text().splitlines()}
        for name in NAMES
    ]
    assert sum(map(len, teams)) == len(set.union(*teams)) == 40
    assert f"{len(teams[0])} groups by team" in capsys.readouterr().out


def test_questions_that_groups_share_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "all.jsonl"
    path.write_text(
        "".join(
            json.dumps({"prompt": "the same", "completion": "a", "team": n}) + "\n"
            for n in range(60)
        )
    )
    main([str(path), *SHARES, "--group", "team"])
    assert "1 questions are in more than one split" in capsys.readouterr().out


def test_a_share_of_nothing_writes_no_file(tmp_path: Path) -> None:
    path = rows(tmp_path, 100)
    shares = ["--train", ".8", "--validation", "0", "--test", ".2", "--seed", "1"]
    assert main([str(path), *shares]) == 0
    assert not (tmp_path / "validation.jsonl").exists()


def test_windows_lines_and_a_missing_last_end_become_plain_lines(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    body = b"\r\n".join(b'{"prompt":"%d","completion":"b"}' % n for n in range(50))
    path.write_bytes(b"\xef\xbb\xbf" + body)
    assert main([str(path), *SHARES]) == 0
    written = b"".join((tmp_path / f"{name}.jsonl").read_bytes() for name in NAMES)
    assert sorted(written.splitlines()) == sorted(body.split(b"\r\n"))
    assert b"\r" not in written


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    path = rows(tmp_path, 100)
    (tmp_path / "test.jsonl").write_text("mine")
    with pytest.raises(UserError, match=r"test.jsonl: already exists"):
        main([str(path), *SHARES])
    assert (tmp_path / "test.jsonl").read_text() == "mine"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["all.jsonl", "test.jsonl"]


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        ('{"prompt":"a","completion":"b"}\n{broken', SHARES, r"all.jsonl:2: not valid JSON"),
        ('{"prompt":"a","completion":"b"}', [*SHARES, "--group", "who"], r":1: has no 'who'"),
        ('{"prompt":"a","completion":"b"}', SHARES, "empty; nothing was written"),
        ("", SHARES, "0 rows in 0 groups"),
        ("", [*SHARES[:1], ".9", *SHARES[2:]], "do not add up to 1"),
        ("", [*SHARES[:1], "nan", *SHARES[2:]], "do not add up to 1"),
        ("", [*SHARES, "--out", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_what_is_wrong_is_located_and_nothing_is_written(
    tmp_path: Path, content: str, words: list[str], said: str
) -> None:
    path = tmp_path / "all.jsonl"
    path.write_text(content)
    with pytest.raises(UserError, match=said):
        main([str(path), *words])
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none.jsonl: no such file"):
        main([str(tmp_path / "none.jsonl"), *SHARES])
