"""Labels put on and taken off: each change an event of the thread and a webhook."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.forge.deeds.ref_moves import announce
from countersign_ml.forge.deeds.thread_events import remember
from countersign_ml.forge.request.auth import Actor
from countersign_ml.forge.shapes.shapes_threads import issue as issue_shape
from countersign_ml.forge.shapes.shapes_threads import label as label_shape
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue
from countersign_ml.forge.state.world_state import Event, World


def known(record: Repository, name: str) -> str:
    """The label as the repository spells it: on GitHub labels differ only by more than case."""
    wanted = name.lower()
    return next((each for each in record.labels if each.lower() == wanted), name)


def add(
    world: World, record: Repository, thread: Issue, actor: Actor, names: Sequence[str]
) -> None:
    """Put labels on; those already there change nothing."""
    for name in names:
        label = known(record, name)
        if label not in thread.labels:
            thread.labels.append(label)
            _tell(world, record, thread, actor, "labeled", label)


def remove(
    world: World, record: Repository, thread: Issue, actor: Actor, names: Sequence[str]
) -> None:
    """Take labels off; those not there change nothing."""
    for name in names:
        label = known(record, name)
        if label in thread.labels:
            thread.labels.remove(label)
            _tell(world, record, thread, actor, "unlabeled", label)


def replace(
    world: World, record: Repository, thread: Issue, actor: Actor, names: Sequence[str]
) -> None:
    """Make exactly these the thread's labels."""
    wanted = [known(record, name) for name in names]
    remove(world, record, thread, actor, [each for each in thread.labels if each not in wanted])
    add(world, record, thread, actor, wanted)


def _tell(
    world: World, record: Repository, thread: Issue, actor: Actor, action: str, label: str
) -> None:
    thread.updated = world.clock()
    shape = label_shape(world, record, label)
    details = {"label": {"name": shape["name"], "color": shape["color"]}}
    remember(world, thread, action, actor.account, app=actor.app, details=details)
    app, quiet = actor.app, actor.token.quiet
    if thread.pull is not None:
        announce(
            world,
            record,
            thread,
            thread.pull,
            action,
            actor.account,
            app=app,
            quiet=quiet,
            extra={"label": shape},
        )
        return
    world.publish(
        Event(
            "issues",
            action,
            record,
            {"issue": issue_shape(world, record, thread), "label": shape},
            actor.account,
            app,
            quiet,
            ref=f"refs/heads/{record.default_branch}",
            issue=thread,
        )
    )
