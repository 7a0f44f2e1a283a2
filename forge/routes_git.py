"""REST: the Git database - refs, commits, trees, blobs."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from flask import Blueprint, Response, request

from forge import git_history, shapes_repo
from forge.auth import Actor, readable, writable
from forge.git import ZERO, GitError, Person, valid_ref
from forge.http import ApiError, body, invalid, not_found, page, reply, text_field, world
from forge.moves import moved
from forge.records import Json
from forge.state import ROLES, Repository

routes = Blueprint("git", __name__, url_prefix="/api/v3/repos/<owner>/<name>/git")
MODES = {"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": "commit"}
MOST_ENTRIES = 100_000  # a recursive tree lists no more


def may_move(record: Repository, actor: Actor, ref: str) -> bool:
    """The default branch takes direct changes from administrators alone."""
    if ref != f"refs/heads/{record.default_branch}":
        return True
    return actor.app is None and world().role(record, actor.account) == ROLES[-1]


@routes.get("/ref/<path:ref>")
def get_ref(owner: str, name: str, ref: str) -> Response:
    """GET one ref, exactly."""
    record = readable(owner, name, "contents")
    sha = record.store.ref(f"refs/{ref}")
    if sha is None:
        raise not_found()
    return reply(shapes_repo.ref(world(), record, f"refs/{ref}", sha))


@routes.get("/refs")
@routes.get("/matching-refs/<path:ref>")
def list_refs(owner: str, name: str, ref: str = "") -> Response:
    """GET every ref that starts with a prefix."""
    record = readable(owner, name, "contents")
    found = {n: s for n, s in record.store.refs().items() if n.startswith(f"refs/{ref}")}
    return reply([shapes_repo.ref(world(), record, n, s) for n, s in page(sorted(found.items()))])


@routes.post("/refs")
def create_ref(owner: str, name: str) -> Response:
    """POST a new ref."""
    record, actor = writable(owner, name, "contents")
    data = body()
    ref = text_field(data, "Reference", "ref") or ""
    sha = text_field(data, "Reference", "sha") or ""
    if not valid_ref(ref) or ref.startswith("refs/pull/"):
        raise ApiError(422, f"{ref!r} is not a valid ref name.")
    if record.store.kind(sha) is None:
        raise ApiError(422, "Object does not exist")
    if record.store.ref(ref) is not None:
        raise ApiError(422, "Reference already exists")
    record.store.move(ref, sha, ZERO)
    moved(world(), record, ref, ZERO, sha, actor.account, app=actor.app, quiet=actor.token.quiet)
    return reply(shapes_repo.ref(world(), record, ref, sha), 201)


@routes.patch("/refs/<path:ref>")
def update_ref(owner: str, name: str, ref: str) -> Response:
    """PATCH a ref to another commit; without `force` only fast-forward."""
    record, actor = writable(owner, name, "contents")
    data = body()
    full = f"refs/{ref}"
    sha = text_field(data, "Reference", "sha") or ""
    old = record.store.ref(full)
    if old is None:
        raise ApiError(422, "Reference does not exist")
    if record.store.kind(sha) is None:
        raise ApiError(422, "Object does not exist")
    if full.startswith("refs/pull/") or not may_move(record, actor, full):
        raise ApiError(422, f"Protected branch update failed for {full}.")
    if data.get("force") is not True and not git_history.contains(record.store, sha, old):
        raise ApiError(422, "Update is not a fast forward")
    if sha != old:
        record.store.move(full, sha, old)
        moved(
            world(), record, full, old, sha, actor.account, app=actor.app, quiet=actor.token.quiet
        )
    return reply(shapes_repo.ref(world(), record, full, sha))


@routes.delete("/refs/<path:ref>")
def delete_ref(owner: str, name: str, ref: str) -> Response:
    """DELETE a ref."""
    record, actor = writable(owner, name, "contents")
    full = f"refs/{ref}"
    old = record.store.ref(full)
    if old is None:
        raise ApiError(422, "Reference does not exist")
    if full == f"refs/heads/{record.default_branch}" or full.startswith("refs/pull/"):
        raise ApiError(422, "Cannot delete this branch")
    record.store.move(full, ZERO, old)
    moved(world(), record, full, old, ZERO, actor.account, app=actor.app, quiet=actor.token.quiet)
    return reply(None, 204)


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
    author = _person(data.get("author"), own)
    committer = _person(data.get("committer"), author)
    sha = record.store.write_commit(tree, parents, message, author, committer)
    if actor.app is not None and "author" not in data and "committer" not in data:
        record.verified.add(sha)
    return reply(shapes_repo.git_commit(world(), record, record.store.commit(sha)), 201)


def _person(data: Json | None, default: Person) -> Person:
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
    """GET a tree by its SHA or by a commit's name; `recursive` lists what lies below too."""
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
