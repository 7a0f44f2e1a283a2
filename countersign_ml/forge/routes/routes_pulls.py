"""REST: pull requests, their files, commits, reviews and merging."""

from __future__ import annotations

from flask import Blueprint, Response, request

from countersign_ml.forge.deeds import merging, pulls, reviewing
from countersign_ml.forge.git import git_history
from countersign_ml.forge.request.answers import (
    ApiError,
    body,
    not_found,
    page,
    reply,
    text_field,
    world,
)
from countersign_ml.forge.request.auth import (
    find_repository,
    may_take_part,
    may_write_thread,
    readable,
    writable,
)
from countersign_ml.forge.shapes import shapes_repo, shapes_threads
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue, Pull, Review

routes = Blueprint("pulls", __name__, url_prefix="/api/v3/repos/<owner>/<name>/pulls")
MOST_FILES = 3_000
MOST_COMMITS = 250


def thread_of(record: Repository, number: int) -> tuple[Issue, Pull]:
    """A pull request by number; 404 for an issue."""
    thread = record.issues.get(number)
    if thread is None or thread.pull is None:
        raise not_found()
    return thread, thread.pull


@routes.get("")
def list_pulls(owner: str, name: str) -> Response:
    """GET pull requests by state, head and base; newest first by default."""
    record = readable(owner, name, "pull_requests")
    state, base = request.args.get("state", "open"), request.args.get("base")
    source, _, head = request.args.get("head", "").rpartition(":")
    found = [
        (thread, pull)
        for thread, pull in record.pulls()
        if state in ("all", thread.state)
        and base in (None, pull.base)
        and head in ("", pull.head)
        and source.lower() in ("", world().source(record, pull.fork).owner.login.lower())
    ]
    if request.args.get("sort") == "updated":
        found.sort(key=lambda pair: pair[0].updated)
    default = "desc" if request.args.get("sort", "created") == "created" else "asc"
    if request.args.get("direction", default) == "desc":
        found.reverse()
    return reply([shapes_threads.small_pull(world(), record, t, p) for t, p in page(found)])


@routes.post("")
def create_pull(owner: str, name: str) -> Response:
    """POST a pull request from a branch that the user can write to, here or in a fork."""
    data = body()
    side = (text_field(data, "PullRequest", "head") or "").rpartition(":")[0].lower()
    if side in ("", owner.lower()):
        record, actor = writable(owner, name, "pull_requests")
    else:
        record, actor = may_take_part(owner, name, ("pull_requests",))
    thread = pulls.open_pull(
        world(),
        record,
        actor,
        title=text_field(data, "PullRequest", "title") or "",
        body=text_field(data, "PullRequest", "body", required=False),
        head=text_field(data, "PullRequest", "head") or "",
        base=text_field(data, "PullRequest", "base") or "",
        draft=data.get("draft") is True,
    )
    _, pull = thread_of(record, thread.number)
    return reply(shapes_threads.pull_request(world(), record, thread, pull), 201)


@routes.get("/<int:number>")
def get_pull(owner: str, name: str, number: int) -> Response:
    """GET one; as diff or patch by the Accept header."""
    record = readable(owner, name, "pull_requests")
    thread, pull = thread_of(record, number)
    if "diff" in request.headers.get("Accept", ""):
        base = git_history.merge_base(record.store, pull.base_sha, pull.head_sha)
        text = record.store.raw("diff", base or pull.base_sha, pull.head_sha)
        return Response(text, content_type="application/vnd.github.diff; charset=utf-8")
    return reply(shapes_threads.pull_request(world(), record, thread, pull))


@routes.patch("/<int:number>")
def update_pull(owner: str, name: str, number: int) -> Response:
    """PATCH title, body, base or state."""
    thread, pull = thread_of(find_repository(owner, name), number)
    record, actor = may_write_thread(owner, name, thread, "write", author=thread.author.id)
    pulls.edit(world(), record, thread, actor, body())
    return reply(shapes_threads.pull_request(world(), record, thread, pull))


@routes.get("/<int:number>/files")
def list_files(owner: str, name: str, number: int) -> Response:
    """GET the changed files, at most 3,000."""
    record = readable(owner, name, "pull_requests")
    _, pull = thread_of(record, number)
    base = git_history.merge_base(record.store, pull.base_sha, pull.head_sha)
    files = git_history.changes(record.store, base, pull.head_sha)[:MOST_FILES]
    return reply(
        [shapes_repo.file_change(world(), record, each, pull.head_sha) for each in page(files)]
    )


@routes.get("/<int:number>/commits")
def list_commits(owner: str, name: str, number: int) -> Response:
    """GET the commits, oldest first, at most 250."""
    record = readable(owner, name, "pull_requests")
    _, pull = thread_of(record, number)
    shas = git_history.log(record.store, pull.head_sha, exclude=pull.base_sha, oldest_first=True)
    found = git_history.commits(record.store, page(shas[:MOST_COMMITS]))
    return reply([shapes_repo.commit(world(), record, each) for each in found])


