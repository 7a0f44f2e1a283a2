"""The difference between two states of a dataset: pure, from rows to facts."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Literal

import numpy as np

from countersign_ml.rows.diff.diff_side import Codes, Side, occurrence, shared_codes
from countersign_ml.rows.read.row import Defect, Row
from countersign_ml.rows.statistics.stats_distance import (
    jensen_shannon,
    length_classes,
    psi,
    quantiles,
)
from policy.facts.data_diff import (
    MAX_FILES,
    MAX_SHIFTS,
    MAX_TEXT,
    SHOWN,
    ChangedList,
    ChangedPart,
    ChangedRow,
    DataDiff,
    FieldShift,
    FileChange,
    LengthShift,
    ValueShift,
)

Pair = tuple[int, int]
Place = tuple[str, int]
Said = tuple[int, int, int]
"""Digests of a row's prompt, answer and metadata."""


def diff_rows(
    before: Iterable[Row | Defect],
    after: Iterable[Row | Defect],
    *,
    fields: Iterable[str] = (),
    one_file: bool = False,
) -> DataDiff:
    """Return what changed from `before` to `after`; each is read once and no row is kept.

    `fields` are always compared; other fields only if they look like labels. With `one_file` each
    state is one file, and its name is ignored.
    """
    always = tuple(fields)
    old, new = Side(before, always, one_file=one_file), Side(after, always, one_file=one_file)
    moved, changed, removed, added = _match(old, new)
    gone_duplicates, new_duplicates = _duplicates(old, new)
    shifts, left_out = _field_shifts(old, new)
    kept = len(moved) + len(changed)
    return DataDiff(
        before=old.facts(),
        after=new.facts(),
        unchanged=len(old) - len(removed) - kept,
        added=new.listed(added),
        removed=old.listed(removed),
        changed=_changed_list(old, new, changed),
        moved=_changed_list(old, new, moved),
        new_duplicates=new.listed(new_duplicates),
        gone_duplicates=old.listed(gone_duplicates),
        fields=shifts,
        fields_left_out=left_out,
        lengths=(
            _length_shift("prompt", old.prompt_length, new.prompt_length),
            _length_shift("answer", old.answer_length, new.answer_length),
        ),
        by_file=() if one_file else _by_file(old, new, moved + changed, removed, added),
    )


