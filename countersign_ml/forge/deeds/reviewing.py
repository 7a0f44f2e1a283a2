"""The gestures of a reviewer: submit a review, dismiss one."""

from __future__ import annotations

from countersign_ml.forge.deeds.thread_events import remember
from countersign_ml.forge.request.answers import ApiError, invalid
from countersign_ml.forge.request.auth import Actor
from countersign_ml.forge.shapes.shapes_threads import review as review_shape
from countersign_ml.forge.shapes.shapes_threads import small_pull
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue, Note, Review
from countersign_ml.forge.state.world_state import Event, World


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
    """Submit a review; 422 for an approval or a block of one's own pull request."""
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
    before = found.state.lower()
    found.state, found.dismissal = "DISMISSED", message
    thread.updated = world.clock()
    thread.notes.append(
        Note(
            world.clock(),
            actor.account.login,
            f"dismissed {found.author.login}'s review: {message}",
        )
    )
    dismissed = {"state": before, "review_id": found.id, "dismissal_message": message}
    remember(
        world,
        thread,
        "review_dismissed",
        actor.account,
        app=actor.app,
        details={"dismissed_review": dismissed},
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
