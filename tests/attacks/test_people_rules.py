"""Theme: new rules in the pull request that they would judge, and runs in place of the bot's."""

from __future__ import annotations

import time

from cryptography.hazmat.primitives import serialization

from countersign_ml.attestation import public_key
from countersign_ml.forge.deeds.seeding import app_key
from countersign_ml.forge.request.auth import mint
from policy.facts.evidence import Evidence
from tests.attacks.conftest import SceneWith
from tests.attacks.scene import CODEOWNERS, POLICY, Scene, nothing_got_through
from tests.bot import builders as a
from tests.bot.world import git, inputs_of, workflow
from tests.policy import builders as measured

POLICY_FILE = "policy/policy.yml"
OWNERS_FILE = ".github/CODEOWNERS"
KEY_FILE = "policy/keys/countersign.pem"
FINETUNE_FILE = ".github/workflows/finetune.yml"
OWN = POLICY.replace("[grace, linus]", "[grace, linus, ken]").replace(
    "[omar, olga]", "[omar, olga, ken]"
)


def test_control_new_rules_pass_once_those_of_the_old_sign_them(world: Scene) -> None:
    """Ken becomes a lead by a change that grace and omar sign, and signs the next proposal."""
    world.push("rules", {POLICY_FILE: OWN, OWNERS_FILE: "* @grace @ken\n"})
    rules = world.open("rules")
    world.settle()
    assert world.conclusion(rules) == "action_required"
    world.sign(rules)
    assert world.conclusion(rules) == "success"
    world.api("omar", "PUT", f"/pulls/{rules}/merge", {})
    world.settle()
    world.sign(world.released(), "ken", "omar")
    assert world.live() == a.pointer(1).text()


def test_a_role_that_the_pull_request_gives_counts_for_nothing_in_it(world: Scene) -> None:
    """The policy in the branch puts ken into both roles; ken signs."""
    number = proposed_with(world, {POLICY_FILE: OWN})
    world.sign(number, "ken", "omar")
    nothing_got_through(world, number, because="role ml-lead** (missing)")
    assert world.main(POLICY_FILE) == POLICY


def test_owners_that_the_pull_request_names_own_nothing_in_it(world: Scene) -> None:
    """The CODEOWNERS in the branch gives everything to ken, who signs."""
    owners = CODEOWNERS + "* @ken\n/models/ @ken\n/policy/ @ken\n"
    number = proposed_with(world, {OWNERS_FILE: owners})
    world.sign(number, "ken", "omar")
    nothing_got_through(world, number, because="owners of *** (missing)")
    assert world.main(OWNERS_FILE) == CODEOWNERS


def test_owners_in_a_place_that_is_looked_at_first_own_nothing(scene_with: SceneWith) -> None:
    """Main has CODEOWNERS at its root; the branch adds one that GitHub would prefer."""
    world = scene_with({OWNERS_FILE: None, "CODEOWNERS": CODEOWNERS})
    number = proposed_with(world, {OWNERS_FILE: "* @ken\n"})
    world.sign(number, "ken", "omar")
    nothing_got_through(world, number, because="owners of *** (missing)")


def test_a_policy_that_asks_for_nobody_is_refused_and_counts_for_nothing(world: Scene) -> None:
    """The policy in the branch requires no signature."""
    text = POLICY.replace("promote: {ml-lead: 1, operations: 1}", "promote: {}")
    number = proposed_with(world, {POLICY_FILE: text})
    world.sign(number)
    nothing_got_through(world, number, because="promote requires nobody")


def test_a_policy_that_asks_for_less_counts_for_nothing_in_its_own_branch(world: Scene) -> None:
    """The policy in the branch requires only one lead; the lead signs."""
    text = POLICY.replace("promote: {ml-lead: 1, operations: 1}", "promote: {ml-lead: 1}")
    number = proposed_with(world, {POLICY_FILE: text})
    world.sign(number, "grace")
    nothing_got_through(world, number, because="role operations** (missing)")


def test_bars_that_the_pull_request_lowers_do_not_let_it_through(world: Scene) -> None:
    """The model does not reach the bar, so the branch lowers the bar."""
    world.prepare(a.forward_key(1), poor().text())
    text = POLICY.replace("min: 0.5", "min: 0.1").replace("over_base: 0.2", "over_base: 0.0")
    number = proposed_with(world, {POLICY_FILE: text})
    world.sign(number)
    nothing_got_through(world, number, because="exact_match")


def test_a_workflow_of_the_branch_that_runs_on_the_pull_request_is_not_believed(
    world: Scene,
) -> None:
    """The branch's finetune.yml runs on the pull request and uploads made-up evidence."""
    world.prepare(a.forward_key(1), poor().text())
    number = proposed_with(world, {FINETUNE_FILE: forged(world, "on: pull_request\n")})
    world.sign(number)
    assert world.api("ada", "GET", "/actions/runs?event=pull_request")["total_count"] > 0
    nothing_got_through(world, number, because="exact_match")


