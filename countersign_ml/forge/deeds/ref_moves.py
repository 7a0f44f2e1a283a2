"""A ref moved, by push or by API: what follows for events and for the pull requests on it."""

from __future__ import annotations

from countersign_ml.forge.deeds import forks
from countersign_ml.forge.deeds.thread_events import remember
from countersign_ml.forge.git import git_history
from countersign_ml.forge.git.bare_repository import ZERO, CommitObject
from countersign_ml.forge.shapes.shapes_common import user, when
from countersign_ml.forge.shapes.shapes_repo import repository, web
from countersign_ml.forge.shapes.shapes_threads import pull_request
from countersign_ml.forge.state import mergeability
from countersign_ml.forge.state.account_records import Account, App, Json
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue, Note, Pull
from countersign_ml.forge.state.world_state import Event, World

MOST_COMMITS = 2048  # a push payload lists no more


def moved(
    world: World,
    record: Repository,
    ref: str,
    old: str,
    new: str,
    account: Account,
    *,
    app: App | None = None,
    quiet: bool = False,
    merging_pull: int | None = None,
) -> None:
    """Publish the push and bring the pull requests of that branch up to date.

    `merging_pull` is the number of the pull request whose merge this is; it is not touched here.
    """
    record.pushed = world.clock()
    if ZERO in (old, new):
        _created_or_deleted(world, record, ref, account, created=old == ZERO, app=app, quiet=quiet)
    world.publish(
        Event(
            "push",
            None,
            record,
            push_payload(world, record, ref, old, new, account),
            account,
            app,
            quiet,
            ref=ref,
            sha=new,
            before=old,
        )
    )
    if not ref.startswith("refs/heads/"):
        return
    branch = ref.removeprefix("refs/heads/")
    for thread, pull in record.pulls():
        if thread.state != "open" or thread.number == merging_pull:
            continue
        if pull.head == branch and pull.fork is None:
            _head_moved(world, record, thread, pull, old, new, account, app, quiet)
        elif pull.base == branch and new != ZERO:
            if git_history.contains(record.store, new, pull.head_sha):
                _merged_by_push(world, record, thread, pull, new, account, app, quiet)
            else:
                mergeability.refresh(world, record, thread, pull)
    for base, thread, pull in forks.pulls_from(world, record, branch):
        if thread.state == "open":
            if new != ZERO:
                base.store.bring(record.store, new)
            _head_moved(world, base, thread, pull, old, new, account, app, quiet)


def _created_or_deleted(
    world: World,
    record: Repository,
    ref: str,
    account: Account,
    *,
    created: bool,
    app: App | None,
    quiet: bool,
) -> None:
    """The `create` or `delete` webhook of a branch or tag."""
    kinds = {"refs/heads/": "branch", "refs/tags/": "tag"}
    prefix = next((each for each in kinds if ref.startswith(each)), None)
    if prefix is None:
        return
    payload: Json = {
        "ref": ref.removeprefix(prefix),
        "ref_type": kinds[prefix],
        "pusher_type": "user",
    }
    if created:
        payload |= {"master_branch": record.default_branch, "description": record.description}
    name = "create" if created else "delete"
    world.publish(Event(name, None, record, payload, account, app, quiet, ref=ref))


def _head_moved(
    world: World,
    record: Repository,
    thread: Issue,
    pull: Pull,
    old: str,
    new: str,
    account: Account,
    app: App | None,
    quiet: bool,
) -> None:
    now = world.clock()
    thread.updated = now
    if new == ZERO:
        pull.head_deleted = True
        thread.state, thread.closed, thread.closed_by = "closed", now, account
        thread.notes.append(Note(now, account.login, f"deleted the {pull.head} branch"))
        remember(world, thread, "closed", account, app=app)
        remember(world, thread, "head_ref_deleted", account, app=app)
        announce(world, record, thread, pull, "closed", account, app=app, quiet=quiet)
        return
    pull.head_sha = new
    pull.base_sha = record.store.ref(f"refs/heads/{pull.base}") or pull.base_sha
    if not git_history.contains(record.store, new, old):
        thread.notes.append(Note(now, account.login, f"force-pushed from {old[:7]} to {new[:7]}"))
        remember(world, thread, "head_ref_force_pushed", account, app=app, commit=new)
    mergeability.refresh(world, record, thread, pull)
    announce(
        world,
        record,
        thread,
        pull,
        "synchronize",
        account,
        app=app,
        quiet=quiet,
        extra={"before": old, "after": new},
    )


