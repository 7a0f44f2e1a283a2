"""What happened to an issue or pull request, in GitHub's own words: a list that only grows.

No route edits or deletes an entry, so whoever doubts a label, a base or a head finds here who moved
it, and when.
"""

from __future__ import annotations

from countersign_ml.forge.shapes.shapes_common import app as app_shape
from countersign_ml.forge.shapes.shapes_common import node, user, when
from countersign_ml.forge.shapes.shapes_repo import api
from countersign_ml.forge.state.account_records import Account, App, Json
from countersign_ml.forge.state.repository_record import Repository
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
        "performed_via_github_app": app_shape(world, found.app) if found.app else None,
        **found.details,
    }
