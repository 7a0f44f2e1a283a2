"""What an evaluation costs: calls to GitHub, counted; and how fast a delivery is answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.facts.proposed import head_proposal
from policy.facts.proposal import run_key
from tests.bot import builders as a
from tests.bot.world import World, inputs_of

MOST_CALLS = 8


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as found:
        yield found


def look(world: World, number: int) -> tuple[int, int]:
    """Evaluate once more; return the calls and the writes."""
    report = world.evaluator.pull(world.app.installation_id, a.REPOSITORY, number)
    return report.calls, report.writes


def test_a_governed_pull_request_with_30_files_and_10_reviews_costs_8_calls(world: World) -> None:
    more = {f"contract/part-{n}.json": "{}\n" for n in range(25)}
    facts = replace(
        a.facts_of(1), head_inputs=a.inputs(1, **{name: a.sha(text) for name, text in more.items()})
    )
    proposal = head_proposal(facts)
    world.prepare(run_key(proposal.digest, None), a.evidence(1, proposal=proposal).text())
    folder = f"models/{a.MODEL}/"
    files = inputs_of(1) | {folder + name: text for name, text in more.items()}
    ken, app = world.forge.actor("ken").account.noreply, "9+app[bot]@users.noreply.github.com"
    trailers = f"Co-authored-by: K <{ken}>\nCo-authored-by: A <{app}>"
    world.push("many", files, f"Rows\n\n{trailers}")
    number = world.open("many")
    world.settle()
    for _ in range(5):
        world.api("grace", "POST", f"/pulls/{number}/reviews", {"event": "COMMENT", "body": "?"})
        world.approve(number, "ken")
    world.settle()
    calls, writes = look(world, number)
    assert len(world.api("ada", "GET", f"/pulls/{number}/reviews")) == 10
    assert world.pull(number)["changed_files"] >= 30
    assert writes == 0
    assert calls <= MOST_CALLS


def test_events_about_nothing_governed_cost_at_most_one_call(world: World) -> None:
    world.push("docs", {"README.md": "Better words\n"})
    number = world.open("docs")
    world.settle()
    assert world.conclusion(number) == "success"
    look(world, number)
    before = world.evaluator.connection.calls
    world.api(
        "ken", "POST", f"/issues/{number}/comments", {"body": "Nice, but /train is not said."}
    )
    world.settle()
    assert world.evaluator.connection.calls == before
    world.approve(number, "ken")
    world.settle()
    assert world.evaluator.connection.calls == before + 1


def test_a_new_head_or_base_of_an_ungoverned_pull_request_is_looked_at_again(world: World) -> None:
    world.push("docs", {"README.md": "Better words\n"})
    number = world.open("docs")
    world.settle()
    look(world, number)
    world.push("docs", dict(inputs_of(1)))
    world.settle()
    assert world.conclusion(number) == "action_required"
