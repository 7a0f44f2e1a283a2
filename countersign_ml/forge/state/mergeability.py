"""Whether a pull request can be merged: the trial merge, the required checks, GitHub's state."""

from __future__ import annotations

from countersign_ml.forge.git import git_history
from countersign_ml.forge.git.bare_repository import GitError, Person
from countersign_ml.forge.state.commit_records import CheckRun, RequiredCheck
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue, Pull
from countersign_ml.forge.state.world_state import World

GITHUB = Person("GitHub", "noreply@github.com", 0)
PASSING = ("success", "neutral", "skipped")


def refresh(world: World, record: Repository, thread: Issue, pull: Pull) -> None:
    """Try the merge again; move refs/pull/N/head and refs/pull/N/merge to match."""
    store = record.store
    store.move(f"refs/pull/{thread.number}/head", pull.head_sha)
    tip = store.ref(f"refs/heads/{pull.base}")
    pull.unknown_reads = world.mergeable_unknown_reads
    merge_ref = f"refs/pull/{thread.number}/merge"
    if tip is None or thread.state != "open":
        return
    try:
        merged = git_history.trial_merge(store, tip, pull.head_sha)
    except GitError:  # unrelated histories
        merged = git_history.Merged(None, ("",))
    pull.mergeable = merged.tree is not None
    if merged.tree is None:
        pull.test_merge = None
        if store.ref(merge_ref):
            store.text("update-ref", "-d", merge_ref)
        return
    now = Person(GITHUB.name, GITHUB.email, int(world.clock()))
    message = f"Merge {pull.head_sha} into {tip}"
    author = Person(thread.author.login, thread.author.noreply, now.seconds)
    pull.test_merge = store.write_commit(merged.tree, [tip, pull.head_sha], message, author, now)
    store.move(merge_ref, pull.test_merge)


def latest_checks(record: Repository, sha: str) -> list[CheckRun]:
    """The newest check run of each name and App on a commit, oldest first."""
    found: dict[tuple[str, int], CheckRun] = {}
    for run in record.check_runs.values():
        if run.sha == sha:
            found.pop((run.name, run.app.id), None)
            found[(run.name, run.app.id)] = run
    return list(found.values())


def unmet_checks(record: Repository, branch: str, sha: str) -> list[tuple[RequiredCheck, str]]:
    """Required checks that block the commit, each `expected`, `pending` or `failing`."""
    unmet = []
    for required in record.required.get(branch, []):
        states = [
            "pending"
            if run.status != "completed"
            else "passing"
            if run.conclusion in PASSING
            else "failing"
            for run in latest_checks(record, sha)
            if run.name == required.context and required.app_id in (None, run.app.id)
        ]
        last = [s for s in record.statuses if s.sha == sha and s.context == required.context]
        if last and required.app_id is None:
            words = {"success": "passing", "pending": "pending"}
            states.append(words.get(last[-1].state, "failing"))
        if not states:
            unmet.append((required, "expected"))
        elif "failing" in states:
            unmet.append((required, "failing"))
        elif "pending" in states:
            unmet.append((required, "pending"))
    return unmet


def mergeable_state(record: Repository, pull: Pull) -> str:
    """GitHub's word: dirty, draft, blocked, unstable or clean."""
    if pull.mergeable is False:
        return "dirty"
    if pull.draft:
        return "draft"
    if unmet_checks(record, pull.base, pull.head_sha):
        return "blocked"
    if any(
        run.status != "completed" or run.conclusion not in PASSING
        for run in latest_checks(record, pull.head_sha)
    ):
        return "unstable"
    return "clean"
