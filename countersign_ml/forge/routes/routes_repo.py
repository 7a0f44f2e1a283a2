"""REST: the repository, its branches, files and history."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from flask import Blueprint, Response, request

from countersign_ml.forge.deeds import forks
from countersign_ml.forge.deeds.ref_moves import moved
from countersign_ml.forge.git import git_history
from countersign_ml.forge.git.bare_repository import Person
from countersign_ml.forge.request.answers import (
    ApiError,
    body,
    invalid,
    not_found,
    number_argument,
    page,
    reply,
    text_field,
    world,
)
from countersign_ml.forge.request.auth import identify, readable, signed_in, writable
from countersign_ml.forge.routes.routes_refs import may_move
from countersign_ml.forge.shapes import shapes_repo
from countersign_ml.forge.shapes.shapes_common import user
from countersign_ml.forge.shapes.shapes_threads import small_pull
from countersign_ml.forge.state.repository_record import Repository

routes = Blueprint("repo", __name__, url_prefix="/api/v3/repos/<owner>/<name>")
MOST_FILES = 300  # in one commit or comparison page; GitHub's own limit
MOST_COMPARED = 250
QUEUE_PARAMETERS = {  # what the forge's merge queue does, in the words of a ruleset
    "merge_method": "MERGE",
    "grouping_strategy": "ALLGREEN",
    "check_response_timeout_minutes": 60,
    "max_entries_to_build": 5,
    "max_entries_to_merge": 1,
    "min_entries_to_merge": 1,
    "min_entries_to_merge_wait_minutes": 0,
}


def commit_of(record: Repository, ref: str) -> str:
    """The commit that a branch, tag or SHA names; 404 or 422 as GitHub says."""
    found = record.store.resolve(ref)
    if found is None:
        if len(ref) == 40:
            raise ApiError(422, f"No commit found for SHA: {ref}")
        raise ApiError(404, f"No commit found for the ref {ref}")
    return found


@routes.get("")
def get_repository(owner: str, name: str) -> Response:
    """GET the repository."""
    record = readable(owner, name)
    actor = identify()
    shape = shapes_repo.repository(world(), record, actor.account if actor else None)
    if record.parent is not None:
        root = forks.network(world(), record)[0]
        shape["parent"] = shapes_repo.repository(world(), record.parent)
        shape["source"] = shapes_repo.repository(world(), root)
    if record.owner.kind == "Organization":
        shape["organization"] = user(world(), record.owner)
    return reply(shape)


@routes.get("/forks")
def list_forks(owner: str, name: str) -> Response:
    """GET the forks, newest first."""
    record = readable(owner, name)
    found = [r for r in world().repositories.values() if r.parent is record]
    return reply([shapes_repo.repository(world(), each) for each in page(found[::-1])])


@routes.post("/forks")
def create_fork(owner: str, name: str) -> Response:
    """POST a fork under the asker's account."""
    record = readable(owner, name)
    actor = signed_in()
    if actor.app is not None:
        raise ApiError(403, "Resource not accessible by integration")
    made = forks.fork(world(), record, actor.account)
    return reply(shapes_repo.repository(world(), made, actor.account), 202)


@routes.delete("")
def delete_repository(owner: str, name: str) -> Response:
    """DELETE the repository, which only its administrators may."""
    record, _ = writable(owner, name, "administration", role="admin")
    forks.delete(world(), record)
    return reply(None, 204)


@routes.get("/branches")
def list_branches(owner: str, name: str) -> Response:
    """GET every branch."""
    record = readable(owner, name, "contents")
    heads = sorted(record.store.refs("refs/heads/").items())
    return reply(
        [
            shapes_repo.branch(world(), record, ref.removeprefix("refs/heads/"), sha, full=False)
            for ref, sha in page(heads)
        ]
    )


@routes.get("/branches/<path:branch>/protection")
def get_protection(owner: str, name: str, branch: str) -> Response:
    """GET what protects a branch; 404 if nothing does."""
    record, _ = writable(owner, name, "administration", role="admin", level="read")
    url = f"{shapes_repo.api(world(), record)}/branches/{branch}/protection"
    required = record.required.get(branch, [])
    if record.store.ref(f"refs/heads/{branch}") is None:
        raise ApiError(404, "Branch not found")
    if not required and branch != record.default_branch:
        raise ApiError(404, "Branch not protected")
    return reply(
        {
            "url": url,
            "required_status_checks": {
                "url": f"{url}/required_status_checks",
                "strict": False,
                "contexts": [check.context for check in required],
                "contexts_url": f"{url}/required_status_checks/contexts",
                "checks": [{"context": c.context, "app_id": c.app_id} for c in required],
            },
            "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": False},
            "allow_force_pushes": {"enabled": False},
            "allow_deletions": {"enabled": False},
        }
    )


