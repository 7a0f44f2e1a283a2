"""Forks: creating and deleting them, and the pull requests that come from them."""

from __future__ import annotations

import shutil
from pathlib import Path

from countersign_ml.forge.git.bare_repository import GitStore
from countersign_ml.forge.request.answers import ApiError
from countersign_ml.forge.state.account_records import Account
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue, Pull
from countersign_ml.forge.state.world_state import World


def network(world: World, record: Repository) -> list[Repository]:
    """The repository at the root and every fork of it that still exists."""
    root = record
    while root.parent is not None:
        root = root.parent
    found, line = [], [root]
    while line:
        each = line.pop(0)
        found.append(each)
        line += [r for r in world.repositories.values() if r.parent is each]
    return found


def of_owner(world: World, record: Repository, owner: str) -> Repository | None:
    """The repository of that owner in the same network."""
    for each in network(world, record):
        if each.owner.login.lower() == owner.lower() and not each.deleted:
            return each
    return None


def fork(world: World, record: Repository, owner: Account) -> Repository:
    """A fork under `owner`; the one that is there already if there is one, as GitHub does."""
    there = of_owner(world, record, owner.login)
    if there is record:
        raise ApiError(403, "You cannot fork your own repository.")
    if there is not None:
        return there
    full_name = f"{owner.login}/{record.name}"
    if world.repository(full_name) is not None:
        raise ApiError(422, f"{full_name} exists already and is no fork of {record.full_name}.")
    place = Path(world.root) / "repositories" / owner.login / f"{world.take_id()}-{record.name}.git"
    store = GitStore.create(place, record.default_branch)
    store.bring(record.store, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    now = world.clock()
    made = Repository(
        world.take_id(),
        owner,
        record.name,
        store,
        record.default_branch,
        record.private,
        now,
        now,
        record.description,
        parent=record,
    )
    world.add_repository(made)
    return made


def delete(world: World, record: Repository) -> None:
    """Delete a repository; pull requests from it stay open, their head without a repository."""
    record.deleted = True
    del world.repositories[record.full_name.lower()]
    shutil.rmtree(record.store.path)


def pulls_from(
    world: World, record: Repository, branch: str
) -> list[tuple[Repository, Issue, Pull]]:
    """Pull requests elsewhere whose head is this fork's branch, with their base repository."""
    return [
        (base, thread, pull)
        for base in network(world, record)
        if base is not record
        for thread, pull in base.pulls()
        if pull.fork == record.id and pull.head == branch
    ]
