"""The events of an issue or pull request, by GitHub's names: a list that only grows.

No route edits or deletes an entry, so it shows who changed a label, a base or a head, and when.
"""

from __future__ import annotations

from countersign_ml.forge.state.account_records import Account, App, Json
from countersign_ml.forge.state.thread_records import Issue, ThreadEvent
from countersign_ml.forge.state.world_state import World


def remember(
    world: World,
    thread: Issue,
    name: str,
    actor: Account,
    *,
    app: App | None = None,
    commit: str | None = None,
    details: Json | None = None,
) -> ThreadEvent:
    """Append an event; `details` holds the keys that only this kind of event has."""
    found = ThreadEvent(world.take_id(), name, actor, world.clock(), app, commit, details or {})
    thread.events.append(found)
    return found
