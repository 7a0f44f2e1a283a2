"""What a gate is to a reader: its name, why it stands, and what to do about what it finds."""

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
    """The kinds of defects that it names, a word each: of every kind the tests plant one."""
