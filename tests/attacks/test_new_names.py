"""A new name for an old task: without a live version of its own, no margin against one applies.

The run counts the held-out rows that another model has too. Here the policy wants the comparison
with that model's live version from half of the rows on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.facts.proposed import head_proposal
from countersign_ml.markdown import as_read
from policy.facts.evidence import Rival
from policy.facts.proposal import run_key
from policy.facts.run_context import EqualRows
from tests.attacks import forged as f
from tests.attacks.scene import POLICY, Scene
from tests.bot import builders as a
from tests.bot.world import inputs_of
from tests.policy import builders

WANTED = POLICY.replace("gates:\n", "gates:\n  equal_rows: {min_share: 0.5}\n")
OTHER = "refund-triage"
LIVE = a.ARTIFACTS[1]
CANDIDATE = a.ARTIFACTS[2]
SAME = f"300 of 300 held-out rows equal those of {a.MODEL}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One model is live."""
    with Scene(tmp_path_factory.mktemp("scene"), {"policy/policy.yml": WANTED}) as found:
        found.shipped(1)
        yield found


def equal(count: int = 300, why: str = "") -> tuple[EqualRows, ...]:
    version = a.pointer(1).version
    return (EqualRows(model=a.MODEL, version=version, artifact=LIVE, equal=count, of=300, why=why),)


def rival(lost: int = 3, won: int = 120, model: str = LIVE, rows: str = builders.ROWS) -> Rival:
    """The other model's live version and the candidate, on the candidate's rows."""
    both, n = 150, 300
    measured = (
        builders.measurement("incumbent", model, (both + lost) / n, n),
        builders.measurement("candidate", CANDIDATE, (both + won) / n, n),
    )
    return Rival(
        model=a.MODEL,
        rows=rows,
        measurements=tuple(each.model_copy(update={"rows": rows}) for each in measured),
        comparisons=(builders.compared(both, lost, won, n - both - lost - won),),
    )


def proposed(world: Scene, name: str, **shown: Any) -> int:
    """Ada proposes a model of another name, with training rows of its own."""
    recipe = a.RECIPE.replace(a.MODEL, OTHER)
    rows = {"data/train.jsonl": a.sha(name), "recipe.yml": a.sha(recipe)}
    facts = replace(a.facts_of(1), name=OTHER, head_inputs=a.inputs(1, **rows), recipe=recipe)
    proposal = head_proposal(facts)
    candidate = builders.measurement("candidate", CANDIDATE, 0.9)
    evidence = a.evidence(
        2,
        model=OTHER,
        proposal=proposal,
        incumbent=None,
        measurements=(builders.measurement("base", builders.BASE, 0.0), candidate),
        comparisons=(),
        **shown,
    )
    world.prepare(run_key(proposal.digest, None), evidence.text())
    files = {path.replace(a.MODEL, OTHER): text for path, text in inputs_of(1).items()}
    folder = f"models/{OTHER}/"
    branch = "name-" + name.replace(" ", "-")
    world.push(branch, {**files, f"{folder}recipe.yml": recipe, f"{folder}data/train.jsonl": name})
    number = world.open(branch, name)
    world.settle()
    return number


TRICKS: dict[str, tuple[dict[str, Any], str]] = {
    "all rows are the other models": ({"equal_rows": equal()}, SAME),
    "half of the rows are filler": ({"equal_rows": equal(150)}, "150 of 300 held-out rows"),
    "the other rows cannot be read": ({"equal_rows": equal(0, "broken")}, "could not be read"),
    "it is worse than the other model": (
        {"equal_rows": equal(), "rivals": (rival(lost=100, won=10),)},
        f"against the live version of {a.MODEL}",
    ),
    "it is compared with another file": (
        {"equal_rows": equal(), "rivals": (rival(model=a.ARTIFACTS[3]),)},
        "another file than",
    ),
    "it is compared on other rows": (
        {"equal_rows": equal(), "rivals": (rival(rows="sha256:" + "6" * 64),)},
        "other rows than the candidate",
    ),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_new_name_does_not_skip_the_comparison_with_the_live_version(
    world: Scene, trick: str
) -> None:
    """Everybody signs a first version whose rows another model has; its own gates all pass."""
    shown, because = TRICKS[trick]
    number = proposed(world, trick, **shown)
    f.signed(world, number)
    assert world.conclusion(number) == "failure", f.told(world, number)
    assert because in as_read(str(world.check(number)["output"])), f.told(world, number)
    assert world.main(f"models/{OTHER}/pointer.json") is None
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})


def test_control_a_new_name_that_holds_against_the_other_model_ships_and_says_so(
    world: Scene,
) -> None:
    """The comparison passes; comment and model card say whose rows these are."""
    number = proposed(world, "honest", equal_rows=equal(), rivals=(rival(),))
    assert SAME in as_read("\n".join(world.comments(number)))
    f.signed(world, number)
    assert world.pull(number)["merged"], f.told(world, number)
    files = world.api("ada", "GET", f"/pulls/{number}/files")
    (card,) = [file["filename"] for file in files if file["filename"].endswith(".md")
               and file["filename"].startswith("model_cards/")]  # fmt: skip
    assert SAME in as_read(world.main(card) or "")
