"""Why a server may serve a pointer: a valid record covers it, or the operator said `--unsigned`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from countersign_ml.attestation import Git, NotCoveredError, cover, is_public_key
from policy.errors import Problem, UserError
from policy.facts.pointer import Pointer

UNSIGNED = "not verified: --unsigned"


@dataclass(frozen=True)
class Proof:
    """What the operator requires before a version is served."""

    unsigned: bool = False
    pinned: Mapping[str, str] | None = None
    """Keys (name to PEM text) to accept instead of those in the repository."""

    def of(self, git: Git, tip: str, pointer: Pointer, where: str) -> str:
        """Return what covers the pointer that the commit `tip` has; UserError if nothing does."""
        if self.unsigned:
            return UNSIGNED
        try:
            found = cover(git, tip, pointer, pinned=self.pinned)
        except NotCoveredError as error:
            raise not_covered(where, pointer, str(error)) from error
        return f"{found.tag}, signed by {found.key}"


def not_covered(where: str, pointer: Pointer, why: str) -> UserError:
    return UserError.one(
        where,
        f"{pointer.version} is not served: {why}",
        "merge it through the bot and fetch the bot's tags; or, to serve what nobody signed off, "
        "add --unsigned",
    )


def read_keys(paths: Sequence[Path]) -> dict[str, str]:
    """Return the public keys in these files; one UserError names every file that has none."""
    keys, problems = {}, []
    for path in paths:
        try:
            text = path.read_text(encoding="ascii")
        except (OSError, ValueError):
            text = ""
        if is_public_key(text):
            keys[str(path)] = text
        else:
            remedy = "give the PEM file that `countersign key` prints"
            problems.append(Problem(str(path), "is not a readable ECDSA P-256 public key", remedy))
    if problems:
        raise UserError(problems)
    return keys
