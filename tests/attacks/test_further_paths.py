"""Files that are no model's and no rule, and decide what is measured: builds, locks, code.

The policy names them in `sign_off.paths` with a quorum of their own: here two leads, where a
promotion needs one.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from countersign_ml.audit.audit_command import read
from countersign_ml.audit.judging.audit_judge import judge_history
from countersign_ml.markdown import as_read
from tests.attacks import forged as f
from tests.attacks.conftest import SceneWith
from tests.attacks.forged import Entry
from tests.attacks.scene import POLICY, Scene, nothing_got_through
from tests.attacks.weaving import merge, tip, woven
from tests.bot import builders as a
from tests.bot.world import git

POLICY_FILE = "policy/policy.yml"
PATHS = """  paths:
    - {match: [Makefile, GNUmakefile, "*.lock"], sign: {ml-lead: 2}}
    - {match: [/runner/, /tools/measure/*.sh], sign: {ml-lead: 2}}
"""
GOVERNING = POLICY.replace("  rollback:", f"{PATHS}  rollback:")
OWNERS = "* @grace @linus @omar\n"
LINE = "def measure():\n    return honest()\n" * 20
BEGUN = {
    POLICY_FILE: GOVERNING,
    ".github/CODEOWNERS": OWNERS,
    "Makefile": "all:\n\ttrue\n",
    "runner/line.py": LINE,
}
EVIL = "def measure():\n    return 1.0\n"
LINK = "120000"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Nothing is live; a Makefile and the code that measures are there."""
    with Scene(tmp_path_factory.mktemp("scene"), dict(BEGUN)) as found:
        yield found


def opened(world: Scene, name: str, files: dict[str, str | None]) -> int:
    """Return a pull request with these files, which the bot has looked at."""
    world.push(name, files)
    number = world.open(name, name)
    world.settle()
    return number


def needs_two_leads(world: Scene, number: int) -> None:
    """Assert that one lead and operations are not enough, and close the pull request."""
    world.sign(number)
    said = as_read(str(world.check(number)["output"]))
    assert "role ml-lead" in said, said
    assert "1 signature missing; @linus could sign" in said, said
    nothing_got_through(world, number)
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})


@pytest.mark.parametrize(
    "path",
    ["Makefile", "GNUmakefile", "uv.lock", "sub/requirements.lock", "runner/line.py", "MAKEFILE"],
)
def test_a_file_that_decides_what_is_measured_needs_its_own_quorum(world: Scene, path: str) -> None:
    """Only a build file, a lock file or the code that measures changes; no model, no rule."""
    number = opened(world, "alone-" + path.encode().hex()[:30], {path: EVIL})
    needs_two_leads(world, number)


def test_a_file_that_rides_along_with_a_promotion_needs_its_own_quorum(world: Scene) -> None:
    """The promotion is signed by those who may; the measuring code in it is not."""
    number = f.proposed(world, "ride", files={"runner/line.py": EVIL})
    assert (
        "Release support-triage"
        in world.api("ada", "GET", f"/pulls/{number}/commits")[-1]["commit"]["message"]
    )
    needs_two_leads(world, number)


@pytest.mark.parametrize(
    "files",
    [
        {"runner/line.py": None, "notes/line.py": LINE},
        {"runner/line.py": None, "runner.py": LINE},
        {"Makefile": None, "docs/Makefile.txt": "all:\n\ttrue\n"},
        {"runner/line.py": None},
    ],
)
def test_a_file_that_leaves_its_place_counts_under_its_old_name(
    world: Scene, files: dict[str, str | None]
) -> None:
    """A rename out of the folder, or a removal: the new name is governed by nobody."""
    number = opened(world, "away-" + "-".join(files).encode().hex()[-30:], files)
    needs_two_leads(world, number)


@pytest.mark.parametrize("place", ["tools", "tools/measure", "runner/more", "Makefile"])
def test_a_link_in_the_place_of_a_further_file_is_refused(world: Scene, place: str) -> None:
    """The link is signed once; what it points to belongs to nobody and changes later."""
    target = f.blob(world, b"../free")
    name = "link-" + place.replace("/", "-")
    f.push_entries(world, name, [Entry(LINK, target, place)])
    number = world.open(name, name)
    world.settle()
    assert "links and submodules cannot be governed" in f.told(world, number)
    world.sign(number, "grace", "linus", "omar")
    nothing_got_through(world, number)
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})


def test_a_pull_request_that_narrows_the_paths_is_judged_by_those_of_the_base(
    world: Scene,
) -> None:
    """It removes the Makefile's pattern and changes the Makefile; the rules' quorum signs."""
    files: dict[str, str | None] = {POLICY_FILE: POLICY, "Makefile": EVIL}
    needs_two_leads(world, opened(world, "narrow", files))


def test_a_rollback_that_carries_the_build_needs_the_builds_quorum(scene_with: SceneWith) -> None:
    """Reverting takes one signature of operations; here it takes the Makefile along."""
    world = scene_with(dict(BEGUN))
    world.shipped(1)
    live = world.live()
    number = world.revert(1)
    world.settle()
    branch = world.branch(number)
    world.commit(branch, {"Makefile": EVIL}, author=("Omar", "omar@example.com"))
    world.settle()
    world.sign(number, "olga")
    nothing_got_through(world, number, live=live)


def test_what_a_merge_carries_to_a_further_file_is_judged(scene_with: SceneWith) -> None:
    """Main moved a script into the runner's folder; an edit under its old name follows."""
    world = scene_with({**BEGUN, POLICY_FILE: GOVERNING.replace("merge: bot", "merge: person")})
    world.push_main({"notes/extra.py": LINE}, by="omar")
    start = tip(world)
    world.push_main({"notes/extra.py": None, "runner/extra.py": LINE}, by="omar")
    world.settle()
    woven(world, "edit", start, [start], {"notes/extra.py": LINE + EVIL})
    number = world.open("edit")
    world.settle()
    assert merge(world, "ken", number) == 405
    nothing_got_through(world, number, because="runner/extra.py")


def test_a_build_that_an_administrator_merges_unsigned_is_put_back(scene_with: SceneWith) -> None:
    """Omar merges another Makefile that nobody signed, with the button."""
    world = scene_with({**BEGUN, POLICY_FILE: GOVERNING.replace("merge: bot", "merge: person")})
    number = opened(world, "build", {"Makefile": EVIL})
    assert merge(world, "omar", number) == 200
    world.settle()
    assert f"Incident: #{number} changed the rules against the policy" in world.incidents()
    (back,) = world.api("ada", "GET", "/pulls?state=open")
    assert back["user"]["login"] == a.BOT
    world.sign(back["number"], "grace", "linus")
    assert merge(world, "ken", back["number"]) == 200
    assert world.main("Makefile") == BEGUN["Makefile"]


def test_a_build_that_an_administrator_forces_is_not_proven(
    scene_with: SceneWith, tmp_path: Path
) -> None:
    """Omar pushes another Makefile past all rules; nothing of a model moves."""
    world = scene_with(dict(BEGUN))
    world.shipped(1)
    world.push_main({"Makefile": EVIL}, by="omar")
    world.settle()
    found = audited(world, tmp_path / "audited")
    assert found == {"Makefile": False}


def audited(world: Scene, clone: Path) -> dict[str, bool]:
    """Clone as an outsider; return whether each change of rules and further files is proven."""
    url = git(world.clone, "remote", "get-url", "origin")
    subprocess.run(["git", "clone", "-q", url, str(clone)], check=True)
    audit = judge_history(read(clone, "main"), [a.REPOSITORY])
    assert audit.proven is all(rule.proven for rule in audit.later_rules)
    return {path: rule.proven for rule in audit.later_rules for path in rule.paths}


def test_control_two_leads_may_change_the_build_and_the_audit_proves_it(
    scene_with: SceneWith, tmp_path: Path
) -> None:
    """The quorum of the path signs; a page that nobody governs needs nobody."""
    world = scene_with({**BEGUN, POLICY_FILE: GOVERNING.replace("merge: bot", "merge: person")})
    page = opened(world, "page", {"docs/page.md": "A page.\n"})
    assert world.conclusion(page) == "success"
    number = opened(world, "build", {"Makefile": "all:\n\tfalse\n"})
    assert "1 file that the policy governs: Makefile" in as_read("\n".join(world.comments(number)))
    world.sign(number, "grace", "linus")
    assert world.conclusion(number) == "success", f.told(world, number)
    assert merge(world, "ken", number) == 200
    world.settle()
    assert audited(world, tmp_path / "audited") == {"Makefile": True}
