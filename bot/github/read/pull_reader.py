"""What GitHub says of one pull request: itself, its changes, reviews, comments, checks, events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.facts import markers
from bot.facts.snapshot import (
    MAX_COMMITS,
    MAX_FILES,
    ChangedFile,
    Comment,
    Commit,
    IssueEvent,
    PostedCheck,
    PullFacts,
)
from bot.github.api import Api, ApiError, path
from bot.github.read import people_reader as read_people
from bot.github.read.tree_reader import Files
from policy.people.sign_off import Review

REVIEW_STATES = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED"})
EVENTS = frozenset(
    {
        "base_ref_changed",
        "automatic_base_change_succeeded",
        "labeled",
        "unlabeled",
        "review_dismissed",
    }
)
COMPARED_FILES = 300
"""A comparison lists at most this many files; beyond it only the pull request's own list does."""
PAGE = 100
Blobs = Mapping[str, str | None]
"""Changed paths, each with its new content's id; None if it is removed."""


@dataclass(frozen=True)
class Changes:
    """What a pull request changes, who made its commits, and where it left the base branch."""

    base: str
    fork: str
    files: tuple[ChangedFile, ...]
    blobs: Blobs
    files_truncated: bool
    commits: tuple[Commit, ...]
    commits_truncated: bool
    merged: Blobs | None = None
    """What the merge would change on the base branch; None if GitHub does not say."""


