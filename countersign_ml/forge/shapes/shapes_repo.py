"""JSON in GitHub's shapes: repositories, refs, trees, files, commits and comparisons."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from countersign_ml.forge.git import git_history
from countersign_ml.forge.git.bare_repository import CommitObject, Person, TagObject, TreeEntry
from countersign_ml.forge.shapes.shapes_common import node, user, when
from countersign_ml.forge.state.account_records import Account, Json
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import ROLES, World

PLACES = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def api(world: World, repository: Repository) -> str:
    """The repository's own API address."""
    return f"{world.api_url}/repos/{repository.full_name}"


def web(world: World, repository: Repository) -> str:
    """The repository's page."""
    return f"{world.web_url}/{repository.full_name}"


def small_repository(world: World, repository: Repository) -> Json:
    """A `minimal-repository`."""
    url, page = api(world, repository), web(world, repository)
    return {
        "id": repository.id,
        "node_id": node("Repository", repository.id),
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": user(world, repository.owner),
        "html_url": page,
        "description": repository.description,
        "fork": repository.parent is not None,
        "url": url,
        **{key: url + place for key, place in PLACES.items()},
    }


def repository(world: World, record: Repository, viewer: Account | None = None) -> Json:
    """A `full-repository`; with a viewer also what the viewer may do."""
    page = web(world, record)
    count = sum(each.parent is record for each in world.repositories.values())
    open_count = sum(issue.state == "open" for issue in record.issues.values())
    shape = small_repository(world, record) | {
        "created_at": when(record.created),
        "updated_at": when(record.pushed),
        "pushed_at": when(record.pushed),
        "git_url": f"git:{page.split(':', 1)[1]}.git",
        "ssh_url": f"git@127.0.0.1:{record.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "size": 1,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": None,
        "has_issues": True,
        "has_projects": False,
        "has_downloads": False,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        "forks_count": count,
        "archived": False,
        "disabled": False,
        "open_issues_count": open_count,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "private" if record.private else "public",
        "forks": count,
        "open_issues": open_count,
        "watchers": 0,
        "default_branch": record.default_branch,
        "network_count": 0,
        "subscribers_count": 0,
        "allow_merge_commit": True,
        "allow_squash_merge": True,
        "allow_rebase_merge": False,
        "allow_auto_merge": False,
        "delete_branch_on_merge": False,
    }
    if viewer is not None:
        shape["permissions"] = permissions(world.role(record, viewer))
    return shape


def permissions(role: str) -> dict[str, bool]:
    """A role as the five flags of the API."""
    rank = ROLES.index(role)
    return {
        "admin": rank >= 5,
        "maintain": rank >= 4,
        "push": rank >= 3,
        "triage": rank >= 2,
        "pull": rank >= 1,
    }


def ref(world: World, record: Repository, name: str, sha: str) -> Json:
    """A `git-ref`."""
    kind = record.store.kind(sha) or "commit"
    return {
        "ref": name,
        "node_id": node("Ref", f"{record.id}:{name}"),
        "url": f"{api(world, record)}/git/{quote(name)}",
        "object": {"sha": sha, "type": kind, "url": f"{api(world, record)}/git/{kind}s/{sha}"},
    }


def _person(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "date": when(person.seconds)}


def verification(record: Repository, sha: str) -> Json:
    """Whether GitHub vouches for the commit: only those that it made itself for an App or merge."""
    good = sha in record.verified
    return {
        "verified": good,
        "reason": "valid" if good else "unsigned",
        "signature": "-----BEGIN PGP SIGNATURE-----\n(forge)\n-----END PGP SIGNATURE-----"
        if good
        else None,
        "payload": f"commit {sha}" if good else None,
        "verified_at": when(record.pushed) if good else None,
    }


def git_commit(world: World, record: Repository, commit: CommitObject) -> Json:
    """A `git-commit`: the object as the Git database API gives it."""
    url, page = api(world, record), web(world, record)
    return {
        "sha": commit.sha,
        "node_id": node("Commit", commit.sha),
        "url": f"{url}/git/commits/{commit.sha}",
        "html_url": f"{page}/commit/{commit.sha}",
        "author": _person(commit.author),
        "committer": _person(commit.committer),
        "message": commit.message.rstrip("\n"),
        "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
        "parents": [
            {"sha": p, "url": f"{url}/git/commits/{p}", "html_url": f"{page}/commit/{p}"}
            for p in commit.parents
        ],
        "verification": verification(record, commit.sha),
    }


