"""JSON in GitHub's shapes: issues, comments, pull requests and reviews."""

from __future__ import annotations

from urllib.parse import quote

from countersign_ml.forge.git import git_history
from countersign_ml.forge.shapes.shapes_common import app, association, node, user, when
from countersign_ml.forge.shapes.shapes_common import team as team_shape
from countersign_ml.forge.shapes.shapes_repo import api, repository, web
from countersign_ml.forge.state.account_records import Json, Team
from countersign_ml.forge.state.mergeability import mergeable_state
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Comment, Issue, Pull, Review, ThreadEvent
from countersign_ml.forge.state.world_state import World


def label(world: World, record: Repository, name: str) -> Json:
    """A `label`, created grey on first use as the issues API does."""
    if name not in record.labels:
        record.labels[name] = {"id": world.take_id(), "color": "ededed", "description": None}
    kept = record.labels[name]
    return {
        "id": kept["id"],
        "node_id": node("Label", kept["id"]),
        "url": f"{api(world, record)}/labels/{quote(name)}",
        "name": name,
        "color": kept["color"],
        "default": False,
        "description": kept["description"],
        "archived_at": None,
        "archived_by": None,
    }


def issue(world: World, record: Repository, found: Issue) -> Json:
    """An `issue`; a pull request carries the `pull_request` key."""
    url = f"{api(world, record)}/issues/{found.number}"
    place = "pull" if found.pull else "issues"
    shape: Json = {
        "id": found.id,
        "node_id": node("Issue", found.id),
        "url": url,
        "repository_url": api(world, record),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": f"{web(world, record)}/{place}/{found.number}",
        "number": found.number,
        "state": found.state,
        "state_reason": found.state_reason,
        "title": found.title,
        "body": found.body,
        "user": user(world, found.author),
        "labels": [label(world, record, name) for name in found.labels],
        "assignee": None,
        "assignees": [user(world, a) for n in found.assignees if (a := world.account(n))],
        "milestone": None,
        "locked": False,
        "active_lock_reason": None,
        "comments": len(found.comments),
        "closed_at": when(found.closed),
        "closed_by": user(world, found.closed_by) if found.closed_by else None,
        "created_at": when(found.created),
        "updated_at": when(found.updated),
        "author_association": association(world, record, found.author),
        "performed_via_github_app": app(world, found.app) if found.app else None,
        "reactions": _reactions(url),
    }
    if shape["assignees"]:
        shape["assignee"] = shape["assignees"][0]
    if found.pull:
        page = f"{web(world, record)}/pull/{found.number}"
        shape["draft"] = found.pull.draft
        shape["pull_request"] = {
            "url": f"{api(world, record)}/pulls/{found.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": when(found.pull.merged_at),
        }
    return shape


def _reactions(url: str) -> Json:
    names = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(names, 0)}


def comment(world: World, record: Repository, thread: Issue, found: Comment) -> Json:
    """An `issue-comment`."""
    url = f"{api(world, record)}/issues/comments/{found.id}"
    place = "pull" if thread.pull else "issues"
    return {
        "id": found.id,
        "node_id": node("IssueComment", found.id),
        "url": url,
        "html_url": f"{web(world, record)}/{place}/{thread.number}#issuecomment-{found.id}",
        "issue_url": f"{api(world, record)}/issues/{thread.number}",
        "body": found.body,
        "user": user(world, found.author),
        "created_at": when(found.created),
        "updated_at": when(found.updated),
        "author_association": association(world, record, found.author),
        "performed_via_github_app": app(world, found.app) if found.app else None,
        "reactions": _reactions(url),
    }


