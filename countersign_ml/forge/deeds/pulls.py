"""The gestures on a pull request: open, edit, retarget, close, reopen.

Routes and `Forge` methods call these; each checks what GitHub checks and publishes its events.
"""

from __future__ import annotations

from countersign_ml.forge.deeds import forks
from countersign_ml.forge.deeds.ref_moves import announce
from countersign_ml.forge.deeds.thread_events import remember
from countersign_ml.forge.git import git_history
from countersign_ml.forge.request.answers import ApiError, invalid
from countersign_ml.forge.request.auth import Actor, allowed
from countersign_ml.forge.state.account_records import Json
from countersign_ml.forge.state.mergeability import refresh
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue, Note, Pull
from countersign_ml.forge.state.world_state import World


def open_pull(
    world: World,
    record: Repository,
    actor: Actor,
    *,
    title: str,
    body: str | None,
    head: str,
    base: str,
    draft: bool = False,
) -> Issue:
    """Open a pull request; 422 if GitHub would refuse it."""
    owner, _, branch = head.rpartition(":")
    fork = _fork(world, record, actor, owner) if owner else None
    fork_id = fork.id if fork is not None else None
    tip = (fork or record).store.ref(f"refs/heads/{branch}")
    target = record.store.ref(f"refs/heads/{base}")
    if tip is None or target is None:
        field = "head" if tip is None else "base"
        raise ApiError(
            422,
            "Validation Failed",
            [{"resource": "PullRequest", "field": field, "code": "invalid"}],
        )
    for thread, pull in record.pulls():
        if thread.state == "open" and (pull.head, pull.base, pull.fork) == (branch, base, fork_id):
            place = f"{(fork or record).owner.login}:{branch}"
            raise _refused(f"A pull request already exists for {place}.")
    if fork is not None:
        record.store.bring(fork.store, tip)
    if git_history.contains(record.store, target, tip):
        raise _refused(f"No commits between {base} and {branch}")
    now = world.clock()
    pull = Pull(world.take_id(), branch, tip, base, target, draft, fork=fork_id)
    thread = Issue(
        world.take_id(),
        record.take_number(),
        title,
        body,
        actor.account,
        now,
        now,
        app=actor.app,
        pull=pull,
    )
    record.issues[thread.number] = thread
    refresh(world, record, thread, pull)
    announce(
        world, record, thread, pull, "opened", actor.account, app=actor.app, quiet=actor.token.quiet
    )
    return thread


def _refused(message: str, field: str | None = None) -> ApiError:
    """A 422 with a message of its own."""
    error = {"resource": "PullRequest", "code": "custom", "message": message}
    return ApiError(422, "Validation Failed", [error | ({"field": field} if field else {})])


def _fork(world: World, record: Repository, actor: Actor, owner: str) -> Repository | None:
    """The fork that `owner:branch` names, None for the repository itself; 422 where out of reach.

    An App is not installed on forks, and nobody offers a branch of a fork they cannot write to.
    """
    if owner.lower() == record.owner.login.lower():
        return None
    found = forks.of_owner(world, record, owner)
    if found is None or not allowed(world, found, actor.token, "contents", "write", "write"):
        raise invalid("PullRequest", "head", "is not a branch you may offer", "invalid")
    return found


def edit(world: World, record: Repository, thread: Issue, actor: Actor, data: Json) -> None:
    """PATCH: title, body, base and state, each with its event."""
    pull = thread.pull
    assert pull is not None
    quiet, app = actor.token.quiet, actor.app
    changes: Json = {}
    for field in ("title", "body"):
        if field in data and data[field] != getattr(thread, field):
            changes[field] = {"from": getattr(thread, field) or ""}
            setattr(thread, field, data[field])
    if "title" in changes:
        rename = {"from": changes["title"]["from"], "to": thread.title}
        remember(world, thread, "renamed", actor.account, app=app, details={"rename": rename})
    base = data.get("base")
    if base is not None and base != pull.base:
        target = record.store.ref(f"refs/heads/{base}")
        if target is None or thread.state != "open":
            raise invalid("PullRequest", "base", f"{base} is no branch here", "invalid")
        changes["base"] = {"ref": {"from": pull.base}, "sha": {"from": pull.base_sha}}
        note = f"changed the base branch from {pull.base} to {base}"
        pull.base, pull.base_sha = base, target
        thread.notes.append(Note(world.clock(), actor.account.login, note))
        remember(world, thread, "base_ref_changed", actor.account, app=app)
        refresh(world, record, thread, pull)
    if changes:
        thread.updated = world.clock()
        announce(
            world,
            record,
            thread,
            pull,
            "edited",
            actor.account,
            app=app,
            quiet=quiet,
            extra={"changes": changes},
        )
    state = data.get("state")
    if state == "closed" and thread.state == "open":
        _close(world, thread, actor, "closed this")
        announce(world, record, thread, pull, "closed", actor.account, app=app, quiet=quiet)
    elif state == "open" and thread.state == "closed":
        _reopen(world, record, thread, pull, actor)


def _close(world: World, thread: Issue, actor: Actor, text: str) -> None:
    now = world.clock()
    thread.state, thread.closed, thread.closed_by = "closed", now, actor.account
    thread.updated = now
    thread.notes.append(Note(now, actor.account.login, text))
    remember(world, thread, "closed", actor.account, app=actor.app)


def _reopen(world: World, record: Repository, thread: Issue, pull: Pull, actor: Actor) -> None:
    source = world.source(record, pull.fork)
    tip = None if source.deleted else source.store.ref(f"refs/heads/{pull.head}")
    if pull.merged_at is not None or tip is None:
        raise _refused("state cannot be changed.", "state")
    thread.state, thread.closed, thread.closed_by = "open", None, None
    thread.updated = world.clock()
    if source is not record:
        record.store.bring(source.store, tip)
    pull.head_sha, pull.head_deleted = tip, False
    thread.notes.append(Note(world.clock(), actor.account.login, "reopened this"))
    remember(world, thread, "reopened", actor.account, app=actor.app)
    refresh(world, record, thread, pull)
    announce(
        world,
        record,
        thread,
        pull,
        "reopened",
        actor.account,
        app=actor.app,
        quiet=actor.token.quiet,
    )
