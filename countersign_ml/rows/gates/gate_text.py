"""What a gate says about itself: its name, its reason, and how to fix what it finds."""

from __future__ import annotations

from dataclasses import dataclass

from policy.files.rules import DataGate


@dataclass(frozen=True)
class Gate:
    """One data gate; `reason` and `remedy` are one sentence each."""

    name: DataGate
    reason: str
    remedy: str
    kinds: tuple[str, ...] = ()
    """The kinds of defects that it finds, a word each; the tests plant one of each kind."""
