"""Theme: looks at the held-out rows that nobody should notice."""

from __future__ import annotations

from typing import Any

import pytest

from bot.facts.proposed import head_proposal
from bot.github.api import Connection
from countersign_ml.attestation import new_private_key, sign
from countersign_ml.markdown import as_read
from policy.canonical import digest_bytes
from policy.facts.evidence import Evidence
from policy.facts.look import LookRecord, look_tags
from policy.facts.proposal import run_key
from policy.governed import card_path
from tests.attacks.scene import Scene, nothing_got_through
from tests.bot import builders as a
from tests.bot.world import SIGNING_KEY, inputs_of

ROWS = a.evidence(1).measurements[0].rows
SEED = head_proposal(a.facts_of(2))
"""What ada tries before: the second proposal, while no version is live."""
SEED_KEY = run_key(SEED.digest, None)


def tags(world: Scene) -> list[str]:
    """The names of the tags that record a look, without their common beginning."""
    store = world.forge.repository(a.REPOSITORY).store
    prefix = f"refs/tags/{look_tags(a.MODEL)}"
    return sorted(name.removeprefix(prefix) for name in store.refs() if name.startswith(prefix))


def seed(**changes: Any) -> Evidence:
    """What ada's first try results in."""
    return a.evidence(1, proposal=SEED, **changes)


def closed_after_measuring(world: Scene, shown: Evidence | None = None) -> int:
    """Return a proposal whose figures its author saw, and closed."""
    world.prepare(SEED_KEY, (shown or seed()).text())
    number = world.propose(2)
    world.settle()
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    world.settle()
    return number


def says_look(world: Scene, number: int, look: int, *, by: str = "ada", asked: int = 0) -> None:
    """Assert what comment and card say; then that nothing merged without signatures."""
    shown = as_read(world.comments(number)[0])
    said = f"This is look {look} at these held-out rows"
    assert said in shown, shown
    assert f"asked by {by} in #{asked or number}" in shown, shown
    store = world.forge.repository(a.REPOSITORY).store
    card = store.file(world.head(number), card_path(a.MODEL, a.pointer(1).version)) or b""
    assert said in card.decode()
    nothing_got_through(world, number)


def forge_tag(world: Scene, record: LookRecord, key: str) -> str:
    """Ken pushes a tag with a record of a look that he signed with some key."""
    tip = world.api("ken", "GET", "/git/ref/heads/main")["object"]["sha"]
    body = {"tag": record.tag(), "message": sign(record.payload(), key), "object": tip}
    made = world.api("ken", "POST", "/git/tags", {**body, "type": "commit"})
    ref = {"ref": f"refs/tags/{record.tag()}", "sha": made["sha"]}
    world.api("ken", "POST", "/git/refs", ref)
    return record.tag()


def look(key: str, **changed: object) -> LookRecord:
    facts = {
        "repository": a.REPOSITORY,
        "model": a.MODEL,
        "rows": ROWS,
        "key": key,
        "evidence": digest_bytes(b"evidence"),
        "pull": 1,
        "user": "ken",
        "at": "2026-01-02T12:00:00Z",
    }
    return LookRecord.model_validate({**facts, **changed})


def test_control_the_first_look_is_counted_shown_signed_and_merged(world: Scene) -> None:
    """One proposal, one look, and it ships."""
    number = world.released()
    says_look(world, number, 1)
    world.sign(number)
    assert world.live() == a.pointer(1).text()
    card = world.main(f"model_cards/{a.MODEL}/{a.pointer(1).version}.md") or ""
    assert "This is look 1 at these held-out rows" in card


def test_a_proposal_that_was_measured_and_closed_counts(world: Scene) -> None:
    """Ada tries one seed after another, each in a pull request of its own."""
    closed_after_measuring(world)
    number = world.released()
    says_look(world, number, 2)


def test_a_proposal_closed_before_the_bot_read_its_run_counts(world: Scene) -> None:
    """Ada reads the figures in the run's artifact, and closes before the bot hears of the end."""
    world.prepare(SEED_KEY, seed().text())
    number = world.propose(2)
    world.settle()
    for name in tags(world):
        world.api("omar", "DELETE", f"/git/refs/tags/{look_tags(a.MODEL)}{name}")
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    world.settle()
    world.evaluator.connection = Connection(world.settings)  # nothing is remembered
    assert tags(world) == []
    says_look(world, world.released(), 2)


def test_a_head_that_moves_on_after_its_figures_counts(world: Scene) -> None:
    """Ada pushes the next seed to the same branch, and deletes the bot's comment."""
    world.prepare(SEED_KEY, seed().text())
    world.push("version-1", dict(inputs_of(2)))
    number = world.open("version-1")
    world.settle()
    (comment,) = world.api("ada", "GET", f"/issues/{number}/comments")
    world.api("omar", "DELETE", f"/issues/comments/{comment['id']}")
    world.push("version-1", dict(inputs_of(1)))
    world.everything_again()
    assert len(tags(world)) == 2
    nothing_got_through(world, number)