@routes.get("/<int:number>/merge")
def is_merged(owner: str, name: str, number: int) -> Response:
    """GET 204 when merged, else 404."""
    _, pull = thread_of(readable(owner, name, "pull_requests"), number)
    if pull.merged_at is None:
        raise not_found()
    return reply(None, 204)


@routes.put("/<int:number>/merge")
def merge_pull(owner: str, name: str, number: int) -> Response:
    """PUT the merge, guarded by `sha`."""
    record, actor = writable(owner, name, "contents")
    thread, _ = thread_of(record, number)
    data = body()
    made = merging.merge(
        world(),
        record,
        thread,
        actor,
        sha=text_field(data, "PullRequest", "sha", required=False),
        method=str(data.get("merge_method", "merge")),
        title=text_field(data, "PullRequest", "commit_title", required=False),
        message=text_field(data, "PullRequest", "commit_message", required=False),
    )
    return reply({"sha": made, "merged": True, "message": "Pull Request successfully merged"})


@routes.get("/<int:number>/comments")
def list_review_comments(owner: str, name: str, number: int) -> Response:
    """GET comments on lines of the diff: this forge has none."""
    thread_of(readable(owner, name, "pull_requests"), number)
    return reply([])


@routes.get("/<int:number>/reviews")
def list_reviews(owner: str, name: str, number: int) -> Response:
    """GET the reviews, oldest first."""
    record = readable(owner, name, "pull_requests")
    thread, pull = thread_of(record, number)
    return reply(
        [shapes_threads.review(world(), record, thread, each) for each in page(pull.reviews)]
    )


@routes.post("/<int:number>/reviews")
def create_review(owner: str, name: str, number: int) -> Response:
    """POST a review with its verdict at once; pending reviews are not served."""
    record, actor = may_take_part(owner, name, ("pull_requests",))
    thread, _ = thread_of(record, number)
    data = body()
    found = reviewing.submit_review(
        world(),
        record,
        thread,
        actor,
        verdict=str(data.get("event", "PENDING")),
        body=text_field(data, "PullRequestReview", "body", required=False) or "",
        commit=text_field(data, "PullRequestReview", "commit_id", required=False),
    )
    return reply(shapes_threads.review(world(), record, thread, found))


def _review(pull: Pull, review: int) -> Review:
    for found in pull.reviews:
        if found.id == review:
            return found
    raise not_found()


@routes.get("/<int:number>/reviews/<int:review>")
def get_review(owner: str, name: str, number: int, review: int) -> Response:
    """GET one review."""
    record = readable(owner, name, "pull_requests")
    thread, pull = thread_of(record, number)
    return reply(shapes_threads.review(world(), record, thread, _review(pull, review)))


@routes.put("/<int:number>/reviews/<int:review>/dismissals")
def dismiss_review(owner: str, name: str, number: int, review: int) -> Response:
    """PUT a dismissal with its reason."""
    record, actor = writable(owner, name, "pull_requests")
    thread, pull = thread_of(record, number)
    message = text_field(body(), "PullRequestReview", "message") or ""
    found = _review(pull, review)
    reviewing.dismiss_review(world(), record, thread, actor, found, message)
    return reply(shapes_threads.review(world(), record, thread, found))


@routes.get("/<int:number>/requested_reviewers")
def list_reviewers(owner: str, name: str, number: int) -> Response:
    """GET the requested reviewers."""
    record = readable(owner, name, "pull_requests")
    _, pull = thread_of(record, number)
    shape = shapes_threads.requested_reviewers(world(), record, pull)
    return reply({"users": shape["requested_reviewers"], "teams": shape["requested_teams"]})


@routes.route("/<int:number>/requested_reviewers", methods=["POST", "DELETE"])
def change_reviewers(owner: str, name: str, number: int) -> Response:
    """POST or DELETE review requests; all must be collaborators, none the author."""
    record, _ = writable(owner, name, "pull_requests")
    thread, pull = thread_of(record, number)
    data = body()
    for login in data.get("reviewers", []):
        account = world().account(str(login))
        if account is None or world().role(record, account) == "none":
            raise ApiError(
                422,
                "Reviews may only be requested from collaborators. "
                f"One or more of the users is not a collaborator: {login}.",
            )
        if account.id == thread.author.id:
            raise ApiError(422, "Review cannot be requested from pull request author.")
        _toggle(pull.reviewers, account.login, request.method == "POST")
    for slug in data.get("team_reviewers", []):
        if str(slug) not in record.teams:
            raise ApiError(422, f"Reviews may only be requested from teams with access: {slug}.")
        _toggle(pull.team_reviewers, str(slug), request.method == "POST")
    thread.updated = world().clock()
    shape = shapes_threads.small_pull(world(), record, thread, pull)
    return reply(shape, 201 if request.method == "POST" else 200)


def _toggle(names: list[str], name: str, wanted: bool) -> None:
    if wanted and name not in names:
        names.append(name)
    elif not wanted and name in names:
        names.remove(name)
