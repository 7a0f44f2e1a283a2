"""Theme: people whom only a trailer names. Anybody can write one, and tools and GitHub do too.

Whoever is named cannot sign. Somebody else with a role can stand in: that approval covers the named
person's part, and counts for nothing else.
"""

from __future__ import annotations

import time

import pytest

from countersign_ml.audit.audit_command import read
from countersign_ml.audit.judging.audit_judge import judge_history
from policy.people.co_authors import Credit
from tests.attacks.conftest import SceneWith
from tests.attacks.scene import POLICY, TRAIN, Scene, nothing_got_through
from tests.bot import builders as a
from tests.bot.world import git, inputs_of

LEAD = "role ml-lead** (missing)"
OPERATIONS = "role operations** (missing)"
WHY = "she only reviewed these rows"
BOTH_LEADS = POLICY.replace("{ml-lead: 1, operations: 1}", "{ml-lead: 2, operations: 1}")


def noreply(world: Scene, login: str) -> str:
    return world.forge.actor(login).account.noreply


def named(world: Scene, *emails: str) -> tuple[int, list[str]]:
    """Return a measured proposal, and its commits, each with a trailer for one address."""
    world.push("version-1", {**inputs_of(1), TRAIN: "rows to be replaced"})
    made = [
        world.commit(
            "version-1",
            {TRAIN: f"rows in between {n}" if n else "rows of 1"},
            message=f"Rows\n\nCo-authored-by: Someone <{email}>",
        )
        for n, email in reversed(list(enumerate(emails)))
    ]
    number = world.open("version-1")
    world.settle()
    assert world.conclusion(number) != "success"
    return number, made


def command(who: str, *commits: str, account: bool = True) -> str:
    credit = Credit(who=who, account=account, commits=commits)
    return f"/stand-in {credit.shown} {credit.digest} {WHY}"


def test_control_somebody_stands_in_for_a_signer_whom_a_trailer_names(world: Scene) -> None:
    """Ada names grace. Olga stands in and approves, grace and omar sign; the audit agrees."""
    number, made = named(world, noreply(world, "grace"))
    world.say("olga", number, command("grace", *made))
    world.settle()
    world.sign(number, "grace", "omar")
    nothing_got_through(world, number, because="names @grace")
    world.sign(number, "olga")
    assert world.live() == a.pointer(1).text()
    git(world.clone, "fetch", "--quiet", "--tags", "origin", "+main:refs/remotes/origin/main")
    audit = judge_history(read(world.clone, "refs/remotes/origin/main"))
    (model,) = audit.models
    assert [change.proven for change in model.changes] == [True]


@pytest.mark.parametrize(
    ("by", "signing", "because"),
    [
        ("grace", ("grace", "omar"), LEAD),
        ("omar", ("grace", "omar"), OPERATIONS),
        ("ada", ("grace", "omar"), LEAD),
        ("ken", ("grace", "omar", "ken"), LEAD),
        ("olga", ("grace", "omar"), LEAD),
    ],
    ids=["herself", "who also signs", "the author", "without a role", "without approving"],
)
def test_the_wrong_person_stands_in_for_nobody(
    world: Scene, by: str, signing: tuple[str, ...], because: str
) -> None:
    """A trailer names grace, and the stand-in is herself, a signer, the author, or no approver."""
    number, made = named(world, noreply(world, "grace"))
    world.say(by, number, command("grace", *made))
    world.settle()
    world.sign(number, *signing)
    nothing_got_through(world, number, because=because)


@pytest.mark.parametrize("how", ["edited", "quoted", "code", "short reason", "other commit"])
def test_a_stand_in_that_nobody_stated_does_not_count(world: Scene, how: str) -> None:
    """The line is edited into a comment, quoted, shown as code, without a reason, or for others."""
    number, made = named(world, noreply(world, "grace"))
    line = command("grace", *(["0" * 40] if how == "other commit" else made))
    texts = {
        "quoted": f"> {line}",
        "code": f"```\n{line}\n```",
        "edited": "Looks good.",
        "short reason": line.removesuffix(WHY) + "ok",
    }
    comment = world.say("olga", number, texts.get(how, line))
    if how == "edited":
        time.sleep(1.1)  # GitHub's times have seconds
        world.api("omar", "PATCH", f"/issues/comments/{comment}", {"body": line})
    world.settle()
    world.sign(number, "grace", "omar", "olga")
    nothing_got_through(world, number, because=LEAD)


