"""Every sentence of `countersign compare`: what is wrong with two files, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policy.errors import Problem
from policy.verdict import Outcome

NO_FIELD = "(none)"
"""The group of the rows that lack the field that slices them."""
NO_ID = "the row has no id"
ID_REMEDY = 'give every row an "id", text or a whole number, the same in both files'
NO_MARGIN = "must be a number of 0 or more"
MIXED = "some scores are true or false, others are numbers"


def unreadable(where: str, said: str) -> Problem:
    return Problem(where, f"cannot be read: {said}", "name a file of rows, one JSON object a line")


def empty(where: str) -> Problem:
    return Problem(where, "holds no rows", "one JSON object a line, with an id and a score")


def bad_line(where: str, said: str) -> Problem:
    return Problem(where, said, "write one JSON object on each line")


def no_id(where: str) -> Problem:
    return Problem(f"{where} id", NO_ID, ID_REMEDY)


def bad_id(where: str) -> Problem:
    return Problem(f"{where} id", "must be text without NUL, or a whole number", ID_REMEDY)


def id_twice(where: str, name: str, first: int) -> Problem:
    return Problem(
        f"{where} id", f"{cut(name)!r} stands in line {first} already", "give each row its own id"
    )


def no_score(where: str, field: str, others: Sequence[str]) -> Problem:
    known = f"--score may name: {', '.join(map(cut, others))}" if others else "no field is a score"
    return Problem(f"{where} {field}", "the row has no such field", known)


def bad_score(where: str, field: str, given: Any) -> Problem:
    return Problem(
        f"{where} {field}",
        f"{cut(repr(given))} is no score",
        "a score is true, false or a number within 1e100",
    )


def mixed(where: str, field: str, line: int) -> Problem:
    return Problem(f"{where}:{line} {field}", MIXED, "write all scores in one way, in both files")


def bad_slice(where: str, field: str) -> Problem:
    return Problem(
        f"{where} {field}", "is no plain value", "slice by text, a number, true or false"
    )


def only_in(where: str, other: str, ids: Sequence[str]) -> Problem:
    noun = "id is" if len(ids) == 1 else "ids are"
    named = ", ".join(repr(cut(name)) for name in ids[:5])
    more = ", ..." if len(ids) > 5 else ""
    return Problem(
        where,
        f"{len(ids)} {noun} not in {other}: {named}{more}",
        "compare two files about the same rows",
    )


def other_value(where: str, field: str, name: str, other: str) -> Problem:
    return Problem(
        f"{where} {field}",
        f"row {cut(name)!r} has another value than in {other}",
        "a row is in one group only",
    )


def more_problems(where: str, count: int) -> Problem:
    return Problem(where, f"and {count} more problems", "mend these first")


def cut(text: str) -> str:
    """Return text short enough for a sentence."""
    return text if len(text) <= 60 else f"{text[:60]}..."


def line(found: Mapping[str, Any]) -> str:
    """Return one comparison as people read it."""
    digits = 4
    low, high = found["interval"]
    adjusted = f" (adjusted {found['p_adjusted']:.3g})" if "p_adjusted" in found else ""
    return (
        f"n {found['n']}, {found['mean_a']:.{digits}g} to {found['mean_b']:.{digits}g}, "
        f"difference {found['difference']:+.4f} ({_edge(low)} to {_edge(high)}), "
        f"p {found['p']:.3g}{adjusted}, detectable {_plain(found['detectable'])}: "
        f"{found['outcome']}"
    )


def _edge(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.4f}"


def _plain(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.4f}"


def meaning(outcome: Outcome, margin: float, rows: int | None) -> str:
    """Return what an outcome says of a drop, in one sentence."""
    if outcome is Outcome.FAILED:
        return f"B is worse, and by at least the margin of {margin:g}."
    if outcome is Outcome.WARNED:
        return f"B is worse, but by less than the margin of {margin:g}."
    if outcome is Outcome.PASSED:
        return f"No drop of the margin of {margin:g} is to be seen, and it would have been."
    if rows is None:
        return f"Whether B drops by the margin of {margin:g} is not known; no number of rows tells."
    return (
        f"Whether B drops by the margin of {margin:g} is not known: about {rows:,} rows would tell."
    )
