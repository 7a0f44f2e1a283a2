"""Easier test rows: who changes what a model is measured on changes every figure at once.

Changed held-out rows need a quorum of their own: here two leads, where a promotion needs one.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.facts.proposed import head_proposal
from countersign_ml.audit.audit_command import read
from countersign_ml.audit.judging.audit_judge import judge_history
from countersign_ml.markdown import as_read
from policy.facts.evidence import FormerRows, Incumbent
from policy.facts.proposal import Proposal, run_key
from tests.attacks import forged as f
from tests.attacks.scene import POLICY, Scene, nothing_got_through
from tests.bot import builders as a
from tests.bot.world import git, inputs_of
from tests.policy import builders

GUARDED = POLICY.replace("  rollback:", "  test_data: {ml-lead: 2}\n  rollback:")
OLD_ROWS = "sha256:" + "7" * 64
OWNERS = "* @grace @linus @omar\n"
OTHER_SPLIT = a.CARD.replace("path: test.jsonl", "path: easy.jsonl")
SWAPPED = a.CARD.replace("train.jsonl", "kept.jsonl").replace("test.jsonl", "train.jsonl")
SWAPPED = SWAPPED.replace("kept.jsonl", "test.jsonl")
DVC = "outs:\n- md5: 0123456789abcdef0123456789abcdef\n  size: 9\n  path: test.jsonl\n"
MANIFEST = "version: 1\nfiles: []\n"
TRICKS: dict[str, dict[str, str | None]] = {
    "other rows": {"data/test.jsonl": "easy"},
    "other rows next to more training rows": {
        "data/test.jsonl": "easier",
        "data/train.jsonl": "more rows",
    },
    "the card names another file": {"data/README.md": OTHER_SPLIT, "data/easy.jsonl": "easy"},
    "the card swaps the splits": {"data/README.md": SWAPPED},
    "a .dvc file replaces the rows": {"data/test.jsonl.dvc": DVC},
    "a manifest names the rows": {"data/test.jsonl": None, "data/manifest.yml": MANIFEST},
    "the file changes the case of its name": {"data/test.jsonl": None, "data/Test.jsonl": "easy"},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One version is live; its held-out rows were signed by both leads."""
    files: dict[str, str | None] = {"policy/policy.yml": GUARDED, ".github/CODEOWNERS": OWNERS}
    with Scene(tmp_path_factory.mktemp("scene"), files) as found:
        number = found.propose(1)
        found.settle()
        signed(found, number, "grace", "omar")
        assert not found.pull(number)["merged"], "a first version brings held-out rows too"
        signed(found, number, "linus")
        assert found.pull(number)["merged"], f.told(found, number)
        yield found


def signed(world: Scene, number: int, *logins: str) -> None:
    world.sign(number, *logins)
    f.looked_at(world, number)


def proposal_of(changes: dict[str, str | None]) -> Proposal:
    """What the live version's inputs become with these changes."""
    inputs = dict(a.inputs(1))
    for path, text in changes.items():
        inputs.pop(path, None)
        if text is not None:
            inputs[path] = a.sha(text)
    card = changes.get("data/README.md") or a.CARD
    facts = replace(a.facts_of(1), head_inputs=tuple(sorted(inputs.items())), dataset_card=card)
    return head_proposal(facts)


def proposed(
    world: Scene, name: str, changes: dict[str, str | None], version: int = 2, **more: Any
) -> int:
    """Ada proposes these changes, and their run leaves evidence that passes every gate."""
    live = f.live(world)
    assert live is not None
    found = proposal_of(changes)
    before = Incumbent(version=live.version, artifact=live.artifact.digest)
    more = {"former": former(live.artifact.digest, a.ARTIFACTS[version]), **more}
    shown = a.evidence(version, proposal=found, incumbent=before, **more)
    world.prepare(run_key(found.digest, live.artifact.digest), shown.text())
    branch = name.replace(" ", "-").replace(".", "")
    files = {**inputs_of(1), **{f.FOLDER + path: text for path, text in changes.items()}}
    world.push(branch, files)
    number = world.open(branch, name)
    world.settle()
    return number


def former(incumbent: str, candidate: str, lost: int = 3, won: int = 120) -> FormerRows:
    """Figures on the live version's rows: the candidate holds, unless it lost more than it won."""
    both, n = 150, 300
    measured = (
        builders.measurement("incumbent", incumbent, (both + lost) / n, n),
        builders.measurement("candidate", candidate, (both + won) / n, n),
    )
    return FormerRows(
        rows=OLD_ROWS,
        measurements=tuple(each.model_copy(update={"rows": OLD_ROWS}) for each in measured),
        comparisons=(builders.compared(both, lost, won, n - both - lost - won),),
    )


@pytest.mark.parametrize("trick", TRICKS)
def test_other_held_out_rows_need_a_quorum_of_their_own(world: Scene, trick: str) -> None:
    """Every gate passes on the new rows, and those who may promote sign."""
    before = world.live()
    number = proposed(world, trick, TRICKS[trick])
    signed(world, number, "grace", "omar")
    said = as_read(str(world.check(number)["output"]))
    assert "1 signature missing; @linus could sign" in said, said
    assert "that models are measured by" in said, said
    nothing_got_through(world, number, live=before)
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})


UNSHOWN: dict[str, FormerRows | None] = {
    "the run compared nothing on the old rows": None,
    "the run found other rows and left them out": FormerRows(rows="sha256:" + "6" * 64),
    "the run could not read the old rows": FormerRows(why="no dataset card"),
    "the candidate lost what only the old rows show": former(
        a.ARTIFACTS[1], a.ARTIFACTS[2], lost=100, won=10
    ),
    "the figures on the old rows are of another model": former(
        a.ARTIFACTS[1], a.ARTIFACTS[3], lost=3, won=120
    ),
}


@pytest.mark.parametrize("trick", UNSHOWN)
def test_easier_rows_do_not_hide_what_the_old_rows_show(world: Scene, trick: str) -> None:
    """Both leads sign; on the new rows no gate fails, on the old ones nothing is shown or lost."""
    before = world.live()
    rows: dict[str, str | None] = {"data/test.jsonl": trick}
    number = proposed(world, trick, rows, former=UNSHOWN[trick])
    signed(world, number, "grace", "linus", "omar")
    assert world.conclusion(number) == "failure", f.told(world, number)
    assert "former rows" in as_read(str(world.check(number)["output"]))
    nothing_got_through(world, number, live=before)
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})


def test_control_two_leads_may_change_the_held_out_rows_and_the_audit_proves_it(
    world: Scene, tmp_path: Path
) -> None:
    """More training rows need one lead; other held-out rows need both."""
    more: dict[str, str | None] = {"data/train.jsonl": "more"}
    number = proposed(world, "more rows", more)
    signed(world, number, "grace", "omar")
    assert world.pull(number)["merged"], f.told(world, number)
    before = world.live()
    number = proposed(world, "fresh rows", more | {"data/test.jsonl": "fresh"}, version=3)
    signed(world, number, "grace", "linus", "omar")
    assert world.pull(number)["merged"], f.told(world, number)
    assert world.live() != before
    url = git(world.clone, "remote", "get-url", "origin")
    subprocess.run(["git", "clone", "-q", url, str(tmp_path / "clone")], check=True)
    assert judge_history(read(tmp_path / "clone", "main"), [a.REPOSITORY]).proven
