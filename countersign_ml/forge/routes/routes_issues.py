"""REST: issues and their comments; a pull request's conversation is the same."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, request

from countersign_ml.forge.deeds import labelling
from countersign_ml.forge.deeds.pulls import edit
from countersign_ml.forge.deeds.thread_events import remember
from countersign_ml.forge.request.answers import (
    body,
    invalid,
    not_found,
    page,
    reply,
    text_field,
    world,
)
from countersign_ml.forge.request.auth import (
    Actor,
    find_repository,
    may_take_part,
    may_write_thread,
    readable,
    thread_permissions,
)
from countersign_ml.forge.routes.routes_labels import names_of, thread_of
from countersign_ml.forge.shapes import shapes_threads
from countersign_ml.forge.state.account_records import Json
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Comment, Issue, Note
from countersign_ml.forge.state.world_state import ROLES, Event

routes = Blueprint("issues", __name__, url_prefix="/api/v3/repos/<owner>/<name>")
LONGEST = 65_536  # characters of a body


def body_of(data: Json, resource: str, *, required: bool) -> str | None:
    """The `body` field within GitHub's length."""
    text = text_field(data, resource, "body", required=required)
    if text is not None and len(text) > LONGEST:
        raise invalid(resource, "body", f"body is too long (maximum is {LONGEST} characters)")
    if required and not (text or "").strip():
        raise invalid(resource, "body", "body can't be blank", "missing_field")
    return text


def publish(
    record: Repository, thread: Issue, actor: Actor, name: str, action: str, extra: Json
) -> None:
    """An issues or issue_comment event."""
    payload = {"issue": shapes_threads.issue(world(), record, thread), **extra}
    world().publish(
        Event(
            name,
            action,
            record,
            payload,
            actor.account,
            actor.app,
            actor.token.quiet,
            ref=f"refs/heads/{record.default_branch}",
            issue=thread,
        )
    )


@routes.get("/issues")
def list_issues(owner: str, name: str) -> Response:
    """GET issues and pull requests by state, labels and creator, newest first."""
    record = readable(owner, name, "issues")
    state = request.args.get("state", "open")
    wanted = {label.lower() for label in request.args.get("labels", "").split(",") if label}
    creator = request.args.get("creator", "").lower()
    found = [
        thread
        for thread in record.issues.values()
        if state in ("all", thread.state)
        and wanted <= {label.lower() for label in thread.labels}
        and creator in ("", thread.author.login.lower())
    ]
    key = request.args.get("sort", "created")
    found.sort(key=lambda t: (t.updated if key == "updated" else t.created, t.number))
    if request.args.get("direction", "desc") == "desc":
        found.reverse()
    return reply([shapes_threads.issue(world(), record, each) for each in page(found)])


@routes.post("/issues")
def create_issue(owner: str, name: str) -> Response:
    """POST an issue; labels and assignees count only from those with access."""
    record, actor = may_take_part(owner, name, ("issues",))
    data = body()
    now = world().clock()
    thread = Issue(
        world().take_id(),
        record.take_number(),
        text_field(data, "Issue", "title") or "",
        body_of(data, "Issue", required=False),
        actor.account,
        now,
        now,
        app=actor.app,
    )
    trusted = _triages(record, actor)
    if trusted:
        thread.assignees = [str(login) for login in data.get("assignees", [])]
    record.issues[thread.number] = thread
    publish(record, thread, actor, "issues", "opened", {})
    if trusted:
        labelling.add(world(), record, thread, actor, names_of(data.get("labels", [])))
    return reply(shapes_threads.issue(world(), record, thread), 201)


def _triages(record: Repository, actor: Actor) -> bool:
    """Whether the actor's labels and assignees count; GitHub drops others' silently."""
    rank = ROLES.index(world().role(record, actor.account))
    return actor.app is not None or rank >= ROLES.index("triage")


@routes.get("/issues/<int:number>")
def get_issue(owner: str, name: str, number: int) -> Response:
    """GET one."""
    record = readable(owner, name, "issues")
    return reply(shapes_threads.issue(world(), record, thread_of(record, number)))


