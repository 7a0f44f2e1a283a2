"""The merge queue: a queued pull request is merged on a branch of the queue's own, checked there,
and then the base moves to exactly the commit that was checked.

Groups hold one pull request each and stand behind one another: the second is built on the first.
A group that fails leaves the queue, and the groups behind it are built again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from countersign_ml.forge.deeds import merging
from countersign_ml.forge.deeds.ref_moves import announce, moved
from countersign_ml.forge.deeds.thread_events import remember
from countersign_ml.forge.git import git_history
from countersign_ml.forge.git.bare_repository import ZERO, GitError, Person
from countersign_ml.forge.request.answers import ApiError
from countersign_ml.forge.request.auth import Actor
from countersign_ml.forge.shapes.shapes_actions import head_commit
from countersign_ml.forge.state import mergeability
from countersign_ml.forge.state.account_records import Account
from countersign_ml.forge.state.mergeability import GITHUB
from countersign_ml.forge.state.queue_refs import QUEUE_REFS, entry_of
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue, Pull, QueueEntry
from countersign_ml.forge.state.world_state import Event, World

BOT = "github-merge-queue[bot]"


class MergeQueues:
    """All merge queues of a forge; a listener among the others."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._busy = False
        self.bot = Account(world.take_id(), BOT, "Bot", BOT, "", "", world.clock())
        world.accounts[BOT] = self.bot

    def on_event(self, event: Event) -> None:
        """A check has ended, a queued pull request has changed, or a base moved by other hands."""
        record = event.repository
        if self._busy or not record.queues:
            return
        if event.name == "status" or (event.name == "check_run" and event.action == "completed"):
            self.advance(record)
        elif event.name == "push":
            branch = event.ref.removeprefix("refs/heads/")
            if record.queues.get(branch):
                with self._deaf():
                    self._rebuild(record, branch, 0)
                self.advance(record)
        elif event.name == "pull_request" and event.issue is not None:
            base = "base" in event.payload.get("changes", {})
            if event.action in ("closed", "synchronize") or base:
                self._leave(record, event.issue, event.sender, "MANUAL")

    def enqueue(self, record: Repository, thread: Issue, actor: Actor) -> QueueEntry:
        """Put a pull request in line, once its own required checks are green; 422 otherwise."""
        pull = thread.pull
        if pull is None or pull.base not in record.queues:
            raise ApiError(422, "The base branch has no merge queue.")
        if thread.state != "open" or pull.draft or pull.mergeable is False:
            raise ApiError(422, "Pull request is not mergeable.")
        if entry_of(record, thread.number) is not None:
            raise ApiError(422, "Pull request is already in the queue.")
        for check, state in mergeability.unmet_checks(record, pull.base, pull.head_sha):
            raise ApiError(422, f'Required status check "{check.context}" is {state}.')
        queue = record.queues[pull.base]
        entry = QueueEntry(thread.number, actor.account)
        queue.append(entry)
        self._note(thread, "added_to_merge_queue", actor.account)
        announce(self._world, record, thread, pull, "enqueued", actor.account)
        with self._deaf():
            self._build(record, pull.base, len(queue) - 1)
        self.advance(record)
        return entry

    def dequeue(self, record: Repository, thread: Issue, actor: Actor) -> None:
        """Take a pull request out of the queue; 422 if it is not in it."""
        if not self._leave(record, thread, actor.account, "MANUAL"):
            raise ApiError(422, "Pull request is not in the queue.")

    def advance(self, record: Repository) -> None:
        """Merge what is green at the head of each line, drop what is red anywhere in it."""
        if self._busy:
            return
        with self._deaf():
            for branch in record.queues:
                self._settle(record, branch)

    @contextlib.contextmanager
    def _deaf(self) -> Iterator[None]:
        """What we do ourselves is no news to us."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _settle(self, record: Repository, branch: str) -> None:
        queue = record.queues[branch]
        at = 0
        while at < len(queue):
            unmet = mergeability.unmet_checks(record, branch, queue[at].head_sha)
            if any(state == "failing" for _, state in unmet):
                self._drop(record, branch, at, "CI_FAILURE", self.bot)
                at = 0
            elif not unmet and at == 0:
                self._merge(record, branch)
            else:
                at += 1

    def _leave(self, record: Repository, thread: Issue, who: Account, reason: str) -> bool:
        for branch, queue in record.queues.items():
            for at, entry in enumerate(queue):
                if entry.number == thread.number:
                    with self._deaf():
                        self._drop(record, branch, at, reason, who)
                    self.advance(record)
                    return True
        return False

    def _build(self, record: Repository, branch: str, at: int) -> bool:
        """Create the group's commit and request checks; drop a pull request with conflicts."""
        world, store, entry = self._world, record.store, record.queues[branch][at]
        thread, pull = self._thread(record, entry)
        tip = store.ref(f"refs/heads/{branch}") or ""
        entry.base_sha = record.queues[branch][at - 1].head_sha if at else tip
        try:
            tree = git_history.trial_merge(store, entry.base_sha, pull.head_sha).tree
        except GitError:  # unrelated histories
            tree = None
        if tree is None:
            self._drop(record, branch, at, "MERGE_CONFLICT", self.bot)
            return False
        now = int(world.clock())
        author = Person(entry.by.name or entry.by.login, entry.by.email or entry.by.noreply, now)
        text = f"{merging.headline(self._world, record, thread, pull)}\n\n{thread.title}\n"
        parents = [entry.base_sha, pull.head_sha]
        # Each group is checked again, so its commit must differ from the one that failed.
        made = ""
        while not made or made in record.grouped:
            committer = Person(GITHUB.name, GITHUB.email, now)
            made = store.write_commit(tree, parents, text, author, committer)
            now += 1
        entry.head_sha = made
        record.grouped.add(made)
        record.verified.add(made)
        entry.ref = f"{QUEUE_REFS}{branch}/pr-{entry.number}-{entry.base_sha}"
        store.move(entry.ref, entry.head_sha)
        moved(world, record, entry.ref, ZERO, entry.head_sha, self.bot)
        self._announce(record, branch, entry, "checks_requested")
        return True

    def _rebuild(self, record: Repository, branch: str, start: int) -> None:
        """Everything from `start` on stood on something that is no longer there."""
        queue = record.queues[branch]
        for entry in queue[start:]:
            self._destroy(record, branch, entry, "invalidated")
        at = start
        while at < len(queue):
            at += 1 if self._build(record, branch, at) else 0

    def _drop(self, record: Repository, branch: str, at: int, reason: str, who: Account) -> None:
        entry = record.queues[branch].pop(at)
        thread, pull = self._thread(record, entry)
        self._destroy(record, branch, entry, "dequeued")
        self._note(thread, "removed_from_merge_queue", who)
        extra = {"reason": reason}
        announce(self._world, record, thread, pull, "dequeued", who, extra=extra)
        built = [each for each in record.queues[branch][at:] if each.ref]
        if built:
            self._rebuild(record, branch, at)

    def _merge(self, record: Repository, branch: str) -> None:
        world = self._world
        entry = record.queues[branch].pop(0)
        thread, pull = self._thread(record, entry)
        ref = f"refs/heads/{branch}"
        record.store.move(ref, entry.head_sha, entry.base_sha)
        self._note(thread, "removed_from_merge_queue", self.bot)
        announce(world, record, thread, pull, "dequeued", self.bot, extra={"reason": "MERGE"})
        merging.concluded(world, thread, pull, entry.head_sha, self.bot)
        moved(
            world,
            record,
            ref,
            entry.base_sha,
            entry.head_sha,
            self.bot,
            merging_pull=thread.number,
        )
        announce(world, record, thread, pull, "closed", self.bot)
        self._destroy(record, branch, entry, "merged")

    def _destroy(self, record: Repository, branch: str, entry: QueueEntry, reason: str) -> None:
        if not entry.ref:
            return
        ref, sha = entry.ref, entry.head_sha
        self._announce(record, branch, entry, "destroyed", reason)
        record.store.move(ref, ZERO, sha)
        entry.ref = ""
        moved(self._world, record, ref, sha, ZERO, self.bot)

    def _announce(
        self, record: Repository, branch: str, entry: QueueEntry, action: str, reason: str = ""
    ) -> None:
        group = {
            "head_sha": entry.head_sha,
            "head_ref": entry.ref,
            "base_sha": entry.base_sha,
            "base_ref": f"refs/heads/{branch}",
            "head_commit": head_commit(record, entry.head_sha),
        }
        payload = {"merge_group": group, **({"reason": reason} if reason else {})}
        self._world.publish(
            Event(
                "merge_group",
                action,
                record,
                payload,
                self.bot,
                ref=entry.ref,
                sha=entry.head_sha,
            )
        )

    def _thread(self, record: Repository, entry: QueueEntry) -> tuple[Issue, Pull]:
        thread = record.issues[entry.number]
        assert thread.pull is not None
        return thread, thread.pull

    def _note(self, thread: Issue, event: str, who: Account) -> None:
        remember(self._world, thread, event, who)