def small_pull(world: World, record: Repository, thread: Issue, pull: Pull) -> Json:
    """A `pull-request-simple`."""
    url = f"{api(world, record)}/pulls/{thread.number}"
    page = f"{web(world, record)}/pull/{thread.number}"
    issue_url = f"{api(world, record)}/issues/{thread.number}"
    statuses = f"{api(world, record)}/statuses/{pull.head_sha}"
    return {
        "url": url,
        "id": pull.id,
        "node_id": node("PullRequest", pull.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue_url,
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{api(world, record)}/pulls/comments{{/number}}",
        "comments_url": f"{issue_url}/comments",
        "statuses_url": statuses,
        "number": thread.number,
        "state": thread.state,
        "locked": False,
        "active_lock_reason": None,
        "title": thread.title,
        "user": user(world, thread.author),
        "body": thread.body,
        "labels": [label(world, record, name) for name in thread.labels],
        "milestone": None,
        "created_at": when(thread.created),
        "updated_at": when(thread.updated),
        "closed_at": when(thread.closed),
        "merged_at": when(pull.merged_at),
        "merge_commit_sha": pull.merge_commit or pull.test_merge,
        "assignee": None,
        "assignees": [user(world, a) for n in thread.assignees if (a := world.account(n))],
        **requested_reviewers(world, record, pull),
        "head": _side(world, world.source(record, pull.fork), pull.head, pull.head_sha),
        "base": _side(world, record, pull.base, pull.base_sha),
        "_links": _links(
            self=url,
            html=page,
            issue=issue_url,
            comments=f"{issue_url}/comments",
            review_comments=f"{url}/comments",
            review_comment=f"{api(world, record)}/pulls/comments{{/number}}",
            commits=f"{url}/commits",
            statuses=statuses,
        ),
        "author_association": association(world, record, thread.author),
        "auto_merge": None,
        "draft": pull.draft,
    }


def _side(world: World, where: Repository, name: str, sha: str) -> Json:
    """The head or base of a pull request; a deleted repository is null."""
    return {
        "label": f"{where.owner.login}:{name}",
        "ref": name,
        "sha": sha,
        "user": user(world, where.owner),
        "repo": None if where.deleted else repository(world, where),
    }


def _links(**addresses: str) -> Json:
    return {name: {"href": address} for name, address in addresses.items()}


def pull_request(world: World, record: Repository, thread: Issue, pull: Pull) -> Json:
    """A `pull-request` with its counts and whether it can be merged."""
    base = git_history.merge_base(record.store, pull.base_sha, pull.head_sha)
    files = git_history.changes(record.store, base, pull.head_sha, patches=False)
    ahead, _ = git_history.distance(record.store, pull.base_sha, pull.head_sha)
    unknown = pull.unknown_reads > 0
    if unknown:
        pull.unknown_reads -= 1
    return small_pull(world, record, thread, pull) | {
        **({"merge_commit_sha": None} if unknown and not pull.merged_at else {}),
        "merged": pull.merged_at is not None,
        "mergeable": None if unknown or pull.merged_at else pull.mergeable,
        "rebaseable": None if unknown or pull.merged_at else pull.mergeable,
        "mergeable_state": "unknown"
        if unknown or pull.merged_at
        else mergeable_state(record, pull),
        "merged_by": user(world, pull.merged_by) if pull.merged_by else None,
        "comments": len(thread.comments),
        "review_comments": 0,
        "maintainer_can_modify": pull.maintainer_can_modify,
        "commits": ahead,
        "additions": sum(change.additions for change in files),
        "deletions": sum(change.deletions for change in files),
        "changed_files": len(files),
    }


def requested_reviewers(world: World, record: Repository, pull: Pull) -> Json:
    """The `requested_reviewers` and `requested_teams` pair."""
    teams: list[Team] = []
    for slug in pull.team_reviewers:
        found = world.teams.get((record.owner.login.lower(), slug))
        if found is not None:
            teams.append(found)
    return {
        "requested_reviewers": [user(world, a) for n in pull.reviewers if (a := world.account(n))],
        "requested_teams": [team_shape(world, found) for found in teams],
    }


def review(
    world: World, record: Repository, thread: Issue, found: Review, *, hook: bool = False
) -> Json:
    """A `pull-request-review`; in webhooks the state is in lower case."""
    page = f"{web(world, record)}/pull/{thread.number}#pullrequestreview-{found.id}"
    url = f"{api(world, record)}/pulls/{thread.number}"
    shape: Json = {
        "id": found.id,
        "node_id": node("PullRequestReview", found.id),
        "user": user(world, found.author),
        "body": (found.body or None) if hook else found.body,
        "state": found.state.lower() if hook else found.state,
        "html_url": page,
        "pull_request_url": url,
        "author_association": association(world, record, found.author),
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "commit_id": found.commit,
    }
    if found.submitted is not None:
        shape["submitted_at"] = when(found.submitted)
    return shape


def issue_event(world: World, record: Repository, found: ThreadEvent) -> Json:
    """An `issue-event-for-issue`."""
    url = api(world, record)
    return {
        "id": found.id,
        "node_id": node("IssueEvent", found.id),
        "url": f"{url}/issues/events/{found.id}",
        "actor": user(world, found.actor),
        "event": found.name,
        "commit_id": found.commit,
        "commit_url": f"{url}/commits/{found.commit}" if found.commit else None,
        "created_at": when(found.at),
        "performed_via_github_app": app(world, found.app) if found.app else None,
        **found.details,
    }
