"""Laws of judging, over facts that were read from git once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_ml.attestation import sign
from countersign_ml.audit.audit_command import read
from countersign_ml.audit.history.audit_facts import ChangeFacts, HistoryFacts
from countersign_ml.audit.history.claimed_records import stored
from countersign_ml.audit.history.git_objects import Tag
from countersign_ml.audit.judging.audit_judge import judge_history
from policy.people.sign_off_record import SignOffRecord
from tests.audit.audit_builders import ADA, GRACE, KEY, OMAR, Repository

KEN = "ken"


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> HistoryFacts:
    repository = Repository(tmp_path_factory.mktemp("laws"))
    repository.ship(1)
    return read(repository.folder, "main")


def with_envelope(facts: HistoryFacts, envelope: str) -> HistoryFacts:
    """The same history with another message in its one tag; no candidate if it has no record."""
    (change,) = facts.changes
    (candidate,) = change.candidates
    (kept,) = stored({candidate.stored.tag: Tag(candidate.stored.target, "commit", envelope)})
    found = ()
    if kept.record is not None:
        found = (replace(candidate, stored=kept, record=kept.record),)
    return replace(facts, changes=(replace(change, candidates=found),))


def record_of(facts: HistoryFacts) -> SignOffRecord:
    (change,) = facts.changes
    (candidate,) = change.candidates
    return candidate.record


@given(who=st.lists(st.sampled_from([ADA, GRACE, OMAR, KEN]), max_size=6))
def test_it_is_proven_exactly_when_both_roles_signed(facts: HistoryFacts, who: list[str]):
    record = record_of(facts)
    reviews = [
        {"id": n, "user": user, "state": "APPROVED", "commit": record.head, "submitted": record.at}
        for n, user in enumerate(who)
    ]
    changed = SignOffRecord(**{**record.model_dump(), "reviews": reviews})
    envelope = sign(changed.payload(), KEY)
    assert judge_history(with_envelope(facts, envelope)).proven == ({GRACE, OMAR} <= set(who))


@given(place=st.integers(min_value=0, max_value=3000), put=st.characters(max_codepoint=126))
def test_no_changed_character_of_a_tags_message_proves_another_record(
    facts: HistoryFacts, place: int, put: str
):
    (change,) = facts.changes
    text = change.candidates[0].stored.envelope
    place %= len(text)
    other = with_envelope(facts, text[:place] + put + text[place + 1 :])
    if judge_history(other).proven:
        assert record_of(other) == record_of(facts)


@given(
    drop=st.sampled_from(
        ["policy", "keys", "recipe", "evidence", "has_card", "candidates", "inputs", "before"]
    )
)
def test_no_fact_can_be_left_out(facts: HistoryFacts, drop: str):
    (change,) = facts.changes
    without: dict[str, ChangeFacts] = {
        "policy": replace(change, rules=replace(change.rules, policy=None)),
        "keys": replace(change, rules=replace(change.rules, keys=())),
        "recipe": replace(change, recipe=None),
        "evidence": replace(change, evidence=None),
        "has_card": replace(change, has_card=False),
        "candidates": replace(change, candidates=()),
        "inputs": replace(change, inputs=change.inputs[1:]),
        "before": replace(change, before=change.after),
    }
    assert not judge_history(replace(facts, changes=(without[drop],))).proven


def test_judging_twice_agrees(facts: HistoryFacts):
    assert judge_history(facts) == judge_history(facts)
    assert judge_history(facts).proven