class PullReader:
    """Reads pull requests of one repository."""

    def __init__(self, api: Api, repository: str, files: Files, bot: str, app_id: int) -> None:
        self._api = api
        self._files = files
        self._bot = bot
        self._app_id = app_id
        self._base = path("repos", *repository.split("/"))

    def item(self, number: int) -> dict[str, Any] | None:
        """Return the pull request as the API describes it, or None if there is none."""
        found: dict[str, Any] | None = self._api.find(f"{self._base}/pulls/{number}")
        return found

    def changes(
        self, item: dict[str, Any], branch: str, branch_head: Callable[[str], str]
    ) -> Changes:
        """Return what a pull request changes against `branch`, a branch or a commit.

        One comparison tells all of it for most; what it cuts off, and what it cannot tell of
        unrelated histories, is read from the lists.
        """
        number, head = int(item["number"]), str(item["head"]["sha"])
        url = f"{self._base}/compare/{path(branch)[1:]}...{head}"
        answer = self._api.find(url, {"per_page": PAGE, "page": 1})
        expected = int(item.get("changed_files") or 0)
        if answer is None:
            base = branch_head(branch)
            fork = base
            listed: list[dict[str, Any]] = []
            commits: list[dict[str, Any]] = []
        else:
            base = str(answer["base_commit"]["sha"])
            fork = str(answer["merge_base_commit"]["sha"])
            listed, commits = answer.get("files") or [], answer["commits"]
        if answer is None or len(listed) >= COMPARED_FILES or len(listed) != expected:
            listed = list(self._api.pages(f"{self._base}/pulls/{number}/files"))
        if answer is None or len(commits) != int(answer["total_commits"]):
            commits = list(self._api.pages(f"{self._base}/pulls/{number}/commits", most=3))
        total = int(answer["total_commits"] if answer is not None else item["commits"])
        files = tuple(
            ChangedFile(str(file["filename"]), file.get("previous_filename")) for file in listed
        )
        return Changes(
            base=base,
            fork=fork,
            files=files[:MAX_FILES],
            blobs=_blobs(listed),
            files_truncated=len(files) >= MAX_FILES or expected > len(files),
            commits=tuple(read_people.commit_facts(commit, self._bot) for commit in commits),
            commits_truncated=len(commits) >= MAX_COMMITS or total > len(commits),
        )

    def merged(self, item: dict[str, Any], base: str) -> Blobs | None:
        """Return what the merge of a pull request changes on the base branch.

        The changes of a head are those since one merge base. With several merge bases, a merge can
        change more. So this reads GitHub's test merge, whose parents must be `base`, the tip of the
        base branch, and the head. None if GitHub has none: it conflicts, or is not computed yet.
        Of a merged pull request it reads the merge, and `base` is what that was made onto.
        """
        head, test = str(item["head"]["sha"]), item.get("merge_commit_sha")
        if not test:
            return None
        url = f"{self._base}/compare/{base}...{test}"
        answer = self._api.fixed(url, {"per_page": PAGE, "page": 1})
        if answer is None:
            return None
        commit = next((each for each in answer["commits"] if each["sha"] == test), None)
        commit = commit or self._api.fixed(f"{self._base}/git/commits/{test}") or {"parents": ()}
        parents = [parent["sha"] for parent in commit["parents"]]
        if not item.get("merged") and parents != [base, head]:
            return None
        listed = answer.get("files") or []
        if len(listed) < COMPARED_FILES:
            return _blobs(listed)
        before, after = (self._files.tree(each).blobs for each in (base, test))
        return {
            name: after.get(name)
            for name in before.keys() | after.keys()
            if before.get(name) != after.get(name)
        }

    def parents(self, commit: str) -> tuple[str, ...]:
        """Return the parents of a commit; none if it is gone."""
        described = self._api.fixed(f"{self._base}/git/commits/{commit}")
        return tuple(str(one["sha"]) for one in described["parents"]) if described else ()

    def remains(self, pull: PullFacts) -> bool:
        """Return whether a merged head is in the history of the base branch."""
        merge = pull.merge_sha or ""
        return pull.head_sha in (merge, *self.parents(merge))

    def onto(self, item: dict[str, Any]) -> str:
        """Return the commit of the base branch that a pull request was merged onto."""
        merge, head = str(item["merge_commit_sha"]), str(item["head"]["sha"])
        if merge == head:  # pushed to the base branch as it was
            return str(item["base"]["sha"])
        commits = int(item["commits"])
        for _ in range(max(1, commits)):  # a rebase leaves one commit for each
            parents = self.parents(merge)
            if not parents:
                raise ApiError("GET", f"git/commits/{merge}", 404, "no such commit, or a first one")
            if len(parents) > 1 or commits == 1 or not self._is_of(item, parents[0]):
                return parents[0]
            merge = parents[0]
        return merge

    def _is_of(self, item: dict[str, Any], commit: str) -> bool:
        """Return whether a commit of the base branch came with this pull request."""
        return any(one["number"] == item["number"] for one in self.of_commit(commit))

    def fork(self, base: str, commit: str) -> str:
        """Return where a commit left the history of another; empty if it is gone."""
        answer = self._api.fixed(f"{self._base}/compare/{base}...{commit}", {"per_page": 1})
        return str(answer["merge_base_commit"]["sha"]) if answer else ""

    def mark(self, merge: str) -> str:
        """Return how this App judged a merge commit: a conclusion, or empty."""
        marks = self.checks(merge, markers.MERGED_NAME)
        return str(marks[-1].conclusion or "") if marks else ""

    def of_commit(self, commit: str) -> tuple[dict[str, Any], ...]:
        """Return the pull requests that have a commit, or were merged as it."""
        return tuple(self._api.pages(f"{self._base}/commits/{commit}/pulls", most=3))

    def shared(self, item: dict[str, Any], branch: str) -> bool:
        """Return whether another open pull request to `branch` has the same head."""
        head = item["head"]["sha"]
        return any(
            other["state"] == "open"
            and other["number"] != item["number"]
            and (other["head"]["sha"], other["base"]["ref"]) == (head, branch)
            for other in self.of_commit(head)
        )

    def checks(self, head: str, name: str = markers.CHECK_NAME) -> tuple[PostedCheck, ...]:
        """Return the bot's checks of a commit, oldest first."""
        asked = {"check_name": name, "app_id": self._app_id, "filter": "all"}
        items = self._api.pages(
            f"{self._base}/commits/{head}/check-runs", asked, inside="check_runs", most=3
        )
        ours = [item for item in items if item["app"] and int(item["app"]["id"]) == self._app_id]
        return tuple(
            PostedCheck(
                id=int(item["id"]),
                status=str(item["status"]),
                conclusion=item.get("conclusion"),
                fingerprint=str(item.get("external_id") or ""),
                annotations=int((item.get("output") or {}).get("annotations_count") or 0),
            )
            for item in sorted(ours, key=lambda item: int(item["id"]))
        )

    def comments(self, number: int) -> tuple[Comment, ...]:
        """Return the conversation's comments, oldest first."""
        items = self._api.pages(f"{self._base}/issues/{number}/comments")
        return tuple(
            Comment(
                id=int(item["id"]),
                author=str(item["user"]["login"]) if item.get("user") else "ghost",
                by_bot=bool(item.get("user")) and item["user"]["login"] == self._bot,
                body=str(item.get("body") or ""),
                created=str(item["created_at"]),
                updated=str(item.get("updated_at") or item["created_at"]),
            )
            for item in items
        )

    def reviews(self, number: int) -> tuple[Review, ...]:
        """Return the submitted reviews, oldest first."""
        items = self._api.pages(f"{self._base}/pulls/{number}/reviews")
        return tuple(
            Review(
                user=str(item["user"]["login"]),
                state=item["state"],
                commit=str(item["commit_id"]),
                order=order,
                id=int(item["id"]),
                submitted=str(item.get("submitted_at") or ""),
                account=int(item["user"].get("id") or 0),
            )
            for order, item in enumerate(items)
            if item.get("user") and item["state"] in REVIEW_STATES
        )

    def events(self, number: int) -> tuple[IssueEvent, ...]:
        """Return what GitHub's log says of labels, dismissals and the base, oldest first."""
        items = self._api.pages(f"{self._base}/issues/{number}/events")
        return tuple(
            IssueEvent(
                kind=str(item["event"]),
                actor=str(item["actor"]["login"]) if item.get("actor") else "ghost",
                created=str(item["created_at"]),
                label=str((item.get("label") or {}).get("name") or ""),
                review=int((item.get("dismissed_review") or {}).get("review_id") or 0),
                was=str((item.get("dismissed_review") or {}).get("state") or ""),
            )
            for item in items
            if item["event"] in EVENTS
        )


