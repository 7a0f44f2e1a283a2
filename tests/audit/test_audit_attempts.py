"""Attempts in a clone: each is listed and judged again, and a missing one is found."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from countersign_ml.audit.audit_command import read
from countersign_ml.audit.history.audit_facts import HistoryFacts
from countersign_ml.audit.judging.audit_judge import judge_history
from policy.facts.proposal import run_key
from tests.audit.audit_builders import changes
from tests.bot import builders as a
from tests.bot.world import World
from tests.policy.builders import measurement

WHY = "the runner had a new GPU; does the result repeat?"


@pytest.fixture(scope="module")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> HistoryFacts:
    """A version that was measured in two attempts, both good, signed and merged."""
    place: Path = tmp_path_factory.mktemp("attempts")
    with World(place) as world:
        second = a.evidence(1, attempt=2)
        world.prepare(run_key(second.proposal.digest, None, 2), second.text())
        number = world.propose(1)
        world.settle()
        body = {"body": f"/retrain {WHY}"}
        world.api("ken", "POST", f"/issues/{number}/comments", body)
        world.settle()
        world.approve(number, "grace", "omar")
        world.settle()
        assert world.pull(number)["merged"]
        url = subprocess.run(
            ["git", "-C", str(world.clone), "remote", "get-url", "origin"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
        subprocess.run(["git", "clone", "-q", url, str(place / "audited")], check=True)
    return read(place / "audited", "main")


def said(facts: HistoryFacts) -> str:
    (change,) = changes(judge_history(facts, ["acme/models"]))
    return str(change.finding.as_json())


def without_listed(facts: HistoryFacts, **changed: object) -> HistoryFacts:
    """The same history, its record changed as if the bot had written it so."""
    (change,) = facts.changes
    (candidate,) = change.candidates
    attempts = tuple(one.model_copy(update=changed) for one in candidate.record.attempts)
    record = candidate.record.model_copy(update={"attempts": attempts if changed else ()})
    altered = replace(change, candidates=(replace(candidate, record=record),))
    return replace(facts, changes=(altered,))


def test_a_second_attempt_is_proven_with_who_asked_and_why(cloned: HistoryFacts) -> None:
    assert judge_history(cloned, ["acme/models"]).proven
    assert "'attempt 2'" in said(cloned)
    assert "@ken requested it on" in said(cloned)
    assert WHY in said(cloned)


def test_an_attempt_that_the_record_leaves_out_is_found_by_its_tag(cloned: HistoryFacts) -> None:
    left_out = without_listed(cloned)
    assert not judge_history(left_out, ["acme/models"]).proven
    assert "the record does not list its result" in said(left_out)


def test_an_attempt_that_did_not_hold_is_not_proven(cloned: HistoryFacts) -> None:
    worse = tuple(
        measurement(m.subject, m.model, 0.1 if m.subject == "candidate" else 0.0)
        for m in a.evidence(1).measurements
    )
    red = a.evidence(1, attempt=2, measurements=worse).text()
    assert not judge_history(without_listed(cloned, evidence=red), ["acme/models"]).proven


def test_evidence_of_another_attempt_does_not_stand_for_this_one(cloned: HistoryFacts) -> None:
    first = a.evidence(1).text()
    assert not judge_history(without_listed(cloned, evidence=first), ["acme/models"]).proven
