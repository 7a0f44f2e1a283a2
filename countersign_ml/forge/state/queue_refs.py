"""What a merge queue holds, and which refs are therefore out of everyone's reach."""

from __future__ import annotations

from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import QueueEntry

QUEUE_REFS = "refs/heads/gh-readonly-queue/"


def entry_of(record: Repository, number: int) -> QueueEntry | None:
    """The pull request's place in a queue, if it stands in one."""
    for queue in record.queues.values():
        for entry in queue:
            if entry.number == number:
                return entry
    return None


def held_by_queue(record: Repository) -> list[str]:
    """Head branches of queued pull requests: GitHub takes no push to them."""
    found = []
    for queue in record.queues.values():
        for entry in queue:
            pull = record.issues[entry.number].pull
            if pull is not None and pull.fork is None:
                found.append(f"refs/heads/{pull.head}")
    return found
