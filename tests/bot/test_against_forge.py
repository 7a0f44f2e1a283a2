"""The whole line against the forge: propose, sign, merge, revert, and what may go wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from policy.facts.proposal import run_key
from tests.bot import builders as a
from tests.bot.world import World, inputs_of
from tests.policy.builders import POLICY


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as found:
        yield found


def ship(world: World, version: int) -> int:
    """Propose a version and sign it; return its pull request."""
    number = world.propose(version)
    world.settle()
    world.approve(number, "grace", "omar")
    world.settle()
    return number


def test_a_proposal_is_measured_released_signed_merged_and_deployed(world: World) -> None:
    number = world.propose(1)
    world.settle()
    assert world.conclusion(number) == "action_required"
    assert world.pull(number)["commits"] == 2
    (comment,) = world.comments(number)
    assert "exact_match" in comment
    world.approve(number, "grace")
    world.settle()
    assert world.conclusion(number) == "action_required"
    world.approve(number, "omar")
    world.settle()
    assert world.pull(number)["merged"]
    assert world.pull(number)["merged_by"]["login"] == a.BOT
    assert world.live() == a.pointer(1).text()
    assert world.deployments() == [(a.pointer(1).version, "success")]
    (comment,) = world.comments(number)
    assert "grace (ml-lead), omar (operations)" in comment


def test_reverting_the_merge_rolls_back(world: World) -> None:
    ship(world, 1)
    second = ship(world, 2)
    assert world.live() == a.pointer(2).text()
    back = world.revert(second, "ada")
    world.settle()
    assert world.conclusion(back) == "action_required"
    assert world.incidents() == [f"Incident: {a.MODEL} {a.pointer(2).version} is rolled back"]
    world.approve(back, "grace", "omar")
    world.settle()
    assert world.live() == a.pointer(1).text()
    assert [version for version, _ in world.deployments()] == [
        a.pointer(1).version,
        a.pointer(2).version,
        a.pointer(1).version,
    ]
    again = world.revert(back, "ada")
    world.settle()
    assert world.conclusion(again) == "failure"
    assert "quarantined" in world.comments(again)[0]


def test_an_evaluation_that_has_nothing_to_change_writes_nothing(world: World) -> None:
    number = world.propose(1)
    world.settle()
    before = len(world.forge.writes)
    report = world.evaluator.pull(world.app.installation_id, a.REPOSITORY, number)
    assert report.writes == 0
    assert [w for w in world.forge.writes[before:] if w.actor == a.BOT] == []


def test_a_pull_request_about_nothing_governed_is_green_at_once(world: World) -> None:
    world.push("docs", {"README.md": "Better words\n"})
    number = world.open("docs")
    world.settle()
    assert world.conclusion(number) == "success"
    assert world.comments(number) == []


def test_new_rows_after_the_release_take_it_back_to_measuring(world: World) -> None:
    number = world.propose(1)
    world.settle()
    world.approve(number, "grace")
    world.push("version-1", {f"models/{a.MODEL}/data/train.jsonl": "other rows"})
    world.settle()
    assert world.conclusion(number) == "failure"  # no evidence was written for these rows
    assert "left no artifact" in world.comments(number)[0]
    assert (
        "measured at least 2 times in this pull request (2 run keys)" in (world.comments(number)[0])
    )
    world.approve(number, "omar")
    world.settle()
    assert not world.pull(number)["merged"]


def test_changed_test_rows_are_said_before_the_figures(world: World) -> None:
    ship(world, 1)
    files = {**inputs_of(2), f"models/{a.MODEL}/data/test.jsonl": "easier rows"}
    world.push("easier", dict(files))
    number = world.open("easier")
    world.settle()
    sentence = "This pull request changes the test rows that models are measured by"
    assert sentence in world.comments(number)[0]
    assert sentence in world.check(number)["output"]["summary"]


def test_an_unsanctioned_merge_is_noticed(world: World) -> None:
    number = world.propose(1)
    world.settle()
    world.forge.require_checks(a.REPOSITORY, "main", [])
    world.api("omar", "PUT", f"/pulls/{number}/merge", {})
    world.settle()
    assert world.incidents() == [
        f"Incident: #{number} changed {a.MODEL} against the policy",
        f"Incident: {a.MODEL} {a.pointer(1).version} is rolled back",
    ]
    assert "Merged against the policy" in world.comments(number)[0]
    (back,) = world.api("ada", "GET", "/pulls?state=open")
    assert back["user"]["login"] == a.BOT
    assert world.conclusion(back["number"]) == "action_required"
    world.approve(back["number"], "grace", "omar")
    world.settle()
    assert world.live() is None


def test_a_comment_that_somebody_edits_is_written_again_and_a_forged_one_is_left(
    world: World,
) -> None:
    number = world.propose(1)
    world.settle()
    listed = world.api("ada", "GET", f"/issues/{number}/comments")
    text = listed[0]["body"]
    world.api("omar", "PATCH", f"/issues/comments/{listed[0]['id']}", {"body": "All is well."})
    world.settle()
    assert world.comments(number) == [text]


def test_a_pointer_written_by_hand_never_merges(world: World) -> None:
    files = {f"models/{a.MODEL}/pointer.json": a.pointer(1).text()}
    world.push("by-hand", dict(files))
    number = world.open("by-hand")
    world.settle()
    world.approve(number, "grace", "omar")
    world.settle()
    assert world.conclusion(number) == "failure"
    assert not world.pull(number)["merged"]
    assert "by hand" in world.comments(number)[0]


def test_an_author_without_write_access_waits_until_somebody_who_has_it_asks(world: World) -> None:
    number = world.propose(1)
    world.forge.repository(a.REPOSITORY).collaborators["ada"] = "read"
    world.settle()
    assert world.runs() == {}
    head = world.pull(number)["head"]["sha"]
    world.api("ada", "POST", f"/issues/{number}/comments", {"body": f"/train {head}"})
    world.api("ken", "POST", f"/issues/{number}/comments", {"body": f"> /train {head}"})
    world.settle()
    assert world.runs() == {}
    world.api("ken", "POST", f"/issues/{number}/comments", {"body": f"/train {head}"})
    world.settle()
    assert world.runs() == {f"finetune {a.MODEL} {a.forward_key(1)}": 1}
    assert world.conclusion(number) == "action_required"


def test_a_run_that_broke_is_started_again_on_request_and_then_counts(world: World) -> None:
    stored = world.root / "evidence" / f"{a.forward_key(1)}.json"
    text = stored.read_text()
    stored.unlink()
    number = world.propose(1)
    world.settle()
    assert world.conclusion(number) == "failure"
    stored.write_text(text)
    time.sleep(1.1)  # GitHub's times have seconds
    head = world.pull(number)["head"]["sha"]
    world.api("ada", "POST", f"/issues/{number}/comments", {"body": f"/train {head}"})
    world.settle()
    assert world.conclusion(number) == "action_required"
    assert world.runs() == {f"finetune {a.MODEL} {a.forward_key(1)}": 2}


def test_team_members_sign_for_a_team_that_may_write(tmp_path: Path) -> None:
    owners = "* @acme/leads\n/models/*/pointer.json @acme/readers @omar\n"
    text = POLICY.replace("ml-lead: {users: [grace]}", "ml-lead: {teams: [acme/leads]}")
    world = World(tmp_path, {".github/CODEOWNERS": owners, "policy/policy.yml": text})
    world.forge.add_team("acme", "leads", ["grace"])
    world.forge.add_team("acme", "readers", ["ken"])
    world.forge.repository(a.REPOSITORY).teams.update({"leads": "write", "readers": "read"})
    with world:
        number = world.propose(1)
        world.settle()
        world.approve(number, "grace", "ken")
        world.settle()
        assert world.conclusion(number) == "action_required"
        assert "role ml-lead: **passed**" in world.comments(number)[0]
        world.approve(number, "omar")
        world.settle()
        assert world.pull(number)["merged"]


def test_a_run_that_github_will_not_start_is_said_on_the_check(tmp_path: Path) -> None:
    with World(tmp_path, {".github/workflows/finetune.yml": None}) as world:
        number = world.propose(1)
        world.settle()
        assert world.conclusion(number) == "failure"
        assert (
            ".github/workflows/finetune.yml is on main" in world.check(number)["output"]["summary"]
        )


def test_the_second_of_two_racing_proposals_is_measured_again_against_the_first(
    world: World,
) -> None:
    rival = a.evidence(
        2,
        incumbent=None,
        comparisons=(),
        measurements=tuple(m for m in a.evidence().measurements if m.subject != "incumbent"),
    )
    world.prepare(run_key(rival.proposal.digest, None), rival.text())
    first, second = world.propose(1), world.propose(2)
    world.settle()
    world.approve(first, "grace", "omar")
    world.settle()
    assert world.live() == a.pointer(1).text()
    assert world.conclusion(second) == "failure"
    assert "merge main into this branch" in world.comments(second)[0]
    world.merge_main("version-2", f"models/{a.MODEL}/pointer.json")
    world.settle()
    assert world.conclusion(second) == "action_required"
    world.approve(second, "grace", "omar")
    world.settle()
    assert world.live() == a.pointer(2).text()
    kept = world.api("ada", "GET", f"/contents/model_cards/{a.MODEL}")
    versions = {item["name"].partition(".")[0] for item in kept}
    assert versions == {a.pointer(1).version, a.pointer(2).version}
