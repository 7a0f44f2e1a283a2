"""No reachable state has a pointer on the default branch without evidence and quorum.

Real forge, real git, real HTTP, the real bot; see `stateful_machine` for what may happen and
`stateful_history` for what must hold. COUNTERSIGN_SEED names another course of events.
"""

from __future__ import annotations

import logging
import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.bot.stateful_machine import Promotions, failures, totals

ENOUGH = 5_000


def explore(steps: int, examples: int) -> Counter[str]:
    """Return what this many examples of this many steps reached; AssertionError is a finding."""
    number = int(os.environ.get("COUNTERSIGN_SEED", "3"))
    print(f"COUNTERSIGN_SEED={number}")
    totals.clear()
    failures.clear()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logging.getLogger("huey").setLevel(logging.CRITICAL)
    wanted = settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=(Phase.generate,),  # a state takes seconds to reach: too long to shrink the way
        suppress_health_check=list(HealthCheck),
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
    )
    machine = seed(number)(Promotions)
    try:
        run_state_machine_as_test(machine, settings=wanted)
    except Exception as error:
        raise AssertionError("\n\n".join(failures) or str(error)) from error
    return Counter(totals)


@pytest.mark.slow
def test_nothing_ships_without_evidence_and_quorum_whatever_happens() -> None:
    found = explore(steps=40, examples=3)
    assert found["steps"] >= 60
    assert found["promotions"] > 0


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_audit_disproves_what_an_administrator_forced_in_five_hundred_histories() -> None:
    found = explore(steps=6, examples=500)
    assert found["audits"] >= 500
    assert found["forced by an administrator"] >= 100
    assert found["disproved"] >= 100


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_five_thousand_steps_and_no_way_around() -> None:
    found = explore(steps=75, examples=90)
    assert found["steps"] >= ENOUGH
    assert found["promotions"] >= 50
    assert found["rollbacks"] >= 10
    assert found["refused"] >= 100
    assert found["forced"] > 0
    assert found["killed"] > 0
    assert found["races"] > 0
    assert found["criss-cross"] > 0
    assert found["noticed"] > 0
    assert found["502"] > 0
