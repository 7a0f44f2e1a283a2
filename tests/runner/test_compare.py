"""`countersign compare`: two files of scored rows, every way to get them wrong, and the answer."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_ml.cli import command_table
from policy.errors import UserError
from runner.compare.compare_command import compared
from runner.compare.scored_rows import Pairs, Wanted, read_pairs

KEYS = ["n", "mean_a", "mean_b", "difference", "interval", "p", "detectable", "outcome"]
Answer = Callable[..., tuple[int, Any]]


def write(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def scored(values: Sequence[Any], **more: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"id": f"r{number}", "score": value, **{key: each[number] for key, each in more.items()}}
        for number, value in enumerate(values)
    ]


def table(both: int, lost: int, won: int, neither: int) -> tuple[list[bool], list[bool]]:
    first = [True] * (both + lost) + [False] * (won + neither)
    second = [True] * both + [False] * lost + [True] * won + [False] * neither
    return first, second


@pytest.fixture
def answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Answer:
    def ask(first: Sequence[Any], second: Sequence[Any], *options: str) -> tuple[int, Any]:
        one, other = write(tmp_path / "a.jsonl", first), write(tmp_path / "b.jsonl", second)
        code = command_table.main(["compare", str(one), str(other), "--json", *options])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else said.err.splitlines()

    return ask


@pytest.mark.parametrize(
    ("counts", "outcome", "code"),
    [
        ((900, 20, 20, 60), "passed", 0),
        ((850, 30, 10, 110), "warned", 0),
        ((200, 40, 5, 55), "failed", 1),
        ((40, 3, 3, 14), "inconclusive", 1),
    ],
)
def test_every_outcome_has_its_exit_code(
    answer: Answer, counts: tuple[int, int, int, int], outcome: str, code: int
) -> None:
    first, second = table(*counts)
    found = answer(scored(first), scored(second))
    assert (found[0], found[1]["outcome"]) == (code, outcome)
    assert list(found[1])[:8] == KEYS


def test_sixty_rows_say_how_many_would_settle_it(answer: Answer) -> None:
    first, second = table(40, 3, 3, 14)
    _, found = answer(scored(first), scored(second))
    assert 300 < found["rows_needed"] < 400
    more = found["rows_needed"] // 60 + 1
    first, second = table(40 * more, 3 * more, 3 * more, 14 * more)
    assert answer(scored(first), scored(second))[1]["outcome"] == "passed"


def test_the_order_of_rows_does_not_matter(answer: Answer) -> None:
    first, second = table(70, 20, 5, 5)
    one, other = scored(first), scored(second)
    shuffled = other.copy()
    random.Random(7).shuffle(shuffled)
    assert answer(one, other) == answer(one, shuffled)


def test_numbers_are_resampled_the_same_way_each_time(answer: Answer) -> None:
    rng = random.Random(7)
    first = [rng.gauss(0.6, 0.1) for _ in range(300)]
    second = [value - 0.08 + rng.gauss(0, 0.1) for value in first]
    code, found = answer(scored(first), scored(second))
    assert (code, found["outcome"]) == (1, "failed")
    assert found["interval"][0] < found["difference"] < found["interval"][1] < 0
    assert answer(scored(first), scored(second)) == (code, found)
    up = answer(scored(first), scored(second), "--lower-is-better")
    assert up[1]["outcome"] == "passed"


def test_clusters_make_less_sure(answer: Answer) -> None:
    rng = random.Random(3)
    talks = [number // 10 for number in range(400)]
    shift = [rng.gauss(0.02, 0.1) for _ in range(40)]
    second = [0.5 + shift[talk] for talk in talks]
    rows = scored([0.5] * 400, talk=talks), scored(second, talk=talks)
    _, alone = answer(*rows, "--margin", "0.1")
    _, together = answer(*rows, "--margin", "0.1", "--cluster", "talk")
    assert together["difference"] == alone["difference"]
    assert together["p"] > alone["p"]
    width = [each["interval"][1] - each["interval"][0] for each in (alone, together)]
    assert width[1] > 2 * width[0]


def test_a_slice_that_fell_fails_where_the_whole_does_not(answer: Answer) -> None:
    one, two = table(900, 10, 30, 60), table(60, 35, 0, 5)
    locale = ["en"] * 1000 + ["de"] * 100
    code, found = answer(
        scored(one[0] + two[0], locale=locale),
        scored(one[1] + two[1], locale=locale),
        "--slice",
        "locale",
    )
    assert found["outcome"] == "passed"
    assert {name: each["outcome"] for name, each in found["slices"].items()} == {
        "en": "passed",
        "de": "failed",
    }
    assert all(each["p_adjusted"] >= each["p"] for each in found["slices"].values())
    assert sum(each["n"] for each in found["slices"].values()) == found["n"]
    assert code == 1


def test_rows_without_the_slicing_field_are_a_group(answer: Answer) -> None:
    rows: list[dict[str, Any]] = scored([True] * 20)
    rows[3]["locale"] = "de"
    _, found = answer(rows, rows, "--slice", "locale")
    assert {name: each["n"] for name, each in found["slices"].items()} == {"(none)": 19, "de": 1}


def test_a_dotted_score_and_the_only_score_are_found(answer: Answer) -> None:
    nested = [{"id": 1, "scores": {"f.a": True}}, {"id": 2, "scores": {"f.a": False}}]
    assert answer(nested, nested, "--score", "scores.f.a")[1]["mean_a"] == 0.5
    assert answer(nested, nested)[1]["score"] == "scores.f.a"


def test_a_default_margin_follows_the_scale(answer: Answer) -> None:
    low, wide = scored([0.1, 0.9]), scored([10.0, 90.0])
    assert answer(low, low)[1]["margin"] == 0.05
    assert answer(wide, wide)[1]["margin"] == 4.0


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ([{"score": True}], [{"score": True}], ["a.jsonl:1 id", "b.jsonl:1 id"]),
        (
            [{"id": 1, "score": 1}, {"id": "1", "score": 1}],
            [{"id": 1, "score": 1}],
            ["a.jsonl:2 id: '1' is already in line 1"],
        ),
        (
            scored([True] * 4),
            scored([True] * 2),
            ["a.jsonl: 2 ids are not in", "'r2', 'r3'"],
        ),
        (scored([True, 0.5]), scored([True, True]), ["a.jsonl:2 score: some scores are true"]),
        (scored([1, 1]), scored([True, True]), ["b.jsonl:1 score: some scores are true"]),
        (scored(["yes"]), scored([None]), ["'yes' is not a score", "None is not a score"]),
        ([{"id": 1, "x": True, "y": 2}], [{"id": 1, "x": 1}], ["--score can name: x, y"]),
        ([[1]], [{"id": 1, "score": True}], ["a.jsonl:1: not a JSON object"]),
        ([], [], ["a.jsonl: has no rows", "b.jsonl: has no rows"]),
        (
            [{"id": "a\0b", "score": True}],
            [{"id": True, "score": True}],
            ["a.jsonl:1 id: must be text without NUL", "b.jsonl:1 id: must be text without NUL"],
        ),
        (scored([10**400]), scored([1]), ["is not a score"]),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    answer: Answer, first: list[Any], second: list[Any], said: list[str]
) -> None:
    code, problems = answer(first, second)
    assert code == 2
    for words in said:
        assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not valid JSON"),
        ('{"id": 1, "score": NaN}', "NaN is not a JSON number"),
        ('{"id": 1, "score": 1, "score": 2}', "'score' is given twice"),
        ('{"id": "\\ud800", "score": 1}', "surrogate"),
        ('{"id": 1, "score": 1e999}', "inf is not a score"),
        ('{"id": 1, "sc\0ore": 1}', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    good = write(tmp_path / "good.jsonl", scored([True]))
    bad = tmp_path / "bad.jsonl"
    bad.write_text(f'{{"id": "r0", "score": true}}\n{line}\n')
    with pytest.raises(UserError) as caught:
        read_pairs(good, bad, Wanted())
    assert any(
        f"{bad}:2" in str(problem) and said in str(problem) for problem in caught.value.problems
    ), caught.value.problems


def test_a_row_in_two_groups_is_refused(answer: Answer) -> None:
    one, other = scored([True], locale=["de"]), scored([True], locale=["en"])
    code, problems = answer(one, other, "--slice", "locale")
    assert code == 2
    assert "another value" in str(problems)


def test_many_problems_are_counted(answer: Answer) -> None:
    code, problems = answer([{"score": 1}] * 50, scored([True]))
    assert code == 2
    assert any("and 30 more problems" in problem for problem in problems)


def test_comparing_needs_no_torch(tmp_path: Path) -> None:
    rows = write(tmp_path / "a.jsonl", scored([0.5, 0.25, 1.5]))
    code = (
        "import sys; from countersign_ml.cli import command_table; "
        f"command_table.main(['compare', {str(rows)!r}, {str(rows)!r}]); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'llama_cpp')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from("ab")), min_size=1),
    st.floats(0, 0.5),
)
def test_a_drop_of_the_margin_never_passes(
    rows: list[tuple[bool, bool, str]], margin: float
) -> None:
    pairs = Pairs(
        ids=tuple(map(str, range(len(rows)))),
        first=tuple(float(row[0]) for row in rows),
        second=tuple(float(row[1]) for row in rows),
        shares=True,
        groups=tuple(row[2] for row in rows),
        clusters=None,
        score="score",
    )
    found = compared(pairs, margin)
    for each in (found, *found["slices"].values()):
        if each["difference"] < 0 and -each["difference"] >= margin:
            assert each["outcome"] in ("failed", "inconclusive")
        if each["outcome"] == "inconclusive":
            assert each["rows_needed"] is None or each["rows_needed"] > each["n"]
