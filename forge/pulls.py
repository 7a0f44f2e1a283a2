"""The gestures on a pull request: open, edit, close, review, merge, revert.

Routes and `Forge` methods call these; each checks what GitHub checks and publishes its events.
"""

from __future__ import annotations

import re

from forge import git_history, merging
from forge.auth import Actor
from forge.git import ZERO, GitError, Person, valid_ref
from forge.http import ApiError, invalid
from forge.merging import GITHUB, refresh
from forge.moves import announce, moved
from forge.records import Issue, Json, Note, Pull, Review
from forge.shapes_threads import review as review_shape
from forge.shapes_threads import small_pull
from forge.state import ROLES, Event, Repository, World


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
    """Open a pull request; 422 where GitHub would refuse."""
    owner, _, branch = head.rpartition(":")
    if owner and owner.lower() != record.owner.login.lower():
        raise invalid("PullRequest", "head", "forks are not served by this forge", "invalid")
    tip = record.store.ref(f"refs/heads/{branch}")
    target = record.store.ref(f"refs/heads/{base}")
    if tip is None or target is None:
        field = "head" if tip is None else "base"
        raise ApiError(
            422,
            "Validation Failed",
            [{"resource": "PullRequest", "field": field, "code": "invalid"}],
        )
    for thread, pull in record.pulls():
        if thread.state == "open" and (pull.head, pull.base) == (branch, base):
            raise ApiError(
                422,
                "Validation Failed",
                [
                    {
                        "resource": "PullRequest",
                        "code": "custom",
                        "message": "A pull request already exists for "
                        f"{record.owner.login}:{branch}.",
                    }
                ],
            )
    if git_history.contains(record.store, target, tip):
        raise ApiError(
            422,
            "Validation Failed",
            [
                {
                    "resource": "PullRequest",
                    "code": "custom",
                    "message": f"No commits between {base} and {branch}",
                }
            ],
        )
    now = world.clock()
    pull = Pull(world.take_id(), branch, tip, base, target, draft)
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
    base = data.get("base")
    if base is not None and base != pull.base:
        target = record.store.ref(f"refs/heads/{base}")
        if target is None or thread.state != "open":
            raise invalid("PullRequest", "base", f"{base} is no branch here", "invalid")
        changes["base"] = {"ref": {"from": pull.base}, "sha": {"from": pull.base_sha}}
        note = f"changed the base branch from {pull.base} to {base}"
        pull.base, pull.base_sha = base, target
        thread.notes.append(Note(world.clock(), actor.account.login, note))
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


def _reopen(world: World, record: Repository, thread: Issue, pull: Pull, actor: Actor) -> None:
    tip = record.store.ref(f"refs/heads/{pull.head}")
    if pull.merged_at is not None or tip is None:
        raise ApiError(
            422,
            "Validation Failed",
            [
                {
                    "resource": "PullRequest",
                    "code": "custom",
                    "field": "state",
                    "message": "state cannot be changed.",
                }
            ],
        )
    thread.state, thread.closed, thread.closed_by = "open", None, None
    thread.updated = world.clock()
    pull.head_sha, pull.head_deleted = tip, False
    thread.notes.append(Note(world.clock(), actor.account.login, "reopened this"))
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


def submit_review(
    world: World,
    record: Repository,
    thread: Issue,
    actor: Actor,
    *,
    verdict: str,
    body: str,
    commit: str | None,
) -> Review:
    """Submit a review; nobody approves or blocks their own pull request."""
    pull = thread.pull
    assert pull is not None
    if verdict not in ("APPROVE", "REQUEST_CHANGES", "COMMENT"):
        raise invalid("PullRequestReview", "event", f"{verdict} is not a review event", "invalid")
    if verdict != "COMMENT" and actor.account.id == thread.author.id:
        word = "approve" if verdict == "APPROVE" else "request changes on"
        raise ApiError(
            422, "Unprocessable Entity", [f"Review Can not {word} your own pull request"]
        )
    if verdict != "APPROVE" and not body:
        raise ApiError(422, "Unprocessable Entity", ["Body cannot be blank"])
    sha = commit or pull.head_sha
    if record.store.resolve(sha) != sha:
        raise invalid(
            "PullRequestReview", "commit_id", "is not part of the pull request", "invalid"
        )
    states = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
    now = world.clock()
    found = Review(world.take_id(), actor.account, body, states[verdict], sha, now)
    pull.reviews.append(found)
    thread.updated = now
    if actor.account.login in pull.reviewers:
        pull.reviewers.remove(actor.account.login)
    publish_review(world, record, thread, actor, found, "submitted")
    return found


