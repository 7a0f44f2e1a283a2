"""Theme: who may sign. Each scenario is someone whose approval must not count."""

from __future__ import annotations

import pytest

from countersign_ml.forge.request.auth import mint
from tests.attacks.conftest import SceneWith
from tests.attacks.scene import POLICY, TRAIN, Scene, nothing_got_through
from tests.bot import builders as a
from tests.bot.world import inputs_of

GRACE = ("Grace", "grace@example.com")
POLICY_FILE = "policy/policy.yml"
OWNERS_FILE = ".github/CODEOWNERS"
EVERYTHING_BY_OMAR = "* @omar\n"
LEAD = "role ml-lead** (missing)"
NOBODY = "to no account, so it is unknown"
KNOWN_ASSISTANT = POLICY.replace(
    "sign_off:\n", "sign_off:\n  assistants: [assistant@tools.example]\n"
)
UNVERIFIED = "(unverified) belong to no account"


def test_control_the_two_who_must_sign_do_get_it_through(world: Scene) -> None:
    """No trick: what every scenario of this theme does, done by the right people."""
    number = world.released()
    world.sign(number, "grace", "omar")
    assert world.live() == a.pointer(1).text()
    with pytest.raises(AssertionError, match="the pointer on main moved"):
        nothing_got_through(world, number)


def test_the_author_cannot_sign_their_own_proposal(world: Scene) -> None:
    """Grace, who is the ml-lead, opens the pull request and approves it herself."""
    world.push("version-1", dict(inputs_of(1)))
    body = {"title": "More tickets", "head": "version-1", "base": "main"}
    number = int(world.api("grace", "POST", "/pulls", body)["number"])
    world.settle()
    approval = {"event": "APPROVE", "commit_id": world.head(number)}
    assert world.try_api("grace", "POST", f"/pulls/{number}/reviews", approval).status_code == 422
    world.sign(number, "omar", "ken")
    nothing_got_through(world, number, because=LEAD)


def test_who_committed_anything_of_it_cannot_sign(world: Scene) -> None:
    """Ada opens it, but grace committed one of its commits under ada's authorship."""
    number = made_by(world, committer=GRACE)
    world.sign(number)
    nothing_got_through(world, number, because=LEAD)


def test_who_wrote_a_commit_that_another_committed_cannot_sign(world: Scene) -> None:
    """Grace wrote the rows, and ada committed them in grace's name."""
    number = made_by(world, author=GRACE)
    world.sign(number)
    nothing_got_through(world, number, because=LEAD)


def test_a_co_author_named_in_a_trailer_cannot_sign(world: Scene) -> None:
    """Only a line at the end of the message shows grace's part."""
    number = made_by(world, message=f"Rows\n\nCo-Authored-By: Grace <{noreply(world, 'grace')}>")
    world.sign(number)
    nothing_got_through(world, number, because=LEAD)


def test_a_co_author_behind_an_address_of_nobody_stops_everybody(world: Scene) -> None:
    """The trailer names an address without an account: it may be another address of a signer."""
    number = made_by(world, message="Rows\n\nco-authored-by: Someone <grace@home.example>")
    world.sign(number)
    nothing_got_through(world, number, because=NOBODY)


@pytest.mark.parametrize("domain", ["evil.example", "github.com.evil.example", "github.com"])
def test_a_made_up_noreply_address_takes_no_signer_away(world: Scene, domain: str) -> None:
    """Ada names grace under another server or another account's number, to leave only linus."""
    trailer = f"Co-authored-by: Grace <7+grace@users.noreply.{domain}>"
    number = made_by(world, message=f"Rows\n\n{trailer}")
    world.sign(number, "linus", "omar")
    nothing_got_through(world, number, because=NOBODY)


def test_an_author_under_an_assistants_address_stops_everybody(scene_with: SceneWith) -> None:
    """Grace commits as the assistant that the policy knows, and signs what she made."""
    world = scene_with({POLICY_FILE: KNOWN_ASSISTANT})
    number = made_by(world, author=("A", "assistant@tools.example"))
    world.sign(number)
    nothing_got_through(world, number, because=NOBODY)


