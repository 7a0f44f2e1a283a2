"""REST: the Git database - refs and annotated tags."""

from __future__ import annotations

from flask import Blueprint, Response

from countersign_ml.forge.deeds.ref_moves import moved
from countersign_ml.forge.git import git_history
from countersign_ml.forge.git.bare_repository import ZERO, GitError, Person, valid_ref
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
from countersign_ml.forge.request.auth import Actor, readable, writable
from countersign_ml.forge.routes.routes_git import person
from countersign_ml.forge.shapes import shapes_repo
from countersign_ml.forge.state.queue_refs import QUEUE_REFS, held_by_queue
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import ROLES

routes = Blueprint("refs", __name__, url_prefix="/api/v3/repos/<owner>/<name>/git")


def may_move(record: Repository, actor: Actor, ref: str) -> bool:
    """Whether the actor may set the ref: the default branch if administrator, a queue's never."""
    if ref in held_by_queue(record) or ref.startswith(QUEUE_REFS):
        return False
    if ref != f"refs/heads/{record.default_branch}":
        return True
    return actor.app is None and world().role(record, actor.account) == ROLES[-1]


@routes.get("/ref/<path:ref>")
def get_ref(owner: str, name: str, ref: str) -> Response:
    """GET one ref, exactly."""
    record = readable(owner, name, "contents")
    sha = record.store.ref(f"refs/{ref}") if valid_ref(f"refs/{ref}") else None
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
    kind = record.store.kind(sha)
    if kind is None or (ref.startswith("refs/heads/") and kind != "commit"):
        raise ApiError(422, "Object does not exist" if kind is None else "Object is not a commit")
    if record.store.ref(ref) is not None:
        raise ApiError(422, "Reference already exists")
    if not may_move(record, actor, ref):
        raise ApiError(422, f"Protected branch creation failed for {ref}.")
    try:
        record.store.move(ref, sha, ZERO)
    except GitError as failure:  # a/b next to a branch a
        raise ApiError(422, f"Reference cannot be created: {failure}") from None
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
    kept = full == f"refs/heads/{record.default_branch}" or full.startswith("refs/pull/")
    if kept or not may_move(record, actor, full):
        raise ApiError(422, "Cannot delete this branch")
    record.store.move(full, ZERO, old)
    moved(world(), record, full, old, ZERO, actor.account, app=actor.app, quiet=actor.token.quiet)
    return reply(None, 204)


@routes.post("/tags")
def create_tag(owner: str, name: str) -> Response:
    """POST an annotated tag object; a ref to it is another request."""
    record, actor = writable(owner, name, "contents")
    data = body()
    tag = text_field(data, "Tag", "tag") or ""
    message = text_field(data, "Tag", "message") or ""
    sha = text_field(data, "Tag", "object") or ""
    kind = text_field(data, "Tag", "type") or ""
    if not valid_ref(f"refs/tags/{tag}"):
        raise invalid("Tag", "tag", f"{tag!r} is not a valid tag name", "invalid")
    if record.store.kind(sha) is None or record.store.kind(sha) != kind:
        raise ApiError(422, f"{sha} is not a {kind} here")
    own = Person(
        actor.account.name or actor.account.login,
        actor.account.email or actor.account.noreply,
        int(world().clock()),
    )
    tagger = person(data.get("tagger"), own)
    made = record.store.write_tag(sha, kind, tag, message, tagger)
    return reply(shapes_repo.git_tag(world(), record, record.store.tag(made)), 201)


@routes.get("/tags/<sha>")
def get_tag(owner: str, name: str, sha: str) -> Response:
    """GET an annotated tag object."""
    record = readable(owner, name, "contents")
    if record.store.kind(sha) != "tag":
        raise not_found()
    return reply(shapes_repo.git_tag(world(), record, record.store.tag(sha)))
