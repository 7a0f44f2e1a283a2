"""Looks in a clone: counted by the bot's own code; a version that hides some is found."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bot.facts.proposed import head_proposal
from countersign_ml.audit.audit_command import read
from countersign_ml.audit.history.audit_facts import HistoryFacts
from countersign_ml.audit.judging.audit_judge import judge_history
from policy.facts.proposal import run_key
from tests.audit.audit_builders import changes
from tests.bot import builders as a
from tests.bot.world import World


@pytest.fixture(scope="module")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> HistoryFacts:
    """A version that was the second look: another proposal was measured, and closed."""
    place: Path = tmp_path_factory.mktemp("looks")
    with World(place) as world:
        seed = a.evidence(1, proposal=head_proposal(a.facts_of(2)))
        world.prepare(run_key(seed.proposal.digest, None), seed.text())
        closed = world.propose(2)
        world.settle()
        world.api("ada", "PATCH", f"/pulls/{closed}", {"state": "closed"})
        number = world.propose(1)
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


def stating(facts: HistoryFacts, number: int | None) -> HistoryFacts:
    """The same history, its record written as if it were another look, or none."""
    (change,) = facts.changes
    (candidate,) = change.candidates
    looks = tuple(one.model_copy(update={"number": number}) for one in candidate.record.looks)
    assert looks
    record = candidate.record.model_copy(update={"looks": looks if number else ()})
    return replace(
        facts, changes=(replace(change, candidates=(replace(candidate, record=record),)),)
    )


def without_tags(facts: HistoryFacts, kept: int) -> HistoryFacts:
    """The same history, in a clone where only the latest look's tags are left."""
    (change,) = facts.changes
    return replace(facts, changes=(replace(change, looks=change.looks[-kept:] if kept else ()),))


def test_a_version_that_states_all_its_looks_is_proven(cloned: HistoryFacts) -> None:
    assert judge_history(cloned, ["acme/models"]).proven
    assert "it was look 2 at its held-out rows" in said(cloned)


@pytest.mark.parametrize("number", [1, None])
def test_a_version_that_states_fewer_looks_is_disproved(
    cloned: HistoryFacts, number: int | None
) -> None:
    lying = stating(cloned, number)
    assert not judge_history(lying, ["acme/models"]).proven
    assert "look 2" in said(lying)


def test_one_tag_that_is_left_shows_the_looks_before_it(cloned: HistoryFacts) -> None:
    left = without_tags(stating(cloned, 1), 1)
    assert not judge_history(left, ["acme/models"]).proven


def test_looks_whose_tags_are_all_gone_are_a_warning(cloned: HistoryFacts) -> None:
    gone = without_tags(cloned, 0)
    assert judge_history(gone, ["acme/models"]).proven
    assert "somebody deleted them" in said(gone)