@routes.get("/branches/<path:branch>")
def get_branch(owner: str, name: str, branch: str) -> Response:
    """GET one branch."""
    record = readable(owner, name, "contents")
    sha = record.store.ref(f"refs/heads/{branch}")
    if sha is None:
        raise ApiError(404, "Branch not found")
    return reply(shapes_repo.branch(world(), record, branch, sha, full=True))


@routes.get("/rules/branches/<path:branch>")
def get_rules(owner: str, name: str, branch: str) -> Response:
    """GET the ruleset's rules that hold for a branch."""
    record = readable(owner, name)
    rules = []
    source = {
        "ruleset_source_type": "Repository",
        "ruleset_source": record.full_name,
        "ruleset_id": record.id,
    }
    if branch == record.default_branch:
        rules.append({"type": "non_fast_forward", **source})
    if branch in record.queues:
        rules.append({"type": "merge_queue", "parameters": dict(QUEUE_PARAMETERS), **source})
    if record.required.get(branch):
        checks = [
            {"context": c.context, **({"integration_id": c.app_id} if c.app_id else {})}
            for c in record.required[branch]
        ]
        rules.append(
            {
                "type": "required_status_checks",
                "parameters": {
                    "required_status_checks": checks,
                    "strict_required_status_checks_policy": False,
                },
                **source,
            }
        )
    return reply(page(rules))


@routes.get("/contents")
@routes.get("/contents/<path:path>")
def get_contents(owner: str, name: str, path: str = "") -> Response:
    """GET a file or a folder at `ref`; raw bytes by the Accept header."""
    record = readable(owner, name, "contents")
    ref = request.args.get("ref") or record.default_branch
    commit = commit_of(record, ref)
    path = path.strip("/")
    entry = record.store.entry(commit, path) if path else None
    if path and entry is None:
        raise not_found()
    if entry is None or entry.kind == "tree":
        below = record.store.tree(commit, path=f"{path}/" if path else "")
        return reply([shapes_repo.content(world(), record, each, ref) for each in below])
    data = record.store.blob(entry.sha)
    if "raw" in request.headers.get("Accept", ""):
        return Response(data, content_type="application/vnd.github.raw+json; charset=utf-8")
    return reply(shapes_repo.content(world(), record, entry, ref, data))


@routes.put("/contents/<path:path>")
def put_contents(owner: str, name: str, path: str) -> Response:
    """PUT a file: one commit on a branch; 409 when the given blob is no longer there."""
    record, actor = writable(owner, name, "contents")
    data = body()
    message = text_field(data, "Contents", "message") or ""
    branch = data.get("branch") or record.default_branch
    ref = f"refs/heads/{branch}"
    tip = record.store.ref(ref)
    if tip is None:
        raise ApiError(404, f"Branch {branch} not found")
    if not may_move(record, actor, ref):
        raise ApiError(409, f"Changes to {branch} must be made through a pull request.")
    try:
        raw = base64.b64decode(text_field(data, "Contents", "content") or "", validate=False)
    except (binascii.Error, ValueError):
        raise ApiError(422, "content is not valid Base64") from None
    there = record.store.entry(tip, path)
    if there is not None and data.get("sha") is None:
        raise ApiError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if (there.sha if there else None) != data.get("sha"):
        raise ApiError(409, f"{path} does not match {data.get('sha')}")
    mode = there.mode if there else "100644"
    tree = record.store.write_tree(tip, [(path, mode, record.store.write_blob(raw))])
    who = actor.account
    person = Person(who.name or who.login, who.email or who.noreply, int(world().clock()))
    made = record.store.write_commit(tree, [tip], message, person, person)
    if actor.app is not None:
        record.verified.add(made)
    record.store.move(ref, made, tip)
    moved(world(), record, ref, tip, made, who, app=actor.app, quiet=actor.token.quiet)
    entry = record.store.entry(made, path)
    assert entry is not None
    return reply(
        {
            "content": shapes_repo.content(world(), record, entry, branch),
            "commit": shapes_repo.git_commit(world(), record, record.store.commit(made)),
        },
        200 if there else 201,
    )