@routes.patch("/issues/<int:number>")
def update_issue(owner: str, name: str, number: int) -> Response:
    """PATCH: authors and writers all of it, triagers the state, labels and assignees."""
    thread = thread_of(find_repository(owner, name), number)
    data = body()
    role = "triage" if set(data).isdisjoint(("title", "body", "base")) else "write"
    record, actor = may_write_thread(owner, name, thread, role, author=thread.author.id)
    if "labels" in data and _triages(record, actor):
        labelling.replace(world(), record, thread, actor, names_of(data["labels"] or []))
    if "assignees" in data and _triages(record, actor):
        thread.assignees = [str(login) for login in data["assignees"] or []]
    if thread.pull is not None:
        edit(world(), record, thread, actor, data)
        return reply(shapes_threads.issue(world(), record, thread))
    changes: Json = {}
    for field in ("title", "body"):
        if field in data and data[field] != getattr(thread, field):
            changes[field] = {"from": getattr(thread, field) or ""}
            setattr(thread, field, data[field])
    now = thread.updated = world().clock()
    if "title" in changes:
        rename = {"from": changes["title"]["from"], "to": thread.title}
        _remember(thread, actor, "renamed", {"rename": rename})
    if changes:
        publish(record, thread, actor, "issues", "edited", {"changes": changes})
    if data.get("state") == "closed" and thread.state == "open":
        thread.state, thread.closed, thread.closed_by = "closed", now, actor.account
        thread.state_reason = data.get("state_reason") or "completed"
        thread.notes.append(Note(now, actor.account.login, f"closed this as {thread.state_reason}"))
        _remember(thread, actor, "closed", {"state_reason": thread.state_reason})
        publish(record, thread, actor, "issues", "closed", {})
    elif data.get("state") == "open" and thread.state == "closed":
        thread.state, thread.closed, thread.closed_by = "open", None, None
        thread.state_reason = "reopened"
        thread.notes.append(Note(now, actor.account.login, "reopened this"))
        _remember(thread, actor, "reopened", {"state_reason": None})
        publish(record, thread, actor, "issues", "reopened", {})
    return reply(shapes_threads.issue(world(), record, thread))


def _remember(thread: Issue, actor: Actor, event: str, details: Json) -> None:
    remember(world(), thread, event, actor.account, app=actor.app, details=details)


@routes.get("/issues/<int:number>/comments")
def list_comments(owner: str, name: str, number: int) -> Response:
    """GET the comments, oldest first."""
    record = readable(owner, name, "issues")
    thread = thread_of(record, number)
    found = page(list(thread.comments.values()))
    return reply([shapes_threads.comment(world(), record, thread, each) for each in found])


@routes.post("/issues/<int:number>/comments")
def create_comment(owner: str, name: str, number: int) -> Response:
    """POST a comment."""
    thread = thread_of(find_repository(owner, name), number)
    record, actor = may_take_part(owner, name, thread_permissions(thread))
    text = body_of(body(), "IssueComment", required=True) or ""
    now = thread.updated = world().clock()
    found = Comment(world().take_id(), actor.account, text, now, now, actor.app)
    thread.comments[found.id] = found
    shape = shapes_threads.comment(world(), record, thread, found)
    publish(record, thread, actor, "issue_comment", "created", {"comment": shape})
    return reply(shape, 201)


def _comment(record: Repository, number: int) -> tuple[Issue, Comment]:
    for thread in record.issues.values():
        if number in thread.comments:
            return thread, thread.comments[number]
    raise not_found()


@routes.get("/issues/comments")
def list_all_comments(owner: str, name: str) -> Response:
    """GET every comment of the repository, by `sort` and `direction`, those changed `since`."""
    record = readable(owner, name, "issues")
    pairs = [(t, c) for t in record.issues.values() for c in t.comments.values()]
    if "since" in request.args:
        try:
            since = datetime.fromisoformat(request.args["since"]).timestamp()
        except ValueError:
            raise invalid("IssueComment", "since", "is not a time", "invalid") from None
        pairs = [(t, c) for t, c in pairs if c.updated >= since]
    key = request.args.get("sort", "created")
    pairs.sort(key=lambda pair: (pair[1].updated if key == "updated" else 0, pair[1].id))
    if request.args.get("direction", "asc") == "desc":
        pairs.reverse()
    return reply([shapes_threads.comment(world(), record, t, c) for t, c in page(pairs)])


@routes.get("/issues/comments/<int:comment>")
def get_comment(owner: str, name: str, comment: int) -> Response:
    """GET one comment."""
    record = readable(owner, name, "issues")
    thread, found = _comment(record, comment)
    return reply(shapes_threads.comment(world(), record, thread, found))


@routes.patch("/issues/comments/<int:comment>")
def update_comment(owner: str, name: str, comment: int) -> Response:
    """PATCH a comment: its author, or anyone with write access."""
    thread, found = _comment(find_repository(owner, name), comment)
    record, actor = may_write_thread(owner, name, thread, "write", author=found.author.id)
    text = body_of(body(), "IssueComment", required=True) or ""
    changes = {"body": {"from": found.body}}
    found.body = text
    found.updated = thread.updated = world().clock()
    shape = shapes_threads.comment(world(), record, thread, found)
    publish(
        record, thread, actor, "issue_comment", "edited", {"comment": shape, "changes": changes}
    )
    return reply(shape)


@routes.delete("/issues/comments/<int:comment>")
def delete_comment(owner: str, name: str, comment: int) -> Response:
    """DELETE a comment: its author, or anyone with write access."""
    thread, found = _comment(find_repository(owner, name), comment)
    record, actor = may_write_thread(owner, name, thread, "write", author=found.author.id)
    shape = shapes_threads.comment(world(), record, thread, found)
    del thread.comments[comment]
    publish(record, thread, actor, "issue_comment", "deleted", {"comment": shape})
    return reply(None, 204)
