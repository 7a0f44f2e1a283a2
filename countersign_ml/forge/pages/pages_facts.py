"""What a page shows of a thread or a run, collected for the templates."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from countersign_ml.forge.git import git_history
from countersign_ml.forge.git.bare_repository import CommitObject
from countersign_ml.forge.pages.pages_markdown import render
from countersign_ml.forge.state.account_records import Account
from countersign_ml.forge.state.mergeability import latest_checks, mergeable_state, unmet_checks
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue, Pull, Review
from countersign_ml.forge.state.world_state import World

MOST_LINES = 60  # of one file's diff
MOST_FILES = 40


@dataclass(frozen=True)
class Entry:
    """One item of the timeline; `kind` chooses how the template draws it."""

    at: float
    kind: str
    who: Account | None
    text: str = ""
    html: str = ""
    sha: str = ""
    state: str = ""
    edited: bool = False


@dataclass
class ThreadFacts:
    """A pull request or issue, ready to be drawn."""

    record: Repository
    thread: Issue
    state: str
    body: str
    entries: list[Entry]
    pull: Pull | None = None
    commits: list[CommitObject] = field(default_factory=list)
    files: list[git_history.FileChange] = field(default_factory=list)
    more_files: int = 0
    checks: list[dict[str, Any]] = field(default_factory=list)
    merge: tuple[str, str, str] = ("", "", "")
    verdicts: dict[str, str] = field(default_factory=dict)
    added: int = 0
    removed: int = 0


def thread_facts(world: World, record: Repository, thread: Issue) -> ThreadFacts:
    """Everything on the page of one issue or pull request."""
    entries = [
        Entry(c.created, "comment", c.author, html=render(c.body), edited=c.updated > c.created)
        for c in thread.comments.values()
    ]
    entries += [Entry(n.at, "note", world.account(n.actor), n.text) for n in thread.notes]
    pull = thread.pull
    state = thread.state if pull is None or pull.merged_at is None else "merged"
    facts = ThreadFacts(record, thread, state, render(thread.body), entries, pull)
    if pull is not None:
        _pull_facts(world, facts, pull)
    order = ("commit", "review", "comment", "note")  # of one second: a merge comes last
    facts.entries.sort(key=lambda e: (int(e.at), order.index(e.kind)))
    return facts


def _pull_facts(world: World, facts: ThreadFacts, pull: Pull) -> None:
    store = facts.record.store
    shas = git_history.log(store, pull.head_sha, exclude=pull.base_sha, oldest_first=True)
    facts.commits = git_history.commits(store, shas)
    for commit in facts.commits:
        who = world.account_by_email(commit.author.email)
        subject = commit.message.split("\n", 1)[0]
        facts.entries.append(
            Entry(
                commit.committer.seconds,
                "commit",
                who,
                subject,
                sha=commit.sha,
                state="Verified" if commit.sha in facts.record.verified else "",
            )
        )
    for review in pull.reviews:
        facts.entries.append(
            Entry(
                review.submitted or 0,
                "review",
                review.author,
                html=render(review.body),
                sha=review.commit,
                state=review.state,
            )
        )
    base = git_history.merge_base(store, pull.base_sha, pull.head_sha)
    files = git_history.changes(store, base, pull.head_sha)
    facts.added = sum(file.additions for file in files)
    facts.removed = sum(file.deletions for file in files)
    facts.files, facts.more_files = files[:MOST_FILES], max(0, len(files) - MOST_FILES)
    facts.checks = checks_of(facts.record, pull)
    facts.merge = merge_box(facts.record, facts.thread, pull)
    facts.verdicts = dict.fromkeys(pull.reviewers, "pending") | standing(pull.reviews)


def standing(reviews: list[Review]) -> dict[str, str]:
    """Where each reviewer stands: the latest review that is more than a comment."""
    found: dict[str, str] = {}
    for review in reviews:
        if review.state != "COMMENTED" or review.author.login not in found:
            found[review.author.login] = review.state.lower()
    return found


def checks_of(record: Repository, pull: Pull) -> list[dict[str, Any]]:
    """The check runs of the head, with those still expected."""
    required = {check.context for check in record.required.get(pull.base, [])}
    found = [
        {
            "name": run.name,
            "app": run.app.name,
            "title": run.title or "",
            "state": run.conclusion or run.status,
            "required": run.name in required,
            "summary": render(run.summary),
            "text": render(run.text),
        }
        for run in latest_checks(record, pull.head_sha)
    ]
    for check, state in unmet_checks(record, pull.base, pull.head_sha):
        if state == "expected":
            found.append(
                {
                    "name": check.context,
                    "app": "",
                    "state": "expected",
                    "required": True,
                    "title": "Expected - waiting for status to be reported",
                    "summary": "",
                    "text": "",
                }
            )
    return found


def merge_box(record: Repository, thread: Issue, pull: Pull) -> tuple[str, str, str]:
    """Kind, headline and sentence of the merge box."""
    if pull.merged_at is not None:
        return "merged", "Pull request successfully merged and closed", ""
    if thread.state == "closed":
        return "closed", "Closed with unmerged commits", ""
    state = mergeable_state(record, pull)
    return {
        "dirty": (
            "bad",
            "This branch has conflicts that must be resolved",
            "Resolve them on the branch, then push again.",
        ),
        "draft": ("wait", "This pull request is still a work in progress", ""),
        "blocked": ("bad", "Merging is blocked", "A required check has not passed."),
        "unstable": ("wait", "Some checks have not passed", "None of them is required."),
        "clean": (
            "good",
            "This branch has no conflicts with the base branch",
            "Merging can be performed automatically.",
        ),
    }[state]


def diff_lines(patch: str | None) -> list[tuple[str, str]]:
    """A patch as (kind, line) pairs, cut to a readable length."""
    if patch is None:
        return [("hunk", "Binary or large file: no diff is shown")]
    kinds = {"+": "add", "-": "del", "@": "hunk"}
    lines = patch.split("\n")
    shown = [(kinds.get(line[:1], "same"), line) for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(("hunk", f"... {len(lines) - MOST_LINES} more lines"))
    return shown


def clock(seconds: float | None) -> str:
    """A time for readers: UTC, to the minute."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%-d %b %Y, %H:%M UTC")


def hue(login: str) -> int:
    """A colour angle that stays with a login."""
    return int(hashlib.sha256(login.encode()).hexdigest()[:4], 16) % 360