@routes.get("/commits")
def list_commits(owner: str, name: str) -> Response:
    """GET history from `sha` (default: the default branch), optionally of one `path`."""
    record = readable(owner, name, "contents")
    start = commit_of(record, request.args.get("sha") or record.default_branch)
    path = request.args.get("path")
    shas = git_history.log(record.store, start, path=path)
    found = git_history.commits(record.store, shas)
    for argument, sign in (("since", 1), ("until", -1)):
        if argument in request.args:
            try:
                bound = datetime.fromisoformat(request.args[argument]).timestamp()
            except ValueError:
                raise invalid("Commit", argument, "is not a time", "invalid") from None
            found = [c for c in found if sign * (c.committer.seconds - bound) >= 0]
    return reply([shapes_repo.commit(world(), record, each) for each in page(found)])


@routes.get("/commits/<path:ref>")
def get_commit(owner: str, name: str, ref: str) -> Response:
    """GET one commit with its files."""
    record = readable(owner, name, "contents")
    sha = commit_of(record, ref)
    if "sha" in request.headers.get("Accept", ""):
        return Response(sha, content_type="application/vnd.github.sha; charset=utf-8")
    found = record.store.commit(sha)
    files = git_history.changes(record.store, found.parents[0] if found.parents else None, sha)
    shape = shapes_repo.commit(world(), record, found)
    added, removed = (sum(getattr(f, n) for f in files) for n in ("additions", "deletions"))
    shape["stats"] = {"total": added + removed, "additions": added, "deletions": removed}
    shape["files"] = [shapes_repo.file_change(world(), record, f, sha) for f in page(files)]
    return reply(shape)


@routes.get("/commits/<sha>/pulls")
def pulls_with_commit(owner: str, name: str, sha: str) -> Response:
    """GET the pull requests that hold a commit or merged as it."""
    record = readable(owner, name, "pull_requests")
    sha = commit_of(record, sha)
    found = []
    for thread, pull in record.pulls():
        inside = git_history.contains(record.store, pull.head_sha, sha)
        before = git_history.contains(record.store, pull.base_sha, sha)
        if sha == pull.merge_commit or (inside and not before):
            found.append(small_pull(world(), record, thread, pull))
    return reply(page(found))


def _side(record: Repository, name: str) -> str:
    """The commit of `ref`, or of `owner:branch` in that owner's repository of the same network."""
    owner, _, ref = name.rpartition(":")
    if not owner or owner.lower() == record.owner.login.lower():
        return commit_of(record, ref)
    other = forks.of_owner(world(), record, owner)
    tip = other.store.ref(f"refs/heads/{ref}") if other is not None else None
    if other is None or tip is None:
        raise not_found()
    record.store.bring(other.store, tip)
    return tip


@routes.get("/compare/<path:basehead>")
def compare(owner: str, name: str, basehead: str) -> Response:
    """GET BASE...HEAD: commits on HEAD since the merge base, and the files they change."""
    record = readable(owner, name, "contents")
    left, dots, right = basehead.partition("...")
    if not dots:
        raise not_found()
    base, head = (_side(record, side) for side in (left, right))
    ancestor = git_history.merge_base(record.store, base, head)
    if ancestor is None:
        raise ApiError(404, f"No common ancestor between {left} and {right}.")
    ahead, behind = git_history.distance(record.store, base, head)
    word = ("diverged" if behind else "ahead") if ahead else ("behind" if behind else "identical")
    listed = git_history.commits(
        record.store, git_history.log(record.store, head, exclude=base, oldest_first=True)
    )
    asked = "per_page" in request.args
    shown = page(listed, size=None if asked else MOST_COMPARED)
    first = number_argument("page", 1, 1_000_000) == 1
    files = git_history.changes(record.store, ancestor, head)[:MOST_FILES] if first else []
    place = f"{shapes_repo.web(world(), record)}/compare/{basehead}"
    return reply(
        {
            "url": f"{shapes_repo.api(world(), record)}/compare/{basehead}",
            "html_url": place,
            "permalink_url": place,
            "diff_url": f"{place}.diff",
            "patch_url": f"{place}.patch",
            "base_commit": shapes_repo.commit(world(), record, record.store.commit(base)),
            "merge_base_commit": shapes_repo.commit(world(), record, record.store.commit(ancestor)),
            "status": word,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": [shapes_repo.commit(world(), record, each) for each in shown],
            "files": [shapes_repo.file_change(world(), record, f, head) for f in files],
        }
    )