def dismiss_review(
    world: World, record: Repository, thread: Issue, actor: Actor, found: Review, message: str
) -> None:
    """Dismiss an approval or a request for changes, with a reason."""
    if found.state not in ("APPROVED", "CHANGES_REQUESTED"):
        raise ApiError(
            422,
            "Unprocessable Entity",
            [f"Can not dismiss a {found.state.lower()} pull request review"],
        )
    found.state, found.dismissal = "DISMISSED", message
    thread.updated = world.clock()
    thread.notes.append(
        Note(
            world.clock(),
            actor.account.login,
            f"dismissed {found.author.login}'s review: {message}",
        )
    )
    publish_review(world, record, thread, actor, found, "dismissed")


def publish_review(
    world: World, record: Repository, thread: Issue, actor: Actor, found: Review, action: str
) -> None:
    """A pull_request_review event."""
    pull = thread.pull
    assert pull is not None
    payload = {
        "review": review_shape(world, record, thread, found, hook=True),
        "pull_request": small_pull(world, record, thread, pull),
    }
    world.publish(
        Event(
            "pull_request_review",
            action,
            record,
            payload,
            actor.account,
            actor.app,
            actor.token.quiet,
            ref=f"refs/pull/{thread.number}/merge",
            sha=pull.test_merge or pull.head_sha,
            issue=thread,
        )
    )


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
    if pull.merged_at is not None or thread.state != "open":
        raise ApiError(405, "Pull Request is not mergeable")
    if sha is not None and sha != pull.head_sha:
        raise ApiError(409, "Head branch was modified. Review and try the merge again.")
    if pull.draft:
        raise ApiError(405, "Pull Request is still a draft")
    if method not in ("merge", "squash"):
        raise ApiError(405, "Rebase merges are not allowed on this repository.")
    unmet = merging.unmet_checks(record, pull.base, pull.head_sha)
    admin = actor.app is None and world.role(record, actor.account) == ROLES[-1]
    if unmet and not admin:  # administrators bypass, as by GitHub's default
        check, state = unmet[0]
        word = {"expected": "expected", "pending": "pending", "failing": "failing"}[state]
        raise ApiError(405, f'Required status check "{check.context}" is {word}.')
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
    if method == "merge":
        head = f"Merge pull request #{thread.number} from {record.owner.login}/{pull.head}"
        text = "\n\n".join(
            part for part in (title or head, thread.title if message is None else message) if part
        )
        parents = [tip, pull.head_sha]
    else:
        head = f"{thread.title} (#{thread.number})"
        text = "\n\n".join(part for part in (title or head, message) if part)
        parents = [tip]
    made = store.write_commit(merged.tree, parents, text + "\n", author, committer)
    record.verified.add(made)
    store.move(ref, made, tip)
    pull.merged_at, pull.merged_by, pull.merge_commit = now, who, made
    thread.state, thread.closed, thread.closed_by, thread.updated = "closed", now, who, now
    thread.notes.append(Note(now, who.login, f"merged commit {made[:7]} into {pull.base}"))
    quiet = actor.token.quiet
    moved(
        world, record, ref, tip, made, who, app=actor.app, quiet=quiet, merging_pull=thread.number
    )
    announce(world, record, thread, pull, "closed", who, app=actor.app, quiet=quiet)
    return made


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
