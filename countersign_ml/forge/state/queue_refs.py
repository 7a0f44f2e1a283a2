"""The entries of a merge queue, and the refs that nobody can push to because of them."""

from __future__ import annotations

from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import QueueEntry

QUEUE_REFS = "refs/heads/gh-readonly-queue/"


def entry_of(record: Repository, number: int) -> QueueEntry | None:
    """The pull request's entry in a queue, if there is one."""
    for queue in record.queues.values():
        for entry in queue:
            if entry.number == number:
                return entry
    return None


def held_by_queue(record: Repository) -> list[str]:
    """Head branches of queued pull requests: GitHub rejects pushes to them."""
    found = []
    for queue in record.queues.values():
        for entry in queue:
            pull = record.issues[entry.number].pull
            if pull is not None and pull.fork is None:
                found.append(f"refs/heads/{pull.head}")
    return found