def test_control_a_known_assistants_trailer_blocks_nothing(scene_with: SceneWith) -> None:
    """The policy lists the assistant's address, which belongs to no account."""
    world = scene_with({POLICY_FILE: KNOWN_ASSISTANT})
    number = made_by(world, message="Rows\n\nCo-authored-by: A <assistant@tools.example>")
    world.sign(number)
    assert world.live() == a.pointer(1).text()


def test_an_author_whose_address_leads_to_nobody_stops_everybody(world: Scene) -> None:
    """Grace commits under an address that no account has, and signs what she made."""
    number = made_by(world, author=("G", "grace@home.example"))
    world.sign(number)
    nothing_got_through(world, number, because=NOBODY)


def test_a_commit_under_the_bots_own_address_is_not_taken_for_the_bots(world: Scene) -> None:
    """Grace uses the App's address, whose commits are not counted."""
    bot = world.app.bot
    number = made_by(world, author=(bot.login, bot.noreply), committer=(bot.login, bot.noreply))
    world.sign(number)
    nothing_got_through(world, number, because=UNVERIFIED)


def test_a_commit_under_githubs_own_address_is_not_taken_for_githubs(world: Scene) -> None:
    """Grace uses the address that GitHub commits with in the browser."""
    github = ("GitHub", "noreply@github.com")
    number = made_by(world, author=github, committer=github)
    world.sign(number)
    nothing_got_through(world, number, because=UNVERIFIED)


def test_an_owner_without_write_access_does_not_count(scene_with: SceneWith) -> None:
    """CODEOWNERS and the policy name mallory, who has no write access."""
    world = scene_with(
        {
            OWNERS_FILE: "* @mallory\n",
            POLICY_FILE: POLICY.replace("[omar, olga]", "[mallory]"),
        }
    )
    world.forge.repository(a.REPOSITORY).collaborators["mallory"] = "write"
    number = world.released()  # a run needs an eligible signer
    del world.forge.repository(a.REPOSITORY).collaborators["mallory"]
    world.sign(number, "grace", "mallory")
    nothing_got_through(world, number, because="owners of *** (missing)")


def test_who_left_the_team_after_approving_no_longer_counts(scene_with: SceneWith) -> None:
    """Grace approves as a member of the leads, and is removed from the team before the rest."""
    world = with_leads(scene_with, ["grace", "linus"])
    number = world.released()
    world.sign(number, "grace")
    del world.forge.world.teams[("acme", "leads")].members["grace"]
    world.sign(number, "omar")
    nothing_got_through(world, number, because=LEAD)


def test_a_team_that_may_only_read_owns_nothing(scene_with: SceneWith) -> None:
    """The owning team loses write access while a member approves who has it himself."""
    world = scene_with({OWNERS_FILE: "* @acme/readers\n"})
    world.forge.add_team("acme", "readers", ["ken"])
    teams = world.forge.repository(a.REPOSITORY).teams
    teams["readers"] = "write"
    number = world.released()
    teams["readers"] = "read"
    world.sign(number, "grace", "omar", "ken")
    nothing_got_through(world, number, because="owners of *** (missing)")


def test_a_bot_in_the_team_of_signers_does_not_sign(scene_with: SceneWith) -> None:
    """Another App's account becomes a writer and a member of the leads, and approves."""
    world = with_leads(scene_with, ["linus", "helper[bot]"])
    helper = world.forge.add_app("helper")
    world.forge.repository(a.REPOSITORY).collaborators["helper[bot]"] = "write"
    number = world.released()
    helper.bot.token = mint(world.forge.world, helper).value
    world.sign(number, "helper[bot]", "omar")
    nothing_got_through(world, number, because=LEAD)


def test_the_bot_does_not_sign_for_itself(scene_with: SceneWith) -> None:
    """Someone approves with this App's token, and the App's account is one of the leads."""
    world = with_leads(scene_with, ["linus", a.BOT])
    world.forge.repository(a.REPOSITORY).collaborators[a.BOT] = "write"
    number = world.released()
    world.app.bot.token = mint(world.forge.world, world.app).value
    world.sign(number, a.BOT, "omar")
    nothing_got_through(world, number, because=LEAD)


