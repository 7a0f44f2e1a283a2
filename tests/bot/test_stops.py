"""Hold, freeze, calendar, budget: what people and rules stop, against the forge."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from countersign_ml.markdown import as_read
from tests.bot import builders as a
from tests.bot.world import World
from tests.policy.builders import POLICY

STOPPING = POLICY + "stop: {hold: [ml-lead, operations], freeze: [operations]}\n"
LABEL = "countersign: hold"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, {"policy/policy.yml": STOPPING}) as found:
        yield found


def say(world: World, login: str, number: int, body: str) -> None:
    time.sleep(1.1)  # GitHub's times have seconds
    world.api(login, "POST", f"/issues/{number}/comments", {"body": body})
    world.settle()


def labels(world: World, number: int) -> list[str]:
    return [item["name"] for item in world.pull(number)["labels"]]


def test_a_held_pull_request_is_signed_and_does_not_merge_until_the_hold_ends(
    world: World,
) -> None:
    number = world.propose(1)
    world.settle()
    say(world, "grace", number, "/hold the label set is under discussion")
    assert labels(world, number) == [LABEL]
    world.approve(number, "grace", "omar")
    world.settle()
    assert world.check(number)["output"]["title"] == "Signed, but stopped for now"
    assert "grace put this pull request on hold: the label set" in world.comments(number)[0]
    say(world, "ken", number, "/unhold")
    assert not world.pull(number)["merged"]
    say(world, "omar", number, "/unhold")
    assert labels(world, number) == []
    assert world.pull(number)["merged"]


def test_a_hold_stops_a_run_from_being_started(world: World) -> None:
    number = world.propose(1)
    world.forge.repository(a.REPOSITORY).collaborators["ada"] = "read"
    world.settle()
    say(world, "grace", number, "/hold")
    head = world.pull(number)["head"]["sha"]
    say(world, "ken", number, f"/train {head}")
    assert world.runs() == {}
    say(world, "grace", number, "/unhold")
    assert sum(world.runs().values()) == 1


def test_a_freeze_stops_every_promotion_but_no_rollback(world: World) -> None:
    first = world.propose(1)
    world.settle()
    world.approve(first, "grace", "omar")
    world.settle()
    second = world.propose(2)
    world.settle()
    say(world, "ken", second, "/freeze because I say so")
    say(world, "omar", second, "/freeze audit week")
    (issue,) = world.api("ada", "GET", "/issues?labels=countersign-freeze")
    assert issue["title"] == "Promotions are frozen: audit week"
    world.approve(second, "grace", "omar")
    world.settle()
    assert not world.pull(second)["merged"]
    assert f"frozen (issue #{issue['number']})" in as_read(world.comments(second)[0])
    back = world.revert(first, "ada")
    world.settle()
    world.approve(back, "grace", "omar")
    world.settle()
    assert world.live() is None
    world.api("omar", "PATCH", f"/issues/{issue['number']}", {"state": "closed"})
    world.settle()
    assert world.conclusion(second) == "failure"  # its live version is gone: it merges main first


def test_a_freeze_ends_by_command(world: World) -> None:
    number = world.propose(1)
    world.settle()
    say(world, "omar", number, "/freeze audit week")
    world.approve(number, "grace", "omar")
    world.settle()
    assert not world.pull(number)["merged"]
    say(world, "omar", number, "/unfreeze")
    assert world.pull(number)["merged"]
    (issue,) = world.api("ada", "GET", "/issues?labels=countersign-freeze&state=all")
    assert issue["state"] == "closed"


def test_outside_a_release_window_nothing_is_promoted(tmp_path: Path) -> None:
    closed = "calendar: {freezes: [{first: 2020-01-01, last: 2999-01-01, reason: closed}]}\n"
    with World(tmp_path, {"policy/policy.yml": POLICY + closed}) as world:
        number = world.propose(1)
        world.settle()
        world.approve(number, "grace", "omar")
        world.settle()
        assert world.check(number)["output"]["title"] == "Signed, but stopped for now"
        assert not world.pull(number)["merged"]
        assert "2999" in world.comments(number)[0]


def test_a_run_beyond_the_budget_waits_for_who_may_spend(tmp_path: Path) -> None:
    budget = "budget: {max_tokens: 1, roles: [ml-lead]}\n"
    with World(tmp_path, {"policy/policy.yml": POLICY + budget}) as world:
        number = world.propose(1)
        world.settle()
        head = world.pull(number)["head"]["sha"]
        assert world.runs() == {}
        assert f"/train {head}" in as_read(world.comments(number)[0])
        say(world, "omar", number, f"/train {head}")
        assert world.runs() == {}
        say(world, "grace", number, f"/train {head}")
        assert world.conclusion(number) == "action_required"


def test_nobody_trains_what_nobody_could_sign(tmp_path: Path) -> None:
    owners = "* @grace\n/models/*/data/ @ghost @acme/nobody data@example.com\n"
    with World(tmp_path, {".github/CODEOWNERS": owners}) as world:
        number = world.propose(1)
        world.settle()
        assert world.runs() == {}
        assert world.conclusion(number) == "failure"
        assert "line 2" in world.comments(number)[0]


def test_a_run_is_cancelled_on_request_and_started_again(world: World) -> None:
    number = world.propose(1)
    world.settle()
    assert world.conclusion(number) == "action_required"
    say(world, "ken", number, "/cancel")  # nothing is under way: nothing happens
    assert world.conclusion(number) == "action_required"


def test_a_freeze_takes_back_every_green_check_at_once(tmp_path: Path) -> None:
    person = STOPPING.replace("merge: bot", "merge: person")
    with World(tmp_path, {"policy/policy.yml": person}) as world:
        first = world.propose(1)
        world.settle()
        world.approve(first, "grace", "omar")
        world.settle()
        assert world.conclusion(first) == "success"
        world.push("rules", {"policy/policy.yml": person + "# stricter\n"})
        other = world.open("rules", "Rules")
        world.settle()
        say(world, "omar", other, "/freeze audit week")
        assert world.conclusion(first) == "action_required"
