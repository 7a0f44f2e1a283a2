"""Whether a sign-off record is genuine, and about this very commit of the branch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from countersign_ml.attestation import EnvelopeError, verify
from countersign_ml.audit import messages
from countersign_ml.audit.history.audit_facts import Candidate, ChangeFacts, CommitFacts, Rules
from countersign_ml.audit.history.claimed_records import payload
from countersign_ml.audit.judging.movement import Movement
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.people.sign_off_record import PAYLOAD_TYPE
from policy.verdict import Finding, Outcome, gather


def judge_signature(candidate: Candidate, rules: Rules, parent: str) -> tuple[Finding, str]:
    """Return whether a key that was in force signed the record, and that key's name."""
    stored, keys = candidate.stored, dict(rules.keys)
    try:
        signed, key = verify(stored.envelope, PAYLOAD_TYPE, keys)
        problem = "" if signed == payload(stored.envelope) else "the signature is over other bytes"
    except (EnvelopeError, UserError) as error:
        problem, key = str(error), ""
    if problem:
        sentence = messages.not_signed(stored.tag, problem, sorted(keys), parent)
        return Finding("signature", Outcome.FAILED, sentence), ""
    sentence = messages.signed_by_key(stored.tag, key, parent)
    return Finding("signature", Outcome.PASSED, sentence), key


@dataclass(frozen=True)
class Place:
    """What every record of one audit is held against, and the records that were used so far."""

    branch: str
    repositories: tuple[str, ...]
    spent: Mapping[str, str]
    """Tag to the commit that it spoke for."""


def judge_place(candidate: Candidate, commit: CommitFacts, place: Place) -> list[Finding]:
    """Return whether the record is about this commit, this branch and this repository."""
    record, parent = candidate.record, commit.parents[0]
    branch, repositories = place.branch, place.repositories
    parts = [_judge_head(candidate, commit)]
    earlier = place.spent.get(candidate.stored.tag, commit.id)
    if earlier != commit.id:
        parts.append(Finding("use", Outcome.FAILED, messages.spent(earlier)))
    if not candidate.base_on_branch:
        sentence = messages.base_elsewhere(record.base)
        parts.append(Finding("base", Outcome.FAILED, sentence))
    else:
        parts.append(
            _check(
                "base",
                not candidate.moved_since,
                messages.base_holds(record.base, parent),
                messages.base_moved(record.base, candidate.moved_since),
            )
        )
    if branch:
        parts.append(
            _check(
                "branch",
                record.branch == branch,
                messages.branch_holds(record.branch),
                messages.branch_differs(record.branch, branch),
            )
        )
    if repositories:
        parts.append(
            _check(
                "repository",
                record.repository in repositories,
                messages.repository_holds(record.repository),
                messages.repository_differs(record.repository, repositories),
            )
        )
    return parts


def _judge_head(candidate: Candidate, commit: CommitFacts) -> Finding:
    head = candidate.record.head
    if candidate.stored.target != head:
        sentence = messages.tag_moved(candidate.stored.target, head)
        return Finding("head", Outcome.FAILED, sentence)
    if candidate.relation == "other":
        sentence = messages.other_head(head, commit, candidate.brought)
        return Finding("head", Outcome.FAILED, sentence)
    return Finding("head", Outcome.PASSED, messages.related(candidate.relation, head))


def judge_claim(candidate: Candidate, change: ChangeFacts, moved: Movement) -> list[Finding]:
    """Return whether the record is about this move of the pointer, on this evidence."""
    claim = next((m for m in candidate.record.models if m.model == change.model), None)
    before = change.before.blob if change.before else None
    after = change.after.blob if change.after else None
    if claim is None or (claim.before, claim.after) != (before, after):
        return [Finding("pointers", Outcome.FAILED, messages.MOVE_NOT_RECORDED)]
    parts = [Finding("pointers", Outcome.PASSED, messages.MOVE_RECORDED)]
    if claim.kind != moved.kind:
        sentence = messages.kind_differs(claim.kind, moved.kind)
        parts.append(Finding("kind", Outcome.FAILED, sentence))
    found = judged_evidence(candidate, change, moved)
    if claim.evidence != found:
        sentence = messages.evidence_recorded(claim.evidence, found)
        parts.append(Finding("judged evidence", Outcome.FAILED, sentence))
    return parts


def judged_evidence(candidate: Candidate, change: ChangeFacts, moved: Movement) -> str | None:
    """Return the digest of the evidence that this move rests on: the pointer's, or a recovery's."""
    if moved.way == "nothing" or moved.new is None:
        return None
    if moved.kind == "promote":
        return moved.new.evidence.digest
    text = candidate.record.recovery.get(change.model)
    return digest_bytes(text.encode()) if text is not None else None


def judge_untouched(candidate: Candidate, concerned: Callable[[str], bool]) -> Finding:
    """Return whether the commit on the branch holds what was signed, and brought nothing else.

    A merge queue's commit may bring other pull requests too: then only what is `concerned` counts.
    """
    head, queued = candidate.record.head, candidate.relation == "queued"
    differing = [path for path in candidate.differing if not queued or concerned(path)]
    parts = []
    if differing:
        sentence = messages.touched(head, differing)
        parts.append(Finding("governed files", Outcome.FAILED, sentence))
    if candidate.strays and not queued:
        sentence = messages.strays(head, candidate.strays)
        parts.append(Finding("other files", Outcome.FAILED, sentence))
    if parts:
        return gather("release commit", parts)
    return Finding("release commit", Outcome.PASSED, messages.UNTOUCHED)


def _check(name: str, holds: bool, passed: str, failed: str) -> Finding:
    return Finding(name, Outcome.PASSED if holds else Outcome.FAILED, passed if holds else failed)
