"""Check runs as records: made and changed here, by the REST routes and by the Actions stand-in."""

from __future__ import annotations

from countersign_ml.forge.shapes.shapes_checks import check_run, check_suite
from countersign_ml.forge.state.account_records import Account, App
from countersign_ml.forge.state.commit_records import CheckRun
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import Event, World


def create(
    world: World, record: Repository, app: App, sha: str, name: str, status: str
) -> CheckRun:
    """A new check run in the suite of its App and commit."""
    suite = record.suites.setdefault((app.id, sha), world.take_id())
    found = CheckRun(world.take_id(), suite, sha, name, app, status, started=world.clock())
    record.check_runs[found.id] = found
    return found


def publish(
    world: World,
    record: Repository,
    found: CheckRun,
    action: str,
    sender: Account,
    *,
    quiet: bool = False,
) -> None:
    """A check_run event."""
    shape = check_run(world, record, found)
    shape["check_suite"] = check_suite(world, record, found)
    payload = {"check_run": shape}
    world.publish(
        Event("check_run", action, record, payload, sender, found.app, quiet, sha=found.sha)
    )