def _blobs(listed: list[dict[str, Any]]) -> Blobs:
    """Return the new content of every path in GitHub's list of changed files."""
    found: dict[str, str | None] = {}
    for file in listed:
        if file.get("status") == "renamed":
            found[str(file["previous_filename"])] = None
        removed = file.get("status") == "removed"
        found[str(file["filename"])] = None if removed else str(file["sha"])
    return found


def pull_facts(item: dict[str, Any], *, can_write: bool) -> PullFacts:
    """Return the pull request's own facts."""
    head, base = item["head"], item["base"]
    merged = bool(item.get("merged"))
    return PullFacts(
        number=int(item["number"]),
        title=str(item["title"]),
        author=str(item["user"]["login"]) if item.get("user") else "ghost",
        author_can_write=can_write,
        head_sha=str(head["sha"]),
        head_ref=str(head["ref"]),
        head_repository=str(head["repo"]["full_name"]) if head.get("repo") else None,
        base_ref=str(base["ref"]),
        base_sha=str(base["sha"]),
        state="open" if item["state"] == "open" else "closed",
        draft=bool(item.get("draft")),
        merged=merged,
        merge_sha=item.get("merge_commit_sha"),
        merged_at=str(item.get("merged_at") or ""),
        merged_by=str(item["merged_by"]["login"]) if item.get("merged_by") else "",
        mergeable=item.get("mergeable"),
        squash_only=base["repo"].get("allow_merge_commit") is False,
        body=str(item.get("body") or ""),
    )
