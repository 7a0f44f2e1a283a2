"""REST: issues, their comments and labels; a pull request's conversation is the same."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from forge import shapes_threads
from forge.auth import Actor, find_repository, readable, writable
from forge.http import ApiError, body, invalid, not_found, page, reply, text_field, world
from forge.pulls import edit
from forge.records import Comment, Issue, Json, Note
from forge.routes_pulls import author_or_writer, participant
from forge.state import Event, Repository

routes = Blueprint("issues", __name__, url_prefix="/api/v3/repos/<owner>/<name>")
LONGEST = 65_536  # characters of a body


def thread_of(record: Repository, number: int) -> Issue:
    """An issue or pull request by number."""
    found = record.issues.get(number)
    if found is None:
        raise not_found()
    return found


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
    wanted = {label for label in request.args.get("labels", "").split(",") if label}
    creator = request.args.get("creator", "").lower()
    found = [
        thread
        for thread in record.issues.values()
        if state in ("all", thread.state)
        and wanted <= set(thread.labels)
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
    record, actor = participant(owner, name, "issues")
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
    if actor.app is not None or world().role(record, actor.account) not in ("none", "read"):
        thread.labels = _names(data.get("labels", []))
        thread.assignees = [str(login) for login in data.get("assignees", [])]
    record.issues[thread.number] = thread
    publish(record, thread, actor, "issues", "opened", {})
    return reply(shapes_threads.issue(world(), record, thread), 201)


def _names(labels: list[Any]) -> list[str]:
    found = [str(each["name"] if isinstance(each, dict) else each) for each in labels]
    return list(dict.fromkeys(found))


@routes.get("/issues/<int:number>")
def get_issue(owner: str, name: str, number: int) -> Response:
    """GET one."""
    record = readable(owner, name, "issues")
    return reply(shapes_threads.issue(world(), record, thread_of(record, number)))


@routes.patch("/issues/<int:number>")
def update_issue(owner: str, name: str, number: int) -> Response:
    """PATCH title, body, state, labels, assignees."""
    thread = thread_of(find_repository(owner, name), number)
    record, actor = author_or_writer(owner, name, "issues", thread.author.id)
    data = body()
    if "labels" in data:
        thread.labels = _names(data["labels"] or [])
    if "assignees" in data:
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
    if changes:
        publish(record, thread, actor, "issues", "edited", {"changes": changes})
    if data.get("state") == "closed" and thread.state == "open":
        thread.state, thread.closed, thread.closed_by = "closed", now, actor.account
        thread.state_reason = data.get("state_reason") or "completed"
        thread.notes.append(Note(now, actor.account.login, f"closed this as {thread.state_reason}"))
        publish(record, thread, actor, "issues", "closed", {})
    elif data.get("state") == "open" and thread.state == "closed":
        thread.state, thread.closed, thread.closed_by = "open", None, None
        thread.state_reason = "reopened"
        thread.notes.append(Note(now, actor.account.login, "reopened this"))
        publish(record, thread, actor, "issues", "reopened", {})
    return reply(shapes_threads.issue(world(), record, thread))


@routes.get("/issues/<int:number>/labels")
def list_thread_labels(owner: str, name: str, number: int) -> Response:
    """GET a thread's labels."""
    record = readable(owner, name, "issues")
    thread = thread_of(record, number)
    return reply([shapes_threads.label(world(), record, each) for each in page(thread.labels)])


@routes.route("/issues/<int:number>/labels", methods=["POST", "PUT"])
def add_labels(owner: str, name: str, number: int) -> Response:
    """POST more labels, or PUT the whole set."""
    record, _ = writable(owner, name, "issues", role="triage")
    thread = thread_of(record, number)
    raw = request.get_json(silent=True)
    names = _names(raw.get("labels", []) if isinstance(raw, dict) else raw or [])
    kept = thread.labels if request.method == "POST" else []
    thread.labels = list(dict.fromkeys([*kept, *names]))
    thread.updated = world().clock()
    return reply([shapes_threads.label(world(), record, each) for each in thread.labels])


@routes.delete("/issues/<int:number>/labels/<path:label>")
def remove_label(owner: str, name: str, number: int, label: str) -> Response:
    """DELETE one label of a thread."""
    record, _ = writable(owner, name, "issues", role="triage")
    thread = thread_of(record, number)
    if label not in thread.labels:
        raise ApiError(404, "Label does not exist")
    thread.labels.remove(label)
    thread.updated = world().clock()
    return reply([shapes_threads.label(world(), record, each) for each in thread.labels])


@routes.get("/labels")
def list_labels(owner: str, name: str) -> Response:
    """GET the repository's labels."""
    record = readable(owner, name, "issues")
    found = page(list(record.labels))
    return reply([shapes_threads.label(world(), record, each) for each in found])


@routes.get("/labels/<path:label>")
def get_label(owner: str, name: str, label: str) -> Response:
    """GET one label."""
    record = readable(owner, name, "issues")
    if label not in record.labels:
        raise not_found()
    return reply(shapes_threads.label(world(), record, label))


@routes.post("/labels")
def create_label(owner: str, name: str) -> Response:
    """POST a label."""
    record, _ = writable(owner, name, "issues")
    data = body()
    label = text_field(data, "Label", "name") or ""
    if label in record.labels:
        raise invalid("Label", "name", "already exists", "already_exists")
    shapes_threads.label(world(), record, label)
    record.labels[label] |= {
        "color": data.get("color", "ededed"),
        "description": data.get("description"),
    }
    return reply(shapes_threads.label(world(), record, label), 201)


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
    record, actor = participant(owner, name, "pull_requests" if thread.pull else "issues")
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
    permission = "pull_requests" if thread.pull else "issues"
    record, actor = author_or_writer(owner, name, permission, found.author.id)
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
    permission = "pull_requests" if thread.pull else "issues"
    record, actor = author_or_writer(owner, name, permission, found.author.id)
    shape = shapes_threads.comment(world(), record, thread, found)
    del thread.comments[comment]
    publish(record, thread, actor, "issue_comment", "deleted", {"comment": shape})
    return reply(None, 204)