def test_one_person_in_two_roles_fills_one_place(scene_with: SceneWith) -> None:
    """Omar has both roles, and owns everything; his one approval must not count twice."""
    text = POLICY.replace("[grace, linus]", "[linus, OMAR]")
    world = scene_with({POLICY_FILE: text, OWNERS_FILE: EVERYTHING_BY_OMAR})
    number = world.released()
    world.sign(number, "omar")
    nothing_got_through(world, number, because="role operations** (missing)")


def test_approving_twice_fills_one_place(scene_with: SceneWith) -> None:
    """Two leads must sign; one of them approves twice."""
    text = POLICY.replace("ml-lead: 1", "ml-lead: 2")
    world = scene_with({POLICY_FILE: text})
    number = world.released()
    world.sign(number, "grace", "grace", "omar")
    nothing_got_through(world, number, because=LEAD)


def test_a_login_that_only_looks_like_a_signers_does_not_count(world: Scene) -> None:
    """A writer's login is grace's with a Cyrillic letter."""
    alike = "gr\N{CYRILLIC SMALL LETTER A}ce"
    world.forge.add_user(alike)
    world.forge.repository(a.REPOSITORY).collaborators[alike] = "write"
    number = world.released()
    world.sign(number, alike, "omar")
    nothing_got_through(world, number, because=LEAD)


def test_a_policy_that_names_a_look_alike_lets_nobody_through(scene_with: SceneWith) -> None:
    """The policy on main names grace with a Cyrillic letter."""
    alike = "gr\N{CYRILLIC SMALL LETTER A}ce"
    world = scene_with({POLICY_FILE: POLICY.replace("[grace, linus]", f"[{alike}, linus]")})
    number = world.propose(1)
    world.settle()
    world.sign(number, "grace", "omar")
    nothing_got_through(world, number, because="should match pattern")


def test_control_a_login_in_other_letters_is_the_same_person(scene_with: SceneWith) -> None:
    """Policy and CODEOWNERS write grace and omar in capitals, as GitHub allows."""
    world = scene_with(
        {
            POLICY_FILE: POLICY.replace("grace", "GRACE").replace("omar", "Omar"),
            OWNERS_FILE: "* @Grace\n/models/*/pointer.json @OMAR\n",
        }
    )
    world.sign(world.released())
    assert world.live() == a.pointer(1).text()


def test_an_author_in_other_letters_is_the_same_person(scene_with: SceneWith) -> None:
    """The co-author line says GRACE, the policy Grace, and grace signs."""
    world = scene_with({POLICY_FILE: POLICY.replace("grace", "Grace")})
    number = made_by(world, message="Rows\n\nCO-AUTHORED-BY: G <GRACE@users.noreply.github.com>")
    world.sign(number)
    nothing_got_through(world, number, because=LEAD)


def test_who_takes_a_name_that_the_policy_still_lists_does_not_sign(world: Scene) -> None:
    """Grace renamed her account, and a stranger took her old login, which grants no access."""
    number = world.released()
    del world.forge.repository(a.REPOSITORY).collaborators["grace"]
    world.sign(number)
    nothing_got_through(world, number, because=LEAD)


def noreply(world: Scene, login: str) -> str:
    """Return the noreply address of an account."""
    return world.forge.actor(login).account.noreply


def made_by(world: Scene, **how: object) -> int:
    """Return a proposal whose last commit before the release was made in this way, measured."""
    world.push("version-1", {**inputs_of(1), TRAIN: "rows to be replaced"})
    world.commit("version-1", {TRAIN: "rows of 1"}, **how)  # type: ignore[arg-type]
    number = world.open("version-1")
    world.settle()
    assert world.conclusion(number) != "success"
    return number


def with_leads(scene_with: SceneWith, members: list[str]) -> Scene:
    """Return a scene whose leads are a team, and where omar owns everything."""
    text = POLICY.replace("ml-lead: {users: [grace, linus]}", "ml-lead: {teams: [acme/leads]}")
    world = scene_with({POLICY_FILE: text, OWNERS_FILE: EVERYTHING_BY_OMAR})
    world.forge.add_team("acme", "leads", members)
    world.forge.repository(a.REPOSITORY).teams["leads"] = "write"
    return world
