"""REST: the Git database - commits, trees, blobs."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from flask import Blueprint, Response, request

from countersign_ml.forge.git.bare_repository import GitError, Person
from countersign_ml.forge.request.answers import (
    ApiError,
    body,
    invalid,
    not_found,
    reply,
    text_field,
    world,
)
from countersign_ml.forge.request.auth import readable, writable
from countersign_ml.forge.shapes import shapes_repo
from countersign_ml.forge.state.account_records import Json

routes = Blueprint("git", __name__, url_prefix="/api/v3/repos/<owner>/<name>/git")
MODES = {"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": "commit"}
MOST_ENTRIES = 100_000  # a recursive tree lists no more


@routes.get("/commits/<sha>")
def get_commit(owner: str, name: str, sha: str) -> Response:
    """GET a commit object."""
    record = readable(owner, name, "contents")
    if record.store.kind(sha) != "commit":
        raise not_found()
    return reply(shapes_repo.git_commit(world(), record, record.store.commit(sha)))


@routes.post("/commits")
def create_commit(owner: str, name: str) -> Response:
    """POST a commit object; GitHub signs it when an App leaves author and committer to it."""
    record, actor = writable(owner, name, "contents")
    data = body()
    message = text_field(data, "Commit", "message") or ""
    tree = text_field(data, "Commit", "tree") or ""
    parents = data.get("parents", [])
    if record.store.kind(tree) != "tree":
        raise ApiError(422, "Tree SHA does not exist")
    if any(record.store.kind(str(parent)) != "commit" for parent in parents):
        raise ApiError(422, "Parent SHA does not exist or is not a commit object")
    own = Person(
        actor.account.name or actor.account.login,
        actor.account.email or actor.account.noreply,
        int(world().clock()),
    )
    author = person(data.get("author"), own)
    committer = person(data.get("committer"), author)
    sha = record.store.write_commit(tree, parents, message, author, committer)
    if actor.app is not None and "author" not in data and "committer" not in data:
        record.verified.add(sha)
    return reply(shapes_repo.git_commit(world(), record, record.store.commit(sha)), 201)


def person(data: Json | None, default: Person) -> Person:
    """Name, address and time of a request; `default` for what is missing."""
    if data is None:
        return default
    if not isinstance(data.get("name"), str) or not isinstance(data.get("email"), str):
        raise invalid("Commit", "author", "name and email are needed", "missing_field")
    seconds = default.seconds
    if data.get("date"):
        try:
            seconds = int(datetime.fromisoformat(str(data["date"])).timestamp())
        except ValueError:
            raise invalid("Commit", "date", "is not an ISO 8601 time", "invalid") from None
    return Person(data["name"], data["email"], seconds)


@routes.get("/trees/<path:sha>")
def get_tree(owner: str, name: str, sha: str) -> Response:
    """GET a tree by its SHA or by a commit's name; `recursive` includes subfolders."""
    record = readable(owner, name, "contents")
    tree = record.store.resolve(sha, "tree")
    if tree is None:
        raise not_found()
    entries = record.store.tree(tree, recursive="recursive" in request.args)
    shape = {
        "sha": tree,
        "url": f"{shapes_repo.api(world(), record)}/git/trees/{tree}",
        "tree": [shapes_repo.tree_entry(world(), record, e) for e in entries[:MOST_ENTRIES]],
        "truncated": len(entries) > MOST_ENTRIES,
    }
    return reply(shape)


@routes.post("/trees")
def create_tree(owner: str, name: str) -> Response:
    """POST a tree from `base_tree` and entries; an entry with sha null deletes its path."""
    record, _ = writable(owner, name, "contents")
    data = body()
    base = data.get("base_tree")
    if base is not None:
        base = record.store.resolve(str(base), "tree")
        if base is None:
            raise ApiError(404, "Not Found")
    changes: list[tuple[str, str, str | None]] = []
    for entry in data.get("tree", []):
        path, mode = str(entry.get("path", "")), str(entry.get("mode", "100644"))
        parts = path.split("/")
        if not path or "" in parts or "." in parts or ".." in parts or ".git" in parts:
            raise ApiError(422, f"tree.path {path!r} is malformed")
        if mode not in MODES:
            raise ApiError(422, f"Must supply a valid tree.mode, not {mode!r}")
        if "content" in entry:
            changes.append((path, mode, record.store.write_blob(str(entry["content"]).encode())))
        elif "sha" not in entry:
            raise ApiError(422, "Must supply either tree.sha or tree.content")
        else:
            sha = entry["sha"]
            if sha is not None and record.store.kind(str(sha)) != MODES[mode]:
                raise ApiError(422, f"tree.sha {sha} is not a valid {MODES[mode]}")
            changes.append((path, mode, sha))
    try:
        tree = record.store.write_tree(base, changes)
    except GitError as failure:
        raise ApiError(422, f"Tree could not be written: {failure}") from None
    shape = {
        "sha": tree,
        "url": f"{shapes_repo.api(world(), record)}/git/trees/{tree}",
        "tree": [shapes_repo.tree_entry(world(), record, e) for e in record.store.tree(tree)],
        "truncated": False,
    }
    return reply(shape, 201)


@routes.get("/blobs/<sha>")
def get_blob(owner: str, name: str, sha: str) -> Response:
    """GET a blob, in base64 or raw by the Accept header."""
    record = readable(owner, name, "contents")
    if record.store.kind(sha) != "blob":
        raise not_found()
    data = record.store.blob(sha)
    if "raw" in request.headers.get("Accept", ""):
        return Response(data, content_type="application/vnd.github.raw+json; charset=utf-8")
    return reply(
        {
            "sha": sha,
            "node_id": f"blob:{sha}",
            "size": len(data),
            "url": f"{shapes_repo.api(world(), record)}/git/blobs/{sha}",
            "content": base64.encodebytes(data).decode(),
            "encoding": "base64",
        }
    )


@routes.post("/blobs")
def create_blob(owner: str, name: str) -> Response:
    """POST a blob as utf-8 text or base64."""
    record, _ = writable(owner, name, "contents")
    data = body()
    content = text_field(data, "Blob", "content") or ""
    encoding = data.get("encoding", "utf-8")
    if encoding == "base64":
        try:
            raw = base64.b64decode(content)
        except (binascii.Error, ValueError):
            raise ApiError(422, "content is not valid base64") from None
    elif encoding == "utf-8":
        raw = content.encode()
    else:
        raise ApiError(422, f"encoding {encoding!r} is not one of utf-8 and base64")
    sha = record.store.write_blob(raw)
    return reply({"sha": sha, "url": f"{shapes_repo.api(world(), record)}/git/blobs/{sha}"}, 201)