def _by_file(
    old: Side, new: Side, kept: Sequence[Pair], removed: Sequence[int], added: Sequence[int]
) -> tuple[FileChange, ...]:
    """Return the change of each file of either side; `kept` are the pairs that moved or changed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for index in removed:
        counts[old.file(index)]["removed"] += 1
    for index in added:
        counts[new.file(index)]["added"] += 1
    for one, other in kept:
        before, after = old.file(one), new.file(other)
        if before == after:
            counts[after]["changed"] += 1
        else:
            counts[before]["went"] += 1
            counts[after]["came"] += 1
    rows = [dict(zip(side.names, side.rows_of, strict=True)) for side in (old, new)]
    return tuple(
        FileChange(
            file=file, before=rows[0].get(file, 0), after=rows[1].get(file, 0), **counts[file]
        )
        for file in sorted(rows[0].keys() | rows[1].keys())[:MAX_FILES]
    )


def _match(old: Side, new: Side) -> tuple[list[Pair], list[Pair], list[int], list[int]]:
    """Return moved and changed pairs, removed and added rows; all others are unchanged."""
    codes = shared_codes(old.whole, new.whole)
    left_old, left_new = _unmatched(*codes), _unmatched(*reversed(codes))
    by_key: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for index in left_old:
        by_key[old.key[index]][0].append(index)
    for index in left_new:
        by_key[new.key[index]][1].append(index)
    moved: list[Pair] = []
    changed: list[Pair] = []
    removed: list[int] = []
    added: list[int] = []
    for key in sorted(by_key):
        ones, others = by_key[key]
        moved += _paired(ones, others, _said, old, new)
        changed += _paired(ones, others, Side.compared_file, old, new)
        both = min(len(ones), len(others))
        changed += zip(ones[:both], others[:both], strict=True)
        removed += ones[both:]
        added += others[both:]
    return moved, changed, removed, added


def _unmatched(mine: Codes, theirs: Codes) -> list[int]:
    """Return the elements without an equal of their own on the other side, in order."""
    if not len(mine):
        return []
    size = 1 + max(int(mine.max()), int(theirs.max()) if len(theirs) else 0)
    counts = np.bincount(theirs, minlength=size)
    return [int(index) for index in np.flatnonzero(occurrence(mine) >= counts[mine])]


def _said(side: Side, index: int) -> Said:
    return side.prompt[index], side.answer[index], side.metadata[index]


def _paired(
    ones: list[int],
    others: list[int],
    trait: Callable[[Side, int], Hashable],
    old: Side,
    new: Side,
) -> list[Pair]:
    """Remove the pairs with the same trait from both lists, in order, and return them."""
    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for index in others:
        waiting[trait(new, index)].append(index)
    pairs = [
        (index, queue.popleft()) for index in ones if (queue := waiting.get(trait(old, index)))
    ]
    for taken, left in (({one for one, _ in pairs}, ones), ({two for _, two in pairs}, others)):
        left[:] = [index for index in left if index not in taken]
    return pairs


def _changed_list(old: Side, new: Side, pairs: Sequence[Pair]) -> ChangedList:
    """Return changed rows, in the same order for both directions."""
    parts = [_parts(old, new, pair) for pair in pairs]
    counts = Counter(part for found in parts for part in found)

    def order(number: int) -> tuple[Place, Place, int, Said, Said]:
        one, other = pairs[number]
        first, second = sorted(((old.file(one), old.line[one]), (new.file(other), new.line[other])))
        low, high = sorted((_said(old, one), _said(new, other)))
        return first, second, old.key[one], low, high

    shown = sorted(range(len(pairs)), key=order)[:SHOWN]
    return ChangedList(
        count=len(pairs),
        prompt=counts["prompt"],
        answer=counts["answer"],
        metadata=counts["metadata"],
        first=tuple(
            ChangedRow(
                before=old.place(pairs[number][0]),
                after=new.place(pairs[number][1]),
                parts=parts[number],
            )
            for number in shown
        ),
    )


def _parts(old: Side, new: Side, pair: Pair) -> tuple[ChangedPart, ...]:
    one, other = pair
    found: list[ChangedPart] = []
    if old.prompt[one] != new.prompt[other]:
        found.append("prompt")
    if old.answer[one] != new.answer[other]:
        found.append("answer")
    if old.metadata[one] != new.metadata[other]:
        found.append("metadata")
    return tuple(found)


def _duplicates(old: Side, new: Side) -> tuple[list[int], list[int]]:
    """Return the removed and the new copies, beyond those that the other side has."""
    codes = shared_codes(old.content, new.content)
    return _more_copies(*codes), _more_copies(*reversed(codes))


def _more_copies(mine: Codes, theirs: Codes) -> list[int]:
    if not len(mine):
        return []
    size = 1 + max(int(mine.max()), int(theirs.max()) if len(theirs) else 0)
    counts = np.maximum(1, np.bincount(theirs, minlength=size))
    return [int(index) for index in np.flatnonzero(occurrence(mine) >= counts[mine])]


def _field_shifts(old: Side, new: Side) -> tuple[tuple[FieldShift, ...], tuple[str, ...]]:
    """Return the shifts of all fields, the largest first, and the fields left out."""
    left_out = old.fields.free() | new.fields.free()
    before, after = old.fields.labels(), new.fields.labels()
    names = (before.keys() | after.keys()) - left_out
    shifts = [_shift(name, before.get(name, {}), after.get(name, {})) for name in names]
    shifts.sort(key=lambda shift: (-(shift.jensen_shannon or 0), shift.field))
    shown = tuple(sorted(name[:MAX_TEXT] for name in left_out)[:MAX_SHIFTS])
    return tuple(shifts[:MAX_SHIFTS]), shown


def _shift(field: str, before: Counter[str] | dict[str, int], after: dict[str, int]) -> FieldShift:
    total_before, total_after = sum(before.values()), sum(after.values())

    def gap(value: str) -> float:
        one = before.get(value, 0) / total_before if total_before else 0.0
        other = after.get(value, 0) / total_after if total_after else 0.0
        return abs(one - other)

    differing = [
        value
        for value in before.keys() | after.keys()
        if before.get(value, 0) != after.get(value, 0)
    ]
    largest = sorted(differing, key=lambda value: (-gap(value), value))[:SHOWN]
    added, removed = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    return FieldShift(
        field=field[:MAX_TEXT],
        rows_before=total_before,
        rows_after=total_after,
        values_before=len(before),
        values_after=len(after),
        jensen_shannon=jensen_shannon(before, after),
        psi=psi(before, after),
        added=len(added),
        removed=len(removed),
        first_added=tuple(value[:MAX_TEXT] for value in added[:SHOWN]),
        first_removed=tuple(value[:MAX_TEXT] for value in removed[:SHOWN]),
        largest=tuple(
            ValueShift(
                value=value[:MAX_TEXT], before=before.get(value, 0), after=after.get(value, 0)
            )
            for value in largest
        ),
    )


def _length_shift(
    part: Literal["prompt", "answer"], before: array[int], after: array[int]
) -> LengthShift:
    one, other = length_classes(before), length_classes(after)
    return LengthShift(
        part=part,
        before=quantiles(sorted(before)),
        after=quantiles(sorted(after)),
        jensen_shannon=jensen_shannon(one, other),
        psi=psi(one, other),
    )
