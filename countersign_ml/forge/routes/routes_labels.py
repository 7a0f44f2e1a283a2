"""REST: labels, of the repository and of a thread, and the events of a thread."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from countersign_ml.forge.deeds import labelling
from countersign_ml.forge.request.answers import (
    ApiError,
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
    may_write_thread,
    readable,
    writable,
)
from countersign_ml.forge.shapes import shapes_threads
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue

routes = Blueprint("labels", __name__, url_prefix="/api/v3/repos/<owner>/<name>")


def thread_of(record: Repository, number: int) -> Issue:
    """An issue or pull request by number."""
    found = record.issues.get(number)
    if found is None:
        raise not_found()
    return found


def names_of(labels: list[Any]) -> list[str]:
    """Labels as a request gives them, by name or as objects."""
    found = [str(each["name"] if isinstance(each, dict) else each) for each in labels]
    return list(dict.fromkeys(found))


def _marked(owner: str, name: str, number: int) -> tuple[Repository, Issue, Actor]:
    """A thread and who may label it: triage and above, Apps that may write it."""
    thread = thread_of(find_repository(owner, name), number)
    record, actor = may_write_thread(owner, name, thread, "triage")
    return record, thread, actor


@routes.get("/issues/<int:number>/labels")
def list_thread_labels(owner: str, name: str, number: int) -> Response:
    """GET a thread's labels."""
    record = readable(owner, name, "issues")
    thread = thread_of(record, number)
    return reply([shapes_threads.label(world(), record, each) for each in page(thread.labels)])


@routes.route("/issues/<int:number>/labels", methods=["POST", "PUT"])
def add_labels(owner: str, name: str, number: int) -> Response:
    """POST more labels, or PUT the whole set."""
    record, thread, actor = _marked(owner, name, number)
    raw = request.get_json(silent=True)
    names = names_of(raw.get("labels", []) if isinstance(raw, dict) else raw or [])
    change = labelling.add if request.method == "POST" else labelling.replace
    change(world(), record, thread, actor, names)
    return reply([shapes_threads.label(world(), record, each) for each in thread.labels])


@routes.delete("/issues/<int:number>/labels")
def clear_labels(owner: str, name: str, number: int) -> Response:
    """DELETE all labels of a thread."""
    record, thread, actor = _marked(owner, name, number)
    labelling.remove(world(), record, thread, actor, list(thread.labels))
    return reply(None, 204)


@routes.delete("/issues/<int:number>/labels/<path:label>")
def remove_label(owner: str, name: str, number: int, label: str) -> Response:
    """DELETE one label of a thread."""
    record, thread, actor = _marked(owner, name, number)
    if labelling.known(record, label) not in thread.labels:
        raise ApiError(404, "Label does not exist")
    labelling.remove(world(), record, thread, actor, [label])
    return reply([shapes_threads.label(world(), record, each) for each in thread.labels])


@routes.get("/issues/<int:number>/events")
def list_events(owner: str, name: str, number: int) -> Response:
    """GET what happened to a thread, oldest first."""
    record = readable(owner, name, "issues")
    found = page(thread_of(record, number).events)
    return reply([shapes_threads.issue_event(world(), record, each) for each in found])


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
    if labelling.known(record, label) not in record.labels:
        raise not_found()
    return reply(shapes_threads.label(world(), record, labelling.known(record, label)))


@routes.post("/labels")
def create_label(owner: str, name: str) -> Response:
    """POST a label."""
    record, _ = writable(owner, name, "issues")
    data = body()
    label = text_field(data, "Label", "name") or ""
    if labelling.known(record, label) in record.labels:
        raise invalid("Label", "name", "already exists", "already_exists")
    shapes_threads.label(world(), record, label)
    record.labels[label] |= {
        "color": data.get("color", "ededed"),
        "description": data.get("description"),
    }
    return reply(shapes_threads.label(world(), record, label), 201)
