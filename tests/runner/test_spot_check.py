"""Drawing the sample: by seed, differences first, blind, and never too long to show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_ml.rows.read.row import Row
from policy.facts.spot_check import MAX_CHARACTERS, MAX_ROWS, SpotCheck
from runner.measure.spot_check_sample import Answered, draw, pair_shown, shown_text
from tests.runner.test_win_rate_pairs import row

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def answered(subject: Any, texts: list[str], right: list[bool]) -> Answered:
    scores = tuple(
        {"exact_match": holds, "latency": 0.1 * number} for number, holds in enumerate(right)
    )
    return Answered(subject, A if subject == "candidate" else B, tuple(texts), scores)


def drawn(
    mine: list[str],
    other: list[str],
    *,
    right: list[bool] | None = None,
    seed: str = "s",
    count: int = 20,
    judged: list[float | None] | None = None,
    against: Literal["incumbent", "base"] = "incumbent",
) -> SpotCheck:
    rows = [row(number) for number in range(len(mine))]
    same = [True] * len(mine)
    return draw(
        rows,
        answered("candidate", mine, right or same),
        answered(against, other, same),
        proposal=seed,
        count=count,
        judged=judged or [],
    )


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    mine, other = [f"{n} a" for n in range(200)], [f"{n} b" for n in range(200)]
    assert drawn(mine, other) == drawn(mine, other)
    assert drawn(mine, other).digest() != drawn(mine, other, seed="t").digest()
    assert len(drawn(mine, other).rows) == 20


def test_whoever_words_the_proposal_does_not_choose_what_is_read() -> None:
    """Its digest can be tried over and over beforehand; files of answers hold measured times."""
    rows = [row(number) for number in range(200)]
    same = [True] * 200
    mine, other = (answered(who, [f"{n} {who}" for n in range(200)], same)
                   for who in ("candidate", "base"))  # fmt: skip
    first = draw(rows, mine, other, proposal="p", count=20)
    for mine_now, other_now in (
        (replace(mine, outputs="sha256:" + "c" * 64), other),
        (mine, replace(other, outputs="sha256:" + "c" * 64)),
    ):
        again = draw(rows, mine_now, other_now, proposal="p", count=20)
        assert [each.id for each in again.rows] != [each.id for each in first.rows]
        assert [each.candidate for each in again.rows] != [each.candidate for each in first.rows]


def test_rows_on_which_versions_differ_come_first_of_all() -> None:
    # 40 of 400 rows have other scores, 40 more only other texts.
    texts = [f"{n}" for n in range(400)]
    other = [f"{text} b" if n < 80 else text for n, text in enumerate(texts)]
    found = [0, 0, 0]
    for seed in range(30):
        sample = drawn(texts, other, right=[n >= 40 for n in range(400)], seed=f"s{seed}")
        assert (sample.drawn_from.other_scores, sample.drawn_from.other_texts) == (40, 40)
        for each in sample.rows:
            number = int(each.first.split()[0])
            found[0 if number < 40 else 1 if number < 80 else 2] += 1
    # By weight 8 : 4 : 1 that is 320, 160 and 320 of 800: of 600 drawn 240, 120 and 240.
    assert found == pytest.approx([240, 120, 240], abs=45)


def test_times_are_no_difference() -> None:
    rows = [row(0)]
    mine = Answered("candidate", A, ("x",), ({"latency": 1.0, "exact_match": True},))
    other = Answered("base", B, ("x",), ({"latency": 2.0, "exact_match": True},))
    assert draw(rows, mine, other, proposal="s", count=5).drawn_from.disagreements == 0


def test_whose_answer_stands_first_is_drawn() -> None:
    sample = drawn(["mine"] * 50, ["other"] * 50, count=50)
    places = {each.candidate for each in sample.rows}
    assert places == {"first", "second"}
    for each in sample.rows:
        assert (each.first if each.candidate == "first" else each.second) == "mine"


def test_what_the_judge_said_is_told_of_the_answers_as_they_stand() -> None:
    sample = drawn(
        ["mine"] * 40,
        ["other"] * 40,
        count=40,
        judged=[[1.0, 0.0, 0.5, None][n % 4] for n in range(40)],
    )
    for number, each in enumerate(sample.rows):
        other = "second" if each.candidate == "first" else "first"
        assert each.judged == (each.candidate, other, "tie", "failed")[number % 4]


def test_without_a_judge_nothing_was_judged() -> None:
    assert {each.judged for each in drawn(["a"], ["b"]).rows} == {""}


def test_a_cut_is_seen() -> None:
    assert shown_text("a" * 12, 10) == "aaaaaaaaaa [... 2 more characters]"
    assert shown_text("a" * 10, 10) == "a" * 10


def test_a_late_difference_is_shown() -> None:
    one, other = pair_shown("x" * 900 + "yes", "x" * 900 + "no", 100)
    assert one.endswith("yes")
    assert other.endswith("no")
    assert one.startswith("[the first 875 characters are the same ...] ")


@settings(max_examples=30)
@given(
    st.lists(st.text(min_size=0, max_size=5).map(lambda t: t * 800), min_size=1, max_size=60),
    st.integers(1, MAX_ROWS),
)
def test_a_sample_can_always_be_shown(texts: list[str], count: int) -> None:
    other = [text[:-1] + "?" for text in texts]
    sample = drawn(texts, other, count=count)
    assert len(sample.rows) == min(count, len(texts))
    shown = sum(len(r.input + r.expected + r.first + r.second) for r in sample.rows)
    assert shown <= MAX_CHARACTERS
    assert SpotCheck.model_validate_json(sample.model_dump_json()) == sample


def test_ids_that_cannot_be_named_are_told_by_their_place() -> None:
    def named(name: str) -> Row:
        return Row(**{**vars(row(0)), "id": name})

    rows = [named(""), named("x" * 900), named("twice"), named("twice")]
    mine = answered("candidate", ["a"] * 4, [True] * 4)
    other = answered("base", ["b"] * 4, [True] * 4)
    sample = draw(rows, mine, other, proposal="s", count=9)
    assert [each.id for each in sample.rows] == [
        " (row 1)",
        f"{'x' * 100} (row 2)",
        "twice",
        "twice (row 4)",
    ]
