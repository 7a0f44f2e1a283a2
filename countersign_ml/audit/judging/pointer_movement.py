"""How a pointer moved: forward to a new version, back to an old one, or in no permitted way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from countersign_ml.audit.audit_sentences import unreadable_pointer
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import quarantined, read_pointer, was_live
from policy.verdict import Finding, Outcome

Way = Literal["forward", "back", "nothing", "irregular"]


@dataclass(frozen=True)
class Movement:
    """One move of a pointer, and the finding on whether it is permitted."""

    way: Way
    old: Pointer | None
    new: Pointer | None
    finding: Finding

    @property
    def kind(self) -> Literal["promote", "rollback"]:
        """Return which sign-off rules apply: only a rollback has the shorter ones."""
        return "rollback" if self.way in ("back", "nothing") else "promote"


def movement(
    model: str, history: Sequence[str | None], before: str | None, after: str | None
) -> Movement:
    """Return how a model's pointer moved, given every content that it had before."""
    old, new = read_pointer(before), read_pointer(after)

    def passed(way: Way, sentence: str) -> Movement:
        return Movement(way, old, new, Finding("movement", Outcome.PASSED, sentence))

    def irregular(sentence: str) -> Movement:
        return Movement("irregular", old, new, Finding("movement", Outcome.FAILED, sentence))

    if before is not None and old is None:
        return irregular(unreadable_pointer("before"))
    if after is None:
        if old is None:
            return irregular(unreadable_pointer("at"))
        if old.predecessor is not None:
            return irregular(
                f"the pointer was removed although {old.version} has the predecessor "
                f"{old.predecessor.version}"
            )
        return passed("nothing", f"back from {old.version}, the first version, to none")
    if new is None:
        return irregular(unreadable_pointer("at"))
    if new.model != model:
        return irregular(f"the pointer names another model, {new.model}")
    if old is None and new.predecessor is None:
        return passed("forward", "first version: it has no predecessor, and no version was live")
    if old is not None and new.predecessor is not None:
        named = (new.predecessor.version, new.predecessor.artifact)
        if named == (old.version, old.artifact.digest):
            return passed(
                "forward",
                f"forward from {old.version} to {new.version}, "
                f"which names {old.version} as its predecessor",
            )
    name = old.version if old is not None else "none"
    if was_live(after, history, before):
        return passed("back", f"back from {name} to {new.version}, which was live before")
    return irregular(
        f"{new.version} does not name {name} as its predecessor and was not live before"
    )


def judge_quarantine(history: Sequence[str | None], after: str | None) -> tuple[Finding, ...]:
    """Return a finding if the version that becomes live was rolled back before."""
    new = read_pointer(after)
    for text in quarantined(history):
        old = read_pointer(text)
        if old and new and old.artifact.digest == new.artifact.digest:
            sentence = f"it has the artifact of {old.version}, which was rolled back before"
            return (Finding("quarantine", Outcome.FAILED, sentence),)
    return ()
