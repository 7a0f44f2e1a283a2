"""Evidence with all that a report tells: changed data, drift, cost, a curve, versions before."""

from __future__ import annotations

from typing import Any

from bot.report.author_words import author_words
from policy.facts.data_diff import (
    ChangedList,
    ChangedRow,
    DataDiff,
    FieldShift,
    FileChange,
    FileRows,
    RowList,
    RowPlace,
    SideFacts,
    ValueShift,
)
from policy.facts.evidence import (
    Bin,
    Drift,
    Evidence,
    GateFacts,
    Group,
    PairedCounts,
    RowFinding,
    Slice,
)
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.facts.run_context import DataChange, EarlierVersion, Expected, LossPoint, SplitFile
from policy.files.rules import DriftGate
from tests.bot import builders as a
from tests.policy import builders as measured

TRAIN = f"models/{a.MODEL}/data/train.jsonl"
TEST = f"models/{a.MODEL}/data/test.jsonl"
GATES = (
    DriftGate(of="length", against="incumbent", warn=0.1, fail=0.25),
    DriftGate(of="vocabulary", against="training", measure="jensen_shannon", warn=0.2),
)
POLICY = (
    measured.POLICY
    + """  drift:
    - {of: length, against: incumbent, warn: 0.1, fail: 0.25}
    - {of: vocabulary, against: training, measure: jensen_shannon, warn: 0.2}
"""
)


def place(line: int, file: str = TRAIN, name: str = "") -> RowPlace:
    return RowPlace(file=file, line=line, id=name)


def change() -> DataChange:
    """950 to 1,000 training rows; ids and labels try to be more than text."""
    diff = DataDiff(
        before=SideFacts(
            rows=1250, files=(FileRows(file=TEST, rows=300), FileRows(file=TRAIN, rows=950))
        ),
        after=SideFacts(
            rows=1300, files=(FileRows(file=TEST, rows=300), FileRows(file=TRAIN, rows=1000))
        ),
        unchanged=1238,
        added=RowList(count=60, first=tuple(place(n) for n in range(941, 961))),
        removed=RowList(count=10, first=tuple(place(n, name=f"r{n}") for n in range(1, 11))),
        changed=ChangedList(
            count=2,
            answer=2,
            first=tuple(
                ChangedRow(
                    before=place(n, TEST, "`@omar` </details>"),
                    after=place(n, TEST, "`@omar` </details>"),
                    parts=("answer",),
                )
                for n in (7, 9)
            ),
        ),
        new_duplicates=RowList(count=1, first=(place(960),)),
        fields=(
            FieldShift(
                field="group",
                rows_before=1250,
                rows_after=1300,
                values_before=6,
                values_after=7,
                jensen_shannon=0.021,
                psi=0.12,
                added=1,
                first_added=("refunds | <b>@all</b>",),
                largest=(ValueShift(value="refunds | <b>@all</b>", before=0, after=60),),
            ),
        ),
        by_file=(
            FileChange(file=TEST, before=300, after=300, changed=2),
            FileChange(file=TRAIN, before=950, after=1000, added=60, removed=10),
        ),
    )
    return DataChange(
        base="branch",
        commit="d" * 40,
        splits=(SplitFile(split="test", file=TEST), SplitFile(split="train", file=TRAIN)),
        diff=diff,
    )


def drift() -> tuple[Drift, ...]:
    lengths = (
        Bin(name="below 3 words", first=200, second=150),
        Bin(name="3 words or more", first=100, second=150),
    )
    words = (Bin(name="refund", first=500, second=510), Bin(name="(others)", first=900, second=890))
    return (
        Drift(of="length", against="incumbent", bins=lengths),
        Drift(of="vocabulary", against="incumbent", bins=words),
        Drift(of="vocabulary", against="training", bins=words),
    )


def earlier() -> tuple[EarlierVersion, ...]:
    """Two versions measured on other rows than today's, one on the same."""
    shares = (("v1-00000000", 0.31, "7"), ("v2-00000000", 0.44, "7"), ("v1-11111111", 0.51, "d"))
    return tuple(
        EarlierVersion(version=version, rows="sha256:" + mark * 64, metrics={"exact_match": share})
        for version, share, mark in shares
    )


def curve(points: int = 60) -> tuple[LossPoint, ...]:
    return tuple(
        LossPoint(step=step, loss=round(0.1 + 3.1 / step, 4)) for step in range(1, points + 1)
    )


def found(gate: str, count: int, message: str = "nearly the same question") -> GateFacts:
    rows = tuple(
        RowFinding(file=TRAIN, line=n, id=f"r{n}", message=message)
        for n in range(10, 10 + min(count, 50))
    )
    return GateFacts(gate=gate, count=count, findings=rows)


def told(**changes: Any) -> Evidence:
    """A good fine-tune whose evidence tells everything around it."""
    parcels = PairedCounts(both=60, only_first=3, only_second=0, neither=7)
    refunds = PairedCounts(both=90, only_first=0, only_second=120, neither=20)
    groups = (Group(value="parcels", counts=parcels), Group(value="refunds", counts=refunds))
    by_group = Slice(field="group", groups=groups)
    data = measured.data()
    gates = tuple(
        found("near_duplicates", 3) if gate.gate == "near_duplicates" else gate
        for gate in data.gates
    )
    facts: dict[str, Any] = {
        "data": data.model_copy(update={"gates": gates}),
        "training": measured.training(loss_curve=curve()),
        "comparisons": (measured.compared().model_copy(update={"slices": (by_group,)}),),
        "drift": drift(),
        "data_change": change(),
        "earlier": earlier(),
        "expected": Expected(
            tokens=360_000, hours=0.02, price_per_hour=2.4, currency="EUR", max_hours=0.5
        ),
    }
    return a.evidence(**{**facts, **changes})


BODY = """Some more refunds.

## Why

Refunds were *misread* as parcels; see https://example.org and @grace.
</details><script>alert(1)</script>

## Lessons

- Label refunds by hand first.
"""
WORDS = author_words("ada", BODY)


def told_pointer() -> Pointer:
    found = pointer_of(told())
    assert found is not None
    return found