def test_a_workflow_dispatched_on_the_branch_is_not_believed(world: Scene) -> None:
    """Ken dispatches the branch's copy under the bot's own title, before the bot's run ends."""
    world.prepare(a.forward_key(1), poor().text())
    world.forge.hold_deliveries()
    number = proposed_with(world, {FINETUNE_FILE: forged(world)}, settle=False)
    dispatch(world, "refs/heads/version-1", number)
    world.forge.release()
    world.settle()
    world.sign(number)
    nothing_got_through(world, number, because="exact_match")


def test_a_workflow_dispatched_on_a_tag_named_main_is_not_believed(world: Scene) -> None:
    """GitHub shows the tag of such a run in the field for the branch: it reads `main`."""
    world.prepare(a.forward_key(1), poor().text())
    world.forge.hold_deliveries()
    world.push("evil", {FINETUNE_FILE: forged(world)})
    git(world.clone, "push", "--quiet", "origin", "HEAD:refs/tags/main")
    number = world.propose(1)
    dispatch(world, "refs/tags/main", number)
    world.forge.release()
    world.settle()
    world.sign(number)
    nothing_got_through(world, number, because="exact_match")


def test_a_key_that_comes_with_the_pull_request_signs_no_record(scene_with: SceneWith) -> None:
    """Main does not have the bot's key; the branch adds it together with the rows."""
    world = scene_with({KEY_FILE: "no key\n"})
    number = proposed_with(world, {KEY_FILE: public_key(world.settings.signing_key)})
    world.sign(number)
    nothing_got_through(world, number, because="does not have the public key")


def test_a_further_key_needs_the_signatures_that_new_rules_need(world: Scene) -> None:
    """Ken adds a key of his own, so that an audit would accept records that he signs."""
    pem = app_key(None)
    text = pem.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    world.push("key", {"policy/keys/ken.pem": text.decode()})
    number = world.open("key")
    world.sign(number, "ken", "omar")
    nothing_got_through(world, number, because="role ml-lead** (missing)")
    assert world.main("policy/keys/ken.pem") is None


def test_a_status_of_the_checks_name_by_a_person_is_not_the_check(world: Scene) -> None:
    """Ken posts a green status called countersign, and then merges with the button."""
    number = world.released()
    status = {"state": "success", "context": "countersign"}
    world.api("ken", "POST", f"/statuses/{world.head(number)}", status)
    assert world.try_api("ken", "PUT", f"/pulls/{number}/merge", {}).status_code == 405
    nothing_got_through(world, number)


def test_a_check_of_that_name_by_another_app_is_not_the_check(world: Scene) -> None:
    """Another App posts a green check called countersign, and ken merges with the button."""
    number = world.released()
    other = world.forge.add_app("helper")
    other.bot.token = mint(world.forge.world, other).value
    check = {
        "name": "countersign",
        "head_sha": world.head(number),
        "status": "completed",
        "conclusion": "success",
    }
    world.api("helper[bot]", "POST", "/check-runs", check)
    assert world.try_api("ken", "PUT", f"/pulls/{number}/merge", {}).status_code == 405
    nothing_got_through(world)
    assert not world.pull(number)["merged"]


def proposed_with(world: Scene, more: dict[str, str | None], *, settle: bool = True) -> int:
    """Return ada's first proposal with other files in the same branch."""
    world.push("version-1", {**inputs_of(1), **more})
    number = world.open("version-1")
    if settle:
        world.settle()
    return number


def poor() -> Evidence:
    """Evidence of a first version that answers too little."""
    base, candidate = a.evidence(1).measurements
    worse = measured.measurement("candidate", candidate.model, 0.3)
    return a.evidence(1, measurements=(base, worse))


def forged(world: Scene, on: str = "") -> str:
    """A finetune.yml that brings good evidence for the first proposal, whatever was measured."""
    world.prepare("forged", a.evidence(1).text())
    text = workflow("finetune").replace("$KEY.json", "forged.json")
    if on:
        start, end = text.index("on:\n"), text.index("permissions:")
        text = text[:start] + on + text[end:]
    title = f"finetune {a.MODEL} {a.forward_key(1)}"
    lines = [f"run-name: {title}" if x.startswith("run-name:") else x for x in text.split("\n")]
    return "\n".join(lines).replace("${{ inputs.key }}", a.forward_key(1))


def dispatch(world: Scene, ref: str, number: int) -> None:
    """Ken starts finetune.yml as it is at a ref, with the inputs that the bot would give."""
    inputs = {
        "model": a.MODEL,
        "sha": world.head(number),
        "key": a.forward_key(1),
        "incumbent": "none",
    }
    url = "/actions/workflows/finetune.yml/dispatches"
    world.api("ken", "POST", url, {"ref": ref, "inputs": inputs})
    deadline = time.monotonic() + 30
    while world.forge.actions.pending:
        assert time.monotonic() < deadline
        time.sleep(0.02)
