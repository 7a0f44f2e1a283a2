"""The incident of a rollback: what happened when, and the evidence of both versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bot.facts.actions import OpenIncident
from bot.facts.model_facts import ModelFacts
from bot.facts.snapshot import Snapshot
from bot.report import letters
from bot.report.comment import metric_table
from countersign_ml.markdown import code
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import read_pointer


def rolled_back(
    snapshot: Snapshot, facts: ModelFacts, live: Pointer, target: Pointer | None
) -> OpenIncident:
    """Return the issue about the version that is rolled back."""
    old, new = live_evidence(facts, live), _evidence(facts.recorded, target)
    shown = [(live.version, old)] + ([(target.version, new)] if target is not None else [])
    return OpenIncident(
        model=facts.name,
        version=live.version,
        title=letters.incident_title(facts.name, live.version),
        body=letters.incident_body(
            facts.name,
            live.version,
            target.version if target else None,
            live.artifact.digest,
            snapshot.pull.number,
            sorted((_minute(time), text) for time, text in _timeline(snapshot, facts, (old, new))),
            [(version, metric_table(found, None)) for version, found in shown if found is not None],
        ),
    )


def live_evidence(facts: ModelFacts, live: Pointer) -> Evidence | None:
    """Return the evidence of the live version from its release, as the base branch has it."""
    return _evidence(facts.live_record, live)


def _evidence(text: str | None, pointer: Pointer | None) -> Evidence | None:
    if text is None or pointer is None:
        return None
    if digest_bytes(text.encode()) != pointer.evidence.digest:
        return None
    try:
        return parse_evidence(text, pointer.evidence.path)
    except UserError:
        return None


def _timeline(
    snapshot: Snapshot, facts: ModelFacts, found: tuple[Evidence | None, ...]
) -> Iterator[tuple[str, str]]:
    for evidence in filter(None, found):
        for pointer in filter(None, map(read_pointer, facts.history)):
            if pointer.evidence.digest == evidence.digest():
                yield evidence.created, f"{code(pointer.version)} was measured"
                break
    for text, date in zip(facts.history, facts.history_dates, strict=False):
        released = read_pointer(text)
        if released is not None:
            yield date, f"{code(released.version)} was released by the commit with its pointer"
    yield snapshot.now, f"#{snapshot.pull.number} proposes the rollback"


def _minute(time: str) -> str:
    """Return an RFC 3339 time in UTC, as people read it; any other text stays as it is."""
    try:
        return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return time
