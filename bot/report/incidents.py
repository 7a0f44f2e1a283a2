"""The incident of a way back: what happened when, and the evidence of both versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bot.facts.actions import OpenIncident
from bot.facts.snapshot import ModelFacts, Snapshot
from bot.report import letters
from bot.report.comment import metric_table
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import read_pointer


def rolled_back(
    snapshot: Snapshot, facts: ModelFacts, live: Pointer, target: Pointer | None
) -> OpenIncident:
    """Return the issue about the version that is taken back."""
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
    """Return the evidence that the live version was released with, as the base branch keeps it."""
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
    for evidence in found:
        pointer = next(
            (p for p in map(read_pointer, facts.history) if p and evidence
             and p.evidence.digest == evidence.digest()),
            None,
        )  # fmt: skip
        if evidence is not None and pointer is not None:
            yield evidence.created, letters.measured(pointer.version)
    for text, date in zip(facts.history, facts.history_dates, strict=False):
        pointer = read_pointer(text)
        if pointer is not None:
            yield date, letters.released(pointer.version)
    yield snapshot.now, letters.back_proposed(snapshot.pull.number)


def _minute(time: str) -> str:
    """Return a time (RFC 3339) as people read it, in UTC; what is none stays as it is."""
    try:
        return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return time
