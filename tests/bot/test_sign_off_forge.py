"""Rules, overrides, records, explanations, watching and the merge queue, against the forge."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.bot_commands import main
from bot.deciding.decide import decide
from bot.deciding.merge_group import judge_group
from bot.facts.merge_groups import GroupFacts
from countersign_ml.attestation import public_key, verify
from policy.errors import UserError
from policy.facts.evidence import Evidence
from policy.facts.proposal import run_key
from policy.facts.statement import read_statement
from policy.people.sign_off_record import SIGN_OFF_TYPE, SignOffRecord
from tests.bot import builders as a
from tests.bot.world import World, git
from tests.policy.builders import POLICY

FORCING = POLICY + "override: {roles: [ml-lead], gates: [measurement]}\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, {"policy/policy.yml": FORCING}) as found:
        yield found


def say(world: World, login: str, number: int, body: str) -> None:
    time.sleep(1.1)  # GitHub's times have seconds
    world.api(login, "POST", f"/issues/{number}/comments", {"body": body})
    world.settle()


def ship(world: World, version: int) -> int:
    number = world.propose(version)
    world.settle()
    world.approve(number, "grace", "omar")
    world.settle()
    assert world.pull(number)["merged"]
    return number


def records(world: World) -> list[SignOffRecord]:
    """Every record in the repository, verified with the key that it holds."""
    git(world.clone, "fetch", "--quiet", "--tags", "--force", "origin")
    keys = {"bot": public_key(world.settings.signing_key)}
    found = []
    for tag in git(world.clone, "tag", "--list", "countersign/*").split():
        text = git(world.clone, "tag", "--list", "--format=%(contents)", tag)
        payload, _ = verify(text, SIGN_OFF_TYPE, keys)
        record = read_statement(SignOffRecord, payload, tag)
        assert record.tag() == tag
        assert git(world.clone, "rev-parse", f"{tag}^{{commit}}") == record.head
        found.append(record)
    return sorted(found, key=lambda record: record.pull)


def test_who_signed_is_recorded_on_the_head_before_it_merges(world: World) -> None:
    number = ship(world, 1)
    (record,) = records(world)
    assert (record.pull, record.head) == (number, world.pull(number)["head"]["sha"])
    assert [review.user for review in record.reviews] == ["grace", "omar"]
    assert record.models[0].before is None
    assert record.roles == {"ml-lead": ("grace",), "operations": ("omar",)}


def test_without_the_bots_key_in_the_repository_nothing_is_shipped(tmp_path: Path) -> None:
    with World(tmp_path, {"policy/keys/countersign.pem": None}) as world:
        number = world.propose(1)
        world.settle()
        world.approve(number, "grace", "omar")
        world.settle()
        assert world.conclusion(number) == "failure"
        assert "countersign key" in world.check(number)["output"]["summary"]


def worse(world: World) -> Evidence:
    found = a.failing()
    world.prepare(a.forward_key(2), found.text())
    return found


def test_an_override_is_shown_on_comment_card_and_record(world: World) -> None:
    ship(world, 1)
    evidence = worse(world)
    number = world.propose(2)
    world.settle()
    assert world.conclusion(number) == "failure"
    command = f"/override measurement {evidence.digest()}"
    assert command in world.comments(number)[0]
    say(world, "grace", number, f"{command} The rows that fell were retired in March.")
    assert world.conclusion(number) == "action_required"
    assert "grace as ml-lead forced it" in world.comments(number)[0]
    world.approve(number, "grace", "omar")
    world.settle()
    assert world.pull(number)["merged"]
    (override,) = records(world)[-1].overrides
    assert (override.user, override.gate) == ("grace", "measurement")
    git(world.clone, "fetch", "--quiet", "origin")
    listed = git(world.clone, "ls-tree", "--name-only", "origin/main", f"model_cards/{a.MODEL}/")
    cards = [
        git(world.clone, "show", f"origin/main:{path}")
        for path in listed.split()
        if path.endswith(".md")
    ]
    assert any("## Forced" in card and "retired in March" in card for card in cards)


@pytest.mark.parametrize(
    ("login", "gate"), [("ada", "measurement"), ("omar", "measurement"), ("grace", "parity")]
)
def test_an_override_by_others_or_of_other_gates_does_not_count(
    world: World, login: str, gate: str
) -> None:
    ship(world, 1)
    evidence = worse(world)
    number = world.propose(2)
    world.settle()
    say(world, login, number, f"/override {gate} {evidence.digest()} Because it would be nice.")
    assert world.conclusion(number) == "failure"
    assert "does not count" in world.comments(number)[0]


def test_a_change_of_the_rules_is_signed_like_a_model_and_merged_by_a_person(
    world: World,
) -> None:
    world.push("rules", {"policy/policy.yml": FORCING + "# looser\n"})
    number = world.open("rules", "Rules")
    world.settle()
    assert world.conclusion(number) == "action_required"
    world.approve(number, "grace", "omar")
    world.settle()
    assert world.conclusion(number) == "success"
    assert not world.pull(number)["merged"]
    (record,) = records(world)
    assert (record.pull, record.models) == (number, ())


def test_a_policy_that_cannot_be_read_is_not_merged(world: World) -> None:
    world.push("rules", {"policy/policy.yml": "version: 1\nroles: {}\n"})
    number = world.open("rules", "Rules")
    world.settle()
    world.approve(number, "grace", "omar")
    world.settle()
    assert world.conclusion(number) == "failure"


def test_explain_is_answered_once_with_the_tree_of_the_comment(world: World) -> None:
    number = world.propose(1)
    world.settle()
    say(world, "mallory", number, "/explain")
    assert len(world.comments(number)) == 1
    say(world, "ken", number, "/explain")
    status, answer = world.comments(number)
    assert "role operations: **missing**" in answer
    tree = answer[answer.index("- support-triage: **passed**") :].strip()
    assert tree in status
    assert tree in world.check(number)["output"]["summary"]
    world.approve(number, "ken")
    world.settle()
    assert len(world.comments(number)) == 2


def test_a_pushed_pointer_opens_an_incident_and_a_way_back(world: World) -> None:
    ship(world, 1)
    git(world.clone, "fetch", "--quiet", "origin")
    git(world.clone, "checkout", "--quiet", "-B", "main", "origin/main")
    live = world.live() or ""
    pointer = world.clone / f"models/{a.MODEL}/pointer.json"
    pointer.write_text(live.replace("v1-11111111", "v2-22222222"))
    git(world.clone, "commit", "--quiet", "-a", "-m", "Hot fix")
    token = world.forge.world.account("omar").token
    url = f"{world.forge.url}/{a.REPOSITORY}.git".replace("://", f"://omar:{token}@", 1)
    git(world.clone, "push", "--quiet", url, "main")
    world.settle()
    pushed = git(world.clone, "rev-parse", "HEAD")
    assert any(f"{pushed[:12]} moved {a.MODEL}" in title for title in world.incidents())
    (back,) = world.api("ada", "GET", "/pulls?state=open")
    assert back["user"]["login"] == a.BOT
    tree = git(world.clone, "fetch", "--quiet", "origin") or git(
        world.clone, "show", f"{back['head']['sha']}:models/{a.MODEL}/pointer.json"
    )
    assert tree.strip() == live.strip()
    before = (world.incidents(), len(world.api("ada", "GET", "/pulls?state=all")))
    world.queue.sweep()
    world.settle()
    assert before == (world.incidents(), len(world.api("ada", "GET", "/pulls?state=all")))


def test_a_merge_group_of_a_green_pull_request_is_green(tmp_path: Path) -> None:
    person = POLICY.replace("merge: bot", "merge: person")
    with World(tmp_path, {"policy/policy.yml": person}) as world:
        world.forge.require_merge_queue(a.REPOSITORY, "main")
        number = world.propose(1)
        world.settle()
        world.approve(number, "grace", "omar")
        world.settle()
        world.forge.enqueue(a.REPOSITORY, number, by="omar")
        world.settle()
        assert world.pull(number)["merged"]
        assert world.live() == a.pointer(1).text()
        assert world.incidents() == []


def test_of_two_queued_proposals_for_one_model_only_the_first_merges(tmp_path: Path) -> None:
    person = POLICY.replace("merge: bot", "merge: person")
    rival = a.evidence(
        2,
        incumbent=None,
        comparisons=(),
        measurements=tuple(m for m in a.evidence().measurements if m.subject != "incumbent"),
    )
    with World(tmp_path, {"policy/policy.yml": person}) as world:
        world.prepare(run_key(rival.proposal.digest, None), rival.text())
        world.forge.require_merge_queue(a.REPOSITORY, "main")
        first, second = world.propose(1), world.propose(2)
        world.settle()
        for number in (first, second):
            world.approve(number, "grace", "omar")
        world.settle()
        assert (world.conclusion(first), world.conclusion(second)) == ("success", "success")
        for number in (first, second):
            world.forge.enqueue(a.REPOSITORY, number, by="omar")
        world.settle()
        assert world.live() == a.pointer(1).text()
        assert not world.pull(second)["merged"]
        assert "merge main into this branch" in world.comments(second)[0]


def test_a_merge_group_under_rules_that_changed_before_it_is_not_green() -> None:
    snapshot = a.snapshot(reviews=a.signed())
    head = dict.fromkeys(snapshot.paths, "1")
    facts = GroupFacts(
        ref="gh-readonly-queue/main/pr-7-" + "b" * 40,
        head="c" * 40,
        snapshot=snapshot,
        group={**head, "policy/policy.yml": "2"},
        onto={"policy/policy.yml": "2"},
        tip={"policy/policy.yml": "1"},
        pull={**head, "policy/policy.yml": "1"},
    )
    verdict, posted = judge_group(facts, decide(snapshot))
    assert posted.conclusion == "failure"
    assert "policy/policy.yml is not as in" in verdict.parts[-1].sentence
    same = replace(facts, tip=facts.onto, pull={**head, "policy/policy.yml": "2"})
    assert judge_group(same, decide(snapshot))[1].conclusion == "success"
    slipped = replace(same, group={**same.group, "models/other/pointer.json": "9"})
    assert judge_group(slipped, decide(snapshot))[1].conclusion == "failure"


def environment(world: World) -> dict[str, str]:
    return {
        "COUNTERSIGN_GITHUB_API": world.forge.api_url,
        "COUNTERSIGN_APP_ID": str(world.app.app_id),
        "COUNTERSIGN_PRIVATE_KEY": world.app.private_key_pem,
        "COUNTERSIGN_SIGNING_KEY": world.settings.signing_key,
        "COUNTERSIGN_WEBHOOK_SECRET": "s",
        "COUNTERSIGN_SECONDS_BETWEEN_REQUESTS": "0",
        "COUNTERSIGN_SECONDS_BETWEEN_WRITES": "0",
    }


def test_explain_and_key_answer_on_the_command_line_and_write_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    number = world.propose(1)
    world.settle()
    for name, value in environment(world).items():
        monkeypatch.setenv(name, value)
    writes = len(world.forge.writes)
    assert main(["explain", f"{a.REPOSITORY}#{number}"]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("Waiting for signatures\n")
    assert "MISSING role operations: 1 signature missing; @omar could sign" in shown
    assert main(["explain", f"{a.REPOSITORY}#{number}", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["verdict"]["outcome"] == "missing"
    with pytest.raises(UserError, match="there is no such pull request"):
        main(["explain", f"{a.REPOSITORY}#99"])
    with pytest.raises(UserError, match="is no pull request; such as"):
        main(["explain", "7"])
    assert main(["key"]) == 0
    assert capsys.readouterr().out == public_key(world.settings.signing_key)
    made = world.forge.writes[writes:]
    assert all(write.path.endswith("/access_tokens") for write in made)
