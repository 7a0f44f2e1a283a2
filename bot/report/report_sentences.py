"""Sentences that several modules of the report use; all others are at their use."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.markdown import code, plain
from policy.people.sign_off_record import Override

CUT = "_Shortened: a comment has room for 65,536 characters. The evidence artifact has all of it._"
EVERY_FINDING = "Every finding of the verdict"


def forced(override: Override) -> str:
    return (
        f"{plain(override.gate)} did not pass; {plain(override.user)} as {plain(override.role)} "
        f"forced it: {plain(override.reason, 500)}"
    )


def how_to_override(gates: Sequence[str], evidence: str) -> str:
    named = " or ".join(code(gate) for gate in gates)
    return (
        f"Anyone whom the policy allows to force {named} can comment "
        f"{code(f'/override {gates[0]} {evidence} WHY')}. It stays on record."
    )
