"""Whether the file of each version is in the registry, or was erased by a signed record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from countersign_ml.audit.history.audit_facts import ChangeFacts, HistoryFacts
from countersign_ml.audit.judging.audit_result import RuleAudit
from policy.errors import UserError
from policy.facts.pointer_history import read_pointer
from policy.files.erasures import read_erasures
from policy.governed import ERASED
from policy.verdict import Finding, Outcome, gather


@dataclass(frozen=True)
class Erased:
    """A proven erasure: the tag of its record, who signed it, when, and the stated reason."""

    tag: str
    signers: tuple[str, ...]
    at: str
    reason: str


def proven_erasures(facts: HistoryFacts, rules: Sequence[RuleAudit]) -> dict[str, Erased]:
    """Return the digests whose erasure a record proves and that the branch still lists.

    The record of the commit that added the digest counts: who signs a later change of the file does
    not see in its diff what somebody pushed into it before.
    """
    erased: dict[str, Erased] = {}
    before: frozenset[str] = frozenset()
    for rule, audit in zip(facts.rules, rules, strict=True):
        if ERASED not in rule.paths:
            continue
        listed = _listed(rule.erased)
        added, before = listed.keys() - before, frozenset(listed)
        erased = {digest: one for digest, one in erased.items() if digest in listed}
        signed = audit.sign_off
        if not audit.proven or signed is None:
            continue
        people = tuple(signer.login for signer in signed.signers)
        for digest in added:
            erased[digest] = Erased(signed.tag, people, signed.at, listed[digest])
    return erased


def judge_stored(
    changes: Sequence[ChangeFacts], stored: Mapping[str, bool], erased: Mapping[str, Erased]
) -> Finding:
    """Return whether the file of every version of one model is there, or was erased by record."""
    parts: list[Finding] = []
    for change in changes:
        pointer = read_pointer(change.after.text) if change.after else None
        if pointer is None or any(part.name == pointer.version for part in parts):
            continue
        digest = pointer.artifact.digest
        parts.append(_judge(pointer.version, digest, stored.get(digest), erased.get(digest)))
    return gather("files in the registry", parts)


def _judge(version: str, digest: str, found: bool | None, erased: Erased | None) -> Finding:
    if found and erased is not None:
        sentence = (
            f"{digest} is still stored, although it was erased by record {erased.tag}; "
            "run countersign erase"
        )
        return Finding(version, Outcome.FAILED, sentence)
    if found:
        return Finding(version, Outcome.PASSED, f"{digest} is stored")
    if erased is None:
        sentence = f"{digest} is missing, and no signed record says that it was erased"
        return Finding(version, Outcome.FAILED, sentence)
    people = ", ".join(erased.signers) or "nobody"
    sentence = (
        f"{digest} was erased, by record {erased.tag}, signed by {people} at {erased.at}: "
        f"{erased.reason}"
    )
    return Finding(version, Outcome.PASSED, sentence)


def _listed(text: str | None) -> dict[str, str]:
    try:
        return read_erasures(text)
    except UserError:
        return {}  # a list that nobody can read erases nothing


def listed_now(facts: HistoryFacts) -> dict[str, str]:
    """Return digest to reason, as the last commit lists them; UserError if it cannot be read."""
    last = next((rule for rule in reversed(facts.rules) if ERASED in rule.paths), None)
    return read_erasures(last.erased) if last is not None else {}


def live_files(facts: HistoryFacts) -> dict[str, str]:
    """Return the digest of every live version's file, and its model."""
    pointers = (read_pointer(tip.pointer) for tip in facts.tips)
    return {one.artifact.digest: one.model for one in pointers if one is not None}
