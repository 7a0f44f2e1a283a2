"""Slices as the comment shows them: the groups that moved most, whatever their names are."""

from __future__ import annotations

from bot.report import moved_slices
from policy.facts.evidence import Comparison, Group, PairedCounts, Slice
from tests.bot import builders as a
from tests.policy.builders import compared


def group(value: str, lost: int, won: int) -> Group:
    return Group(
        value=value, counts=PairedCounts(both=50, only_first=lost, only_second=won, neither=5)
    )


def shown(*groups: Group) -> str:
    part = Slice(field="locale", groups=groups)
    comparison = compared().model_copy(update={"slices": (part,)})
    return moved_slices.slice_tables(a.evidence(comparisons=(comparison,)))


def test_without_slices_nothing_is_shown() -> None:
    assert moved_slices.slice_tables(a.evidence()) == ""


def test_the_group_that_fell_most_comes_first_with_its_adjusted_p() -> None:
    text = shown(group("de", 2, 20), group("fr", 18, 1))
    lines = text.splitlines()
    assert lines[0] == "`exact_match` by `locale`, 2 groups:"
    assert lines[4].startswith("| `fr` | 74 | -23.0 pts | ")
    assert lines[5].startswith("| `de` | 77 | +23.4 pts | ")
    assert lines[4].endswith("| 0.00015 |")


def test_of_many_groups_the_extremes_are_shown() -> None:
    text = shown(*(group(f"g{n:02}", n, 20 - n) for n in range(21)))
    assert "the 5 that fell most and the 5 that rose most of 21 groups" in text
    assert text.count("| `g") == 10
    assert "`g20`" in text
    assert "`g00`" in text
    assert "`g10`" not in text


def test_the_surest_table_comes_first_and_what_did_not_move_is_only_named() -> None:
    def of(metric: str, *groups: Group) -> Comparison:
        part = Slice(field="locale", groups=groups)
        return compared().model_copy(update={"metric": metric, "slices": (part,)})

    comparisons = (
        of("answered", group("de", 0, 0), group("fr", 2, 2)),
        of("parsable", group("de", 1, 2)),
        of("accuracy", group("de", 20, 2)),
    )
    text = moved_slices.slice_tables(a.evidence(comparisons=comparisons))
    assert text.index("`accuracy`") < text.index("`parsable`") < text.index("`answered`")
    assert text.endswith("No group moved: `answered` by `locale`.")
    assert text.count("| Group |") == 2


def test_a_groups_name_is_only_text() -> None:
    assert "`@omar <b> ¦ x`" in shown(group("@omar <b> | x", 1, 2))