def git_tag(world: World, record: Repository, found: TagObject) -> Json:
    """A `git-tag`: the annotated tag object."""
    url = api(world, record)
    return {
        "sha": found.sha,
        "node_id": node("Tag", found.sha),
        "url": f"{url}/git/tags/{found.sha}",
        "tag": found.name,
        "message": found.message.rstrip("\n"),
        "tagger": _person(found.tagger),
        "object": {
            "sha": found.target,
            "type": found.kind,
            "url": f"{url}/git/{found.kind}s/{found.target}",
        },
        "verification": verification(record, found.sha),
    }


def commit(world: World, record: Repository, found: CommitObject) -> Json:
    """A `commit`: with the accounts that its addresses belong to."""
    url = api(world, record)
    author = world.account_by_email(found.author.email)
    committer = world.account_by_email(found.committer.email)
    inner = git_commit(world, record, found)
    return {
        "sha": found.sha,
        "node_id": inner["node_id"],
        "commit": {
            "author": inner["author"],
            "committer": inner["committer"],
            "message": inner["message"],
            "tree": inner["tree"],
            "url": inner["url"],
            "comment_count": 0,
            "verification": inner["verification"],
        },
        "url": f"{url}/commits/{found.sha}",
        "html_url": inner["html_url"],
        "comments_url": f"{url}/commits/{found.sha}/comments",
        "author": user(world, author) if author else None,
        "committer": user(world, committer) if committer else None,
        "parents": [p | {"url": f"{url}/commits/{p['sha']}"} for p in inner["parents"]],
    }


def tree_entry(world: World, record: Repository, entry: TreeEntry) -> Json:
    """One entry of a `git-tree`."""
    shape: Json = {
        "path": entry.path,
        "mode": entry.mode,
        "type": entry.kind,
        "sha": entry.sha,
    }
    if entry.size is not None:
        shape["size"] = entry.size
    if entry.kind != "commit":
        shape["url"] = f"{api(world, record)}/git/{entry.kind}s/{entry.sha}"
    return shape


def content(
    world: World, record: Repository, entry: TreeEntry, ref: str, data: bytes | None = None
) -> Json:
    """A file or folder of the contents API; with `data` the file's own bytes too."""
    url, page, path = api(world, record), web(world, record), quote(entry.path)
    kind = {"blob": "file", "tree": "dir", "commit": "submodule"}[entry.kind]
    own = f"{url}/contents/{path}?ref={quote(ref)}"
    git = f"{url}/git/{entry.kind}s/{entry.sha}"
    html = f"{page}/{entry.kind}/{quote(ref)}/{path}"
    shape: dict[str, Any] = {
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": own,
        "html_url": html,
        "git_url": git,
        "download_url": f"{page}/raw/{quote(ref)}/{path}" if kind == "file" else None,
        "type": kind,
        "_links": {"self": own, "git": git, "html": html},
    }
    if data is not None:
        shape["encoding"] = "base64"
        shape["content"] = base64.encodebytes(data).decode()
    return shape


def file_change(world: World, record: Repository, change: git_history.FileChange, sha: str) -> Json:
    """A `diff-entry`."""
    path = quote(change.path)
    shape: Json = {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{web(world, record)}/blob/{sha}/{path}",
        "raw_url": f"{web(world, record)}/raw/{sha}/{path}",
        "contents_url": f"{api(world, record)}/contents/{path}?ref={sha}",
    }
    if change.patch is not None:
        shape["patch"] = change.patch
    if change.previous is not None:
        shape["previous_filename"] = change.previous
    return shape


def branch(world: World, record: Repository, name: str, sha: str, *, full: bool) -> Json:
    """A `short-branch`, or `branch-with-protection`."""
    url = f"{api(world, record)}/branches/{quote(name)}"
    protected = name == record.default_branch or bool(record.required.get(name))
    required = record.required.get(name, [])
    protection: Json = {
        "enabled": protected,
        "required_status_checks": {
            "enforcement_level": "non_admins" if required else "off",
            "contexts": [check.context for check in required],
            "checks": [{"context": c.context, "app_id": c.app_id} for c in required],
        },
    }
    shape: Json = {
        "name": name,
        "commit": {"sha": sha, "url": f"{api(world, record)}/commits/{sha}"},
        "protected": protected,
        "protection": protection,
        "protection_url": f"{url}/protection",
    }
    if full:
        shape["commit"] = commit(world, record, record.store.commit(sha))
        shape["_links"] = {"self": url, "html": f"{web(world, record)}/tree/{quote(name)}"}
    return shape