def test_a_comment_that_is_deleted_takes_no_look_away(world: Scene) -> None:
    """Omar deletes the bot's comments, and the bot starts from scratch."""
    first = closed_after_measuring(world)
    for item in world.api("omar", "GET", f"/issues/{first}/comments"):
        world.api("omar", "DELETE", f"/issues/comments/{item['id']}")
    world.evaluator.connection = Connection(world.settings)
    says_look(world, world.released(), 2)


def test_the_same_proposal_from_another_branch_is_no_other_look(world: Scene) -> None:
    """Somebody else proposes the same files: nothing new is seen, and the first asker stays."""
    number = world.released()
    world.push("again", dict(inputs_of(1)))
    world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    other = world.open("again")
    world.settle()
    assert len(tags(world)) == 1
    says_look(world, other, 1, asked=number)


def test_a_look_whose_own_tag_is_deleted_still_counts(world: Scene) -> None:
    """Ken deletes the oldest look's tag and its run; the later tag lists it."""
    closed_after_measuring(world)
    number = world.released()
    (oldest,) = [name for name in tags(world) if "/1-" in name]
    world.api("ken", "DELETE", f"/git/refs/tags/{look_tags(a.MODEL)}{oldest}")
    for run in world.api("ada", "GET", "/actions/runs?event=workflow_dispatch")["workflow_runs"]:
        if run["display_title"].endswith(SEED_KEY):
            world.api("ada", "DELETE", f"/actions/runs/{run['id']}")
    world.evaluator.connection = Connection(world.settings)
    world.everything_again()
    assert "count without their own tags" in as_read(world.comments(number)[0])
    says_look(world, number, 2)


@pytest.mark.parametrize(
    "how", ["another key", "another model", "another repository", "lightweight"]
)
def test_a_forged_tag_neither_adds_nor_hides_a_look(world: Scene, how: str) -> None:
    """Ken claims the look of a proposal before it is measured, so that it is not counted."""
    own = a.forward_key(1)
    if how == "another key":
        name = forge_tag(world, look(own, earlier=("0" * 16,)), new_private_key())
    elif how == "another repository":
        name = forge_tag(world, look(own, repository="ken/models"), SIGNING_KEY)
    else:
        name = f"{look_tags(a.MODEL)}{ROWS.removeprefix('sha256:')[:16]}/9-{own}"
        tip = world.api("ken", "GET", "/git/ref/heads/main")["object"]["sha"]
        if how == "another model":
            record = look(own, model="spam-filter")
            body = {"tag": name, "message": sign(record.payload(), SIGNING_KEY), "object": tip}
            tip = world.api("ken", "POST", "/git/tags", {**body, "type": "commit"})["sha"]
        world.api("ken", "POST", "/git/refs", {"ref": f"refs/tags/{name}", "sha": tip})
    number = world.propose(1)
    world.settle()
    if how == "another repository":  # exactly the tag that the bot needs
        nothing_got_through(world, number, because=name)
        world.api("ken", "DELETE", f"/git/refs/tags/{name}")
        world.everything_again()
    else:
        assert name in as_read(world.comments(number)[0])
    says_look(world, number, 1)


def test_a_flood_of_forged_tags_is_named_and_nothing_passes(world: Scene) -> None:
    """Ken pushes more tags in the place of looks than the bot reads."""
    tip = world.api("ken", "GET", "/git/ref/heads/main")["object"]["sha"]
    prefix = f"{look_tags(a.MODEL)}{'0' * 16}/"
    for count in range(1, 23):
        ref = f"refs/tags/{prefix}{count}-{'0' * 16}"
        world.api("ken", "POST", "/git/refs", {"ref": ref, "sha": tip})
    number = world.propose(1)
    world.settle()
    world.sign(number)
    nothing_got_through(world, number, because=prefix)


def test_a_run_that_broke_before_the_evaluation_is_no_look(world: Scene) -> None:
    """The data gates stop the first proposal: nobody saw a figure."""
    closed_after_measuring(world, seed(measurements=(), comparisons=()))
    says_look(world, world.released(), 1)


def test_other_held_out_rows_begin_at_one(world: Scene) -> None:
    """The first proposal was measured on other rows than the second."""
    others = tuple(
        one.model_copy(update={"rows": digest_bytes(b"other rows")})
        for one in a.evidence(1).measurements
    )
    closed_after_measuring(world, seed(measurements=others))
    says_look(world, world.released(), 1)