def _merged_by_push(
    world: World,
    record: Repository,
    thread: Issue,
    pull: Pull,
    new: str,
    account: Account,
    app: App | None,
    quiet: bool,
) -> None:
    now = world.clock()
    pull.merged_at, pull.merged_by, pull.merge_commit = now, account, new
    thread.state, thread.closed, thread.closed_by, thread.updated = "closed", now, account, now
    thread.notes.append(Note(now, account.login, f"merged by pushing {new[:7]} to {pull.base}"))
    remember(world, thread, "merged", account, app=app, commit=new)
    remember(world, thread, "closed", account, app=app)
    announce(world, record, thread, pull, "closed", account, app=app, quiet=quiet)


def announce(
    world: World,
    record: Repository,
    thread: Issue,
    pull: Pull,
    action: str,
    account: Account,
    *,
    app: App | None = None,
    quiet: bool = False,
    extra: Json | None = None,
) -> None:
    """Publish a pull_request event."""
    held = pull.unknown_reads
    shape = pull_request(world, record, thread, pull)
    pull.unknown_reads = held  # building a payload is not a read
    payload = {"number": thread.number, "pull_request": shape, **(extra or {})}
    world.publish(
        Event(
            "pull_request",
            action,
            record,
            payload,
            account,
            app,
            quiet,
            ref=f"refs/pull/{thread.number}/merge",
            sha=pull.test_merge or pull.head_sha,
            issue=thread,
        )
    )


def push_payload(
    world: World, record: Repository, ref: str, old: str, new: str, account: Account
) -> Json:
    """The body of a `push` webhook."""
    store, page = record.store, web(world, record)
    gone, made = new == ZERO, old == ZERO
    listed: list[str] = []
    if not gone:
        base = old if not made else store.ref(f"refs/heads/{record.default_branch}")
        same = base == new
        listed = git_history.log(
            store,
            new,
            exclude=None if same else base,
            oldest_first=True,
            limit=None if base and not same else MOST_COMMITS,
        )
        listed = [] if same and not made else listed[-MOST_COMMITS:]
    commits = [_pushed(world, record, c) for c in git_history.commits(store, listed)]
    head = None if gone else _pushed(world, record, store.commit(store.resolve(new) or new))
    forced = not (gone or made) and not git_history.contains(store, new, old)
    shape = repository(world, record)
    shape["created_at"] = int(record.created)
    shape["pushed_at"] = int(record.pushed)
    shape["stargazers"] = 0
    shape["master_branch"] = record.default_branch
    shape["owner"] = user(world, record.owner) | {"name": record.owner.login, "email": None}
    return {
        "ref": ref,
        "before": old,
        "after": new,
        "created": made,
        "deleted": gone,
        "forced": forced,
        "base_ref": None,
        "compare": f"{page}/compare/{old[:12]}...{new[:12]}",
        "commits": commits,
        "head_commit": head,
        "pusher": {"name": account.login, "email": account.email or account.noreply},
        "repository": shape,
    }


def _pushed(world: World, record: Repository, commit: CommitObject) -> Json:
    parent = commit.parents[0] if commit.parents else None
    files = git_history.changes(record.store, parent, commit.sha, patches=False)
    people = {}
    for role, person in (("author", commit.author), ("committer", commit.committer)):
        people[role] = {"name": person.name, "email": person.email}
        account = world.account_by_email(person.email)
        if account is not None:
            people[role]["username"] = account.login
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message.rstrip("\n"),
        "timestamp": when(commit.committer.seconds),
        "url": f"{web(world, record)}/commit/{commit.sha}",
        **people,
        "added": [f.path for f in files if f.status in ("added", "renamed", "copied")],
        "removed": [f.path for f in files if f.status == "removed"]
        + [f.previous for f in files if f.status == "renamed" and f.previous],
        "modified": [f.path for f in files if f.status in ("modified", "changed")],
    }
