"""An override waives the gate that it names, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.gates.judge import judge
from policy.gates.override import PLACES, waive
from policy.people.sign_off_record import Override
from policy.verdict import Finding, Outcome, gather
from tests.policy import builders as a


def override(gate: str = "measurement", **changes: Any) -> Override:
    facts: dict[str, Any] = {
        "model": a.MODEL,
        "gate": gate,
        "evidence": a.evidence().digest(),
        "user": "grace",
        "role": "ml-lead",
        "reason": "The regression is on rows that were retired.",
        "comment": 5,
        "stated": "2026-01-02T03:04:05Z",
    }
    return Override(**{**facts, **changes})


def judged(evidence: Any = None) -> Finding:
    found = evidence or a.facing(both=100, lost=60, won=2, neither=138)
    verdict = judge(a.policy(), found, proposal_digest=a.proposal().digest, incumbent=a.INCUMBENT)
    return gather(a.MODEL, [verdict])


def test_the_named_gate_is_waived_with_who_and_why():
    before = judged()
    after = waive(before, [override()])
    assert before.outcome is Outcome.FAILED
    assert after.outcome is Outcome.WAIVED
    forced = set(after.leaves()) - set(before.leaves())
    assert forced
    assert all("forced by @grace as ml-lead: The regression" in f.sentence for f in forced)


@pytest.mark.parametrize("gate", [gate for gate in PLACES if gate != "measurement"])
def test_another_gate_stays_as_it_is(gate: str):
    assert waive(judged(), [override(gate)]) == judged()


def test_a_gate_that_holds_is_not_said_to_be_forced():
    good = judged(a.evidence())
    assert waive(good, [override(gate) for gate in PLACES]) == good


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "recovery"},
        {"stages": ()},
        {"incumbent": None},
        {"artifacts": ()},
        {"data": a.data(contract=3)},
        {"measurements": a.evidence().measurements * 2},
    ],
)
def test_no_set_of_overrides_mends_what_may_not_be_forced(changes: dict[str, Any]):
    broken = judged(a.evidence(**changes))
    assert not broken.outcome.lets_through
    assert not waive(broken, [override(gate) for gate in PLACES]).outcome.lets_through


NAMES = ["evidence", "measurement", "export", "parity", "recovery", "kind", "quarantine", "x"]
LEAVES = st.builds(
    Finding, st.sampled_from(NAMES), st.sampled_from(list(Outcome)), st.just("so it is")
)
TREES = st.recursive(
    LEAVES,
    lambda parts: st.builds(gather, st.sampled_from(NAMES), st.lists(parts, min_size=1)),
    max_leaves=12,
)


@given(TREES, st.lists(st.sampled_from(sorted(PLACES)), max_size=4))
def test_waiving_turns_only_leaves_that_do_not_hold_and_twice_is_once(
    tree: Finding, gates: list[str]
):
    overrides = [override(gate) for gate in gates]
    after = waive(tree, overrides)
    assert waive(after, overrides) == after
    for old, new in zip(tree.leaves(), after.leaves(), strict=True):
        if new != old:
            assert (old.name, new.outcome) == (new.name, Outcome.WAIVED)
            assert not old.outcome.lets_through
