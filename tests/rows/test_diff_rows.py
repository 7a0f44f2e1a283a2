"""The difference of two data sets: what it counts, and the laws that it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from countersign_ml.rows.diff.diff_rows import diff_rows
from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.row import Defect, Row, row_of
from policy.facts.data_diff import SHOWN, DataDiff, RowList, SideFacts


def row(
    name: str, asked: str, said: str, line: int, file: str = "train.jsonl", **metadata: Any
) -> Row:
    turns = (Turn("user", asked), Turn("assistant", said))
    return Row(name or f"line-{line}", turns, metadata, line, file, "messages")


WORDS = st.sampled_from(["a", "b", "c", '{"label":"x"}', '{"label":"y"}'])
DRAWN = st.tuples(
    st.sampled_from(["", "1", "2", "3", "4"]),
    WORDS,
    WORDS,
    st.sampled_from(["train.jsonl", "test.jsonl"]),
    st.sampled_from(["red", "blue", 7, True, None, ["list"]]),
)


@st.composite
def states(draw: st.DrawFn) -> list[Row]:
    drawn = draw(st.lists(DRAWN, max_size=12))
    return [
        row(name, asked, said, line, file, colour=colour)
        for line, (name, asked, said, file, colour) in enumerate(drawn, 1)
    ]


@given(states())
def test_nothing_differs_from_itself(state: list[Row]) -> None:
    found = diff_rows(state, state)
    assert found.empty
    assert found.unchanged == len(state)
    assert found.new_duplicates.count == found.gone_duplicates.count == 0
    assert all(shift.same for shift in found.fields)
    assert {shift.psi for shift in found.fields} <= {0.0, None}
    assert {shift.psi for shift in found.lengths} <= {0.0, None}


@given(states(), states())
def test_the_way_back_is_the_mirror_of_the_way_there(one: list[Row], other: list[Row]) -> None:
    assert diff_rows(one, other).mirrored() == diff_rows(other, one)


@given(states(), states())
def test_every_row_is_counted_once(one: list[Row], other: list[Row]) -> None:
    found = diff_rows(one, other)
    kept = found.unchanged + found.changed.count + found.moved.count
    assert kept + found.removed.count == len(one)
    assert kept + found.added.count == len(other)
    assert found.empty == (_facts(one) == _facts(other))


def _facts(state: Sequence[Row]) -> list[str]:
    """Return a state as it is compared: without lines, in no order."""
    return sorted(
        repr((part.id if part.id != f"line-{part.line}" else "", part.messages, part.metadata))
        + part.file
        for part in state
    )


@given(states(), states())
def test_what_is_written_reads_back_as_the_same(one: list[Row], other: list[Row]) -> None:
    found = diff_rows(one, other)
    assert DataDiff.model_validate_json(found.model_dump_json()) == found


def test_rows_are_matched_by_id_and_say_which_part_changed() -> None:
    before = [row("1", "a", "x", 1), row("2", "b", "y", 2), row("3", "c", "z", 3, by="ada")]
    after = [row("3", "c", "z", 1, by="bo"), row("1", "a", "new", 2), row("4", "d", "w", 3)]
    found = diff_rows(before, after)
    assert [(place.id, place.line) for place in found.added.first] == [("4", 3)]
    assert [(place.id, place.line) for place in found.removed.first] == [("2", 2)]
    assert (found.changed.count, found.changed.answer, found.changed.metadata) == (2, 1, 1)
    assert {(one.before.id, one.after.line, one.parts) for one in found.changed.first} == {
        ("1", 2, ("answer",)),
        ("3", 1, ("metadata",)),
    }


def test_rows_without_id_are_matched_by_what_they_say() -> None:
    before = [row("", "a", "x", 1), row("", "b", "y", 2)]
    after = [row("", "b", "y", 1), row("", "a", "other", 2)]
    found = diff_rows(before, after)
    assert (found.unchanged, found.added.count, found.removed.count) == (1, 1, 1)
    assert found.changed.count == 0


def test_a_row_that_goes_to_another_split_has_moved() -> None:
    before = [row("1", "a", "x", 1, "train.jsonl")]
    after = [row("1", "a", "x", 1, "test.jsonl")]
    found = diff_rows(before, after)
    assert (found.moved.count, found.changed.count, found.unchanged) == (1, 0, 0)
    assert diff_rows(before, after, one_file=True).empty


def test_only_copies_that_were_not_there_are_new_duplicates() -> None:
    before = [row("1", "a", "x", 1), row("2", "a", "x", 2)]
    after = [*before, row("3", "a", "x", 3), row("4", "b", "y", 4), row("5", "b", "y", 5)]
    found = diff_rows(before, after)
    assert [place.id for place in found.new_duplicates.first] == ["3", "5"]
    assert found.gone_duplicates.count == 0


def test_a_new_group_is_named_and_its_shift_measured() -> None:
    before = [row(str(n), "q", '{"label":"x"}', n, team="a") for n in range(1, 51)]
    after = before[:25] + [row(str(n), "q", '{"label":"y"}', n, team="b") for n in range(26, 51)]
    by_name = {shift.field: shift for shift in diff_rows(before, after).fields}
    team, label = by_name["team"], by_name["answer.label"]
    assert (team.first_added, team.first_removed) == (("b",), ())
    assert team.jensen_shannon == pytest.approx(0.311278)  # 1.5 - 0.75 log2 3, by hand
    assert team.psi is not None
    assert team.psi > 0.25
    assert [(one.value, one.before, one.after) for one in label.largest] == [
        ("x", 50, 25),
        ("y", 0, 25),
    ]


def test_a_field_with_mostly_different_values_is_left_out_unless_it_is_asked_for() -> None:
    before = [row(str(n), "q", "a", n, customer=f"c{n}") for n in range(1, 41)]
    after = [row(str(n), "q", "a", n, customer=f"c{n}") for n in range(1, 42)]
    found = diff_rows(before, after)
    assert found.fields_left_out == ("customer",)
    asked = {shift.field: shift for shift in diff_rows(before, after, fields=["customer"]).fields}
    assert asked["customer"].first_added == ("c41",)


def test_lines_that_are_no_rows_and_repeated_ids_are_counted_apart() -> None:
    broken = Defect("train.jsonl", 2, "", "", "not valid JSON")
    found = diff_rows([], [row("1", "a", "x", 1), broken, row("1", "b", "y", 3)])
    assert (found.after.rows, found.after.unreadable.count) == (2, 1)
    assert [place.line for place in found.after.repeated_ids.first] == [3]
    assert not found.empty


def test_lists_are_cut_and_counts_are_not() -> None:
    found = diff_rows([], [row(str(n), "a", "x" * n, n) for n in range(1, 101)])
    assert (found.added.count, len(found.added.first)) == (100, SHOWN)


def test_a_thousand_rows_of_one_id_are_paired_in_no_time() -> None:
    before = [row("1", "a", str(n), n) for n in range(1, 20_001)]
    after = [row("1", "b", str(n), n) for n in range(1, 20_001)]
    assert diff_rows(before, after).changed.count == 20_000


def test_counts_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValidationError, match="do not add up"):
        DataDiff(before=SideFacts(rows=2), after=SideFacts(), unchanged=0)
    with pytest.raises(ValidationError, match="counts 3 rows but lists 0"):
        RowList(count=3)


def test_metadata_of_any_depth_is_compared_or_counted_as_unreadable() -> None:
    for depth in range(900, 1010):
        text = b'{"prompt":"a","completion":"b","deep":%b}' % (b"[" * depth + b"]" * depth)
        found = diff_rows([], [row_of(text, "f", 1)])
        assert found.after.rows + found.after.unreadable.count == 1
