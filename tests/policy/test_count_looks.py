"""Counting looks: pure, the same for everybody, in any order, with tags missing."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from policy.canonical import digest_bytes
from policy.facts.look import LookRecord, count_looks
from policy.facts.statement import read_statement

MODEL = "support-triage"
ROWS = digest_bytes(b"rows")
OTHER = digest_bytes(b"other rows")


def key(number: int) -> str:
    return f"{number:016x}"


def look(number: int, earlier: tuple[int, ...] = (), **changed: object) -> LookRecord:
    facts = {
        "repository": "acme/models",
        "model": MODEL,
        "rows": ROWS,
        "key": key(number),
        "earlier": tuple(map(key, earlier)),
        "evidence": digest_bytes(b"evidence"),
        "at": "2026-01-02T12:00:00Z",
    }
    return LookRecord.model_validate({**facts, **changed})


def chain(length: int) -> list[LookRecord]:
    return [look(number, tuple(range(number))) for number in range(length)]


def test_a_look_survives_as_the_statement_that_is_signed() -> None:
    record = look(7, (1, 2), pull=12, user="ada")
    assert read_statement(LookRecord, record.payload(), record.tag()) == record
    assert record.tag().endswith(f"/3-{key(7)}")


@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_the_order_of_the_records_changes_nothing(length: int, mixed: random.Random) -> None:
    records = chain(length)
    mixed.shuffle(records)
    looks = count_looks(records, MODEL, ROWS)
    assert [looks.number(key(n)) for n in range(length)] == list(range(1, length + 1))


@given(st.integers(2, 12), st.sets(st.integers(0, 10)))
def test_while_the_latest_record_is_there_no_deleted_one_is_missed(
    length: int, deleted: set[int]
) -> None:
    lost = {n for n in deleted if n < length - 1}
    kept = [record for n, record in enumerate(chain(length)) if n not in lost]
    looks = count_looks(kept, MODEL, ROWS)
    assert len(looks.keys) == length
    assert looks.gone == {key(n) for n in lost}


def test_two_looks_that_claim_the_same_number_both_count() -> None:
    records = [*chain(6), look(8, tuple(range(6))), look(7, tuple(range(6)))]
    looks = count_looks(records, MODEL, ROWS)
    assert (looks.number(key(7)), looks.number(key(8))) == (7, 8)
    after = look(9, (*range(6), 7, 8))
    assert count_looks([*records, after], MODEL, ROWS).number(key(9)) == 9


def test_the_same_proposal_counts_once_whichever_pull_request_asked() -> None:
    records = [look(1, pull=1), look(1, pull=2), look(2, (1,))]
    assert count_looks(records, MODEL, ROWS).keys == (key(1), key(2))


def test_other_models_and_other_rows_count_for_nothing() -> None:
    records = [look(1, rows=OTHER), look(2, model="spam-filter")]
    assert count_looks(records, MODEL, ROWS).keys == ()
