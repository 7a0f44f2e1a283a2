"""Which way a pointer moved: forward to a new version, back to an old one, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from countersign_ml.audit import messages
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import quarantined, read_pointer, was_live
from policy.verdict import Finding, Outcome

Way = Literal["forward", "back", "nothing", "irregular"]


@dataclass(frozen=True)
class Movement:
    """A pointer's move, and whether it is one that may be."""

    way: Way
    old: Pointer | None
    new: Pointer | None
    finding: Finding

    @property
    def kind(self) -> Literal["promote", "rollback"]:
        """Return what sign-off is asked for: only a way back has the fast lane."""
        return "rollback" if self.way in ("back", "nothing") else "promote"


def movement(
    model: str, history: Sequence[str | None], before: str | None, after: str | None
) -> Movement:
    """Return how a model's pointer moved, given every content that it had before."""
    old, new = read_pointer(before), read_pointer(after)

    def found(way: Way, outcome: Outcome, sentence: str) -> Movement:
        return Movement(way, old, new, Finding("movement", outcome, sentence))

    if before is not None and old is None:
        return found("irregular", Outcome.FAILED, messages.unreadable_pointer("before"))
    if after is None:
        if old is None:
            return found("irregular", Outcome.FAILED, messages.unreadable_pointer("at"))
        if old.predecessor is not None:
            sentence = messages.to_nothing_with_predecessor(old.version, old.predecessor.version)
            return found("irregular", Outcome.FAILED, sentence)
        return found("nothing", Outcome.PASSED, messages.to_nothing(old.version))
    if new is None:
        return found("irregular", Outcome.FAILED, messages.unreadable_pointer("at"))
    if new.model != model:
        return found("irregular", Outcome.FAILED, messages.other_model(new.model))
    if old is None and new.predecessor is None:
        return found("forward", Outcome.PASSED, messages.FIRST_VERSION)
    if old is not None and new.predecessor is not None:
        named = (new.predecessor.version, new.predecessor.artifact)
        if named == (old.version, old.artifact.digest):
            return found("forward", Outcome.PASSED, messages.forward(old.version, new.version))
    name = old.version if old is not None else "none"
    if was_live(after, history, before):
        return found("back", Outcome.PASSED, messages.back(name, new.version))
    return found("irregular", Outcome.FAILED, messages.neither_way(name, new.version))


def judge_quarantine(history: Sequence[str | None], after: str | None) -> tuple[Finding, ...]:
    """Return a finding where what becomes live was rolled back before; nothing otherwise."""
    new = read_pointer(after)
    for text in quarantined(history):
        old = read_pointer(text)
        if old and new and old.artifact.digest == new.artifact.digest:
            return (Finding("quarantine", Outcome.FAILED, messages.quarantined(old.version)),)
    return ()
