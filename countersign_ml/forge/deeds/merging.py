"""How a pull request's commits reach its base: the merge button, and the Revert button after it."""

from __future__ import annotations

import re

from countersign_ml.forge.deeds.pulls import open_pull
from countersign_ml.forge.deeds.ref_moves import announce, moved
from countersign_ml.forge.deeds.thread_events import remember
from countersign_ml.forge.git import git_history
from countersign_ml.forge.git.bare_repository import ZERO, GitError, Person, valid_ref
from countersign_ml.forge.request.answers import ApiError
from countersign_ml.forge.request.auth import Actor
from countersign_ml.forge.state import mergeability
from countersign_ml.forge.state.account_records import Account, App
from countersign_ml.forge.state.mergeability import GITHUB
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue, Note, Pull
from countersign_ml.forge.state.world_state import ROLES, World


def merge(
    world: World,
    record: Repository,
    thread: Issue,
    actor: Actor,
    *,
    sha: str | None,
    method: str,
    title: str | None,
    message: str | None,
) -> str:
    """Merge; return the new commit. 409 when `sha` is no longer the head, 405 when not allowed."""
    pull = thread.pull
    assert pull is not None
    _require_mergeable(world, record, thread, pull, actor, sha, method)
    store = record.store
    ref = f"refs/heads/{pull.base}"
    tip = store.ref(ref)
    merged = git_history.trial_merge(store, tip, pull.head_sha) if tip else None
    if tip is None or merged is None or merged.tree is None:
        raise ApiError(405, "Pull Request is not mergeable")
    now = world.clock()
    who = actor.account
    author = Person(who.name or who.login, who.email or who.noreply, int(now))
    committer = Person(GITHUB.name, GITHUB.email, int(now))
    text = _message(world, record, thread, pull, method, title, message)
    parents = [tip, pull.head_sha] if method == "merge" else [tip]
    made = store.write_commit(merged.tree, parents, text + "\n", author, committer)
    record.verified.add(made)
    store.move(ref, made, tip)
    quiet = actor.token.quiet
    concluded(world, thread, pull, made, who, app=actor.app)
    moved(
        world, record, ref, tip, made, who, app=actor.app, quiet=quiet, merging_pull=thread.number
    )
    announce(world, record, thread, pull, "closed", who, app=actor.app, quiet=quiet)
    return made


def _require_mergeable(
    world: World,
    record: Repository,
    thread: Issue,
    pull: Pull,
    actor: Actor,
    sha: str | None,
    method: str,
) -> None:
    """Raise what GitHub answers if the merge is not allowed; conflicts are the caller's."""
    if pull.merged_at is not None or thread.state != "open":
        raise ApiError(405, "Pull Request is not mergeable")
    if sha is not None and sha != pull.head_sha:
        raise ApiError(409, "Head branch was modified. Review and try the merge again.")
    if pull.draft:
        raise ApiError(405, "Pull Request is still a draft")
    if pull.base in record.queues:
        raise ApiError(405, "Changes must be made through the merge queue")
    if method not in ("merge", "squash"):
        raise ApiError(405, "Rebase merges are not allowed on this repository.")
    unmet = mergeability.unmet_checks(record, pull.base, pull.head_sha)
    admin = actor.app is None and world.role(record, actor.account) == ROLES[-1]
    if unmet and not admin:  # administrators bypass, as by GitHub's default
        check, state = unmet[0]
        raise ApiError(405, f'Required status check "{check.context}" is {state}.')


def _message(
    world: World,
    record: Repository,
    thread: Issue,
    pull: Pull,
    method: str,
    title: str | None,
    message: str | None,
) -> str:
    """The commit message: the given title and text, or GitHub's defaults for the method."""
    if method == "merge":
        first = title or headline(world, record, thread, pull)
        rest = thread.title if message is None else message
    else:
        first = title or f"{thread.title} (#{thread.number})"
        rest = message or ""
    return "\n\n".join(part for part in (first, rest) if part)


def headline(world: World, record: Repository, thread: Issue, pull: Pull) -> str:
    """The first line of a merge commit."""
    source = world.source(record, pull.fork).owner.login
    return f"Merge pull request #{thread.number} from {source}/{pull.head}"


def concluded(
    world: World, thread: Issue, pull: Pull, made: str, who: Account, *, app: App | None = None
) -> None:
    """Record that the pull request was merged as `made`; the caller publishes the events."""
    now = world.clock()
    pull.merged_at, pull.merged_by, pull.merge_commit = now, who, made
    thread.state, thread.closed, thread.closed_by, thread.updated = "closed", now, who, now
    thread.notes.append(Note(now, who.login, f"merged commit {made[:7]} into {pull.base}"))
    remember(world, thread, "merged", who, app=app, commit=made)
    remember(world, thread, "closed", who, app=app)


def revert(world: World, record: Repository, thread: Issue, actor: Actor) -> Issue:
    """What the Revert button does: a branch with the inverse and a pull request for it."""
    pull = thread.pull
    if pull is None or pull.merge_commit is None:
        raise ApiError(422, f"#{thread.number} has not been merged")
    tip = record.store.ref(f"refs/heads/{pull.base}")
    assert tip is not None
    now = int(world.clock())
    who = actor.account
    person = Person(who.name or who.login, who.email or who.noreply, now)
    try:
        tree = git_history.reverted_tree(record.store, tip, pull.merge_commit, person)
    except GitError:
        raise ApiError(
            422,
            "This pull request cannot be reverted automatically: "
            "the revert conflicts with later changes",
        ) from None
    branch = f"revert-{thread.number}-{pull.head}"
    taken, extra = branch, 0
    while record.store.ref(f"refs/heads/{taken}") is not None:
        extra += 1
        taken = f"{branch}-{extra}"
    title = f'Revert "{thread.title}"'
    reapply = re.fullmatch(r'Revert "(.*)"', thread.title)
    if reapply:
        title = f'Reapply "{reapply[1]}"'
    committer = Person(GITHUB.name, GITHUB.email, now)
    made = record.store.write_commit(tree, [tip], title + "\n", person, committer)
    record.verified.add(made)
    ref = f"refs/heads/{taken}"
    assert valid_ref(ref)
    record.store.move(ref, made)
    moved(world, record, ref, ZERO, made, who, app=actor.app, quiet=actor.token.quiet)
    return open_pull(
        world,
        record,
        actor,
        title=title,
        body=f"Reverts {record.full_name}#{thread.number}",
        head=taken,
        base=pull.base,
    )