def test_a_stand_in_covers_no_commit_that_comes_later(world: Scene) -> None:
    """After olga stood in for grace, ada pushes another commit with grace's trailer."""
    number, made = named(world, noreply(world, "grace"))
    world.say("olga", number, command("grace", *made))
    world.settle()
    trailer = f"Words\n\nCo-authored-by: Grace <{noreply(world, 'grace')}>"
    world.commit("version-1", {"notes.md": "More.\n"}, message=trailer)
    world.settle()
    world.sign(number, "grace", "omar", "olga")
    nothing_got_through(world, number, because=LEAD)


def test_two_whom_trailers_name_do_not_stand_in_for_each_other(scene_with: SceneWith) -> None:
    """Grace and linus both helped, each vouches for the other, and both must sign."""
    world = scene_with({"policy/policy.yml": BOTH_LEADS})
    assert BOTH_LEADS != POLICY
    number, made = named(world, noreply(world, "grace"), noreply(world, "linus"))
    by_linus, by_grace = made
    world.say("linus", number, command("grace", by_grace))
    world.say("grace", number, command("linus", by_linus))
    world.settle()
    world.sign(number, "grace", "linus", "omar")
    nothing_got_through(world, number)


def test_an_accepted_suggestion_is_no_independent_approval(world: Scene) -> None:
    """GitHub commits grace's suggestion for ada and names grace; grace and omar approve."""
    number, _ = suggested(world)
    world.sign(number, "grace", "omar")
    nothing_got_through(world, number, because=LEAD)


def test_control_an_accepted_suggestion_blocks_nothing_for_good(world: Scene) -> None:
    """Grace's suggestion is in it. Olga stands in for that part; grace and omar sign the rest."""
    number, made = suggested(world)
    world.say("olga", number, command("grace", made))
    world.settle()
    world.sign(number, "grace", "omar", "olga")
    assert world.live() == a.pointer(1).text()


def test_control_an_assistant_that_no_policy_lists_blocks_nothing_for_good(world: Scene) -> None:
    """A tool's trailer belongs to no account. Olga stands in for it, grace and omar sign."""
    number, made = named(world, "assistant@tools.example")
    nothing_got_through(world, number, because="/stand-in assistant@tools.example")
    world.say("olga", number, command("assistant@tools.example", *made, account=False))
    world.settle()
    world.sign(number, "grace", "omar", "olga")
    assert world.live() == a.pointer(1).text()


def test_who_may_be_behind_an_address_does_not_clear_it_for_themselves(world: Scene) -> None:
    """Omar wrote rows under an address of nobody, stands in for it, and signs."""
    number, made = named(world, "o@home.example")
    world.say("omar", number, command("o@home.example", *made, account=False))
    world.settle()
    world.sign(number, "grace", "omar")
    nothing_got_through(world, number, because=OPERATIONS)


def test_control_the_bot_of_an_app_in_a_trailer_is_nobody(world: Scene) -> None:
    """A trailer names another App's bot, as merge bots and assistants do."""
    number, _ = named(world, "9+helper[bot]@users.noreply.github.com")
    world.sign(number, "grace", "omar")
    assert world.live() == a.pointer(1).text()


def suggested(world: Scene) -> tuple[int, str]:
    """Return a proposal with a suggestion by grace, as GitHub commits it, and that commit."""
    world.push("version-1", {**inputs_of(1), TRAIN: "rows to be replaced"})
    made = world.commit(
        "version-1",
        {TRAIN: "rows of 1"},
        message=f"Update rows\n\nCo-authored-by: Grace <{noreply(world, 'grace')}>",
        committer=("GitHub", "noreply@github.com"),
    )
    world.forge.repository(a.REPOSITORY).verified.add(made)
    number = world.open("version-1")
    world.settle()
    return number, made
