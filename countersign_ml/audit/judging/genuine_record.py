"""Whether a sign-off record is genuine, and about exactly this commit of the branch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from countersign_ml.attestation import EnvelopeError, verify
from countersign_ml.audit.audit_sentences import by, listed, short
from countersign_ml.audit.history.audit_facts import Candidate, ChangeFacts, CommitFacts, Rules
from countersign_ml.audit.history.claimed_records import payload
from countersign_ml.audit.judging.pointer_movement import Movement
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.people.sign_off_record import SIGN_OFF_TYPE
from policy.verdict import Finding, Outcome, gather

_RELATIONS = {
    "merged": "this commit merges the recorded head, {head}",
    "queued": "a merge queue merged the recorded head, {head}",
    "squashed": "one commit with exactly the changes of the recorded head, {head}",
}


def judge_signature(candidate: Candidate, rules: Rules, parent: str) -> tuple[Finding, str]:
    """Return whether a key that was in force signed the record, and that key's name."""
    stored, keys = candidate.stored, dict(rules.keys)
    try:
        signed, key = verify(stored.envelope, SIGN_OFF_TYPE, keys)
        problem = "" if signed == payload(stored.envelope) else "the signature is over other bytes"
    except (EnvelopeError, UserError) as error:
        problem, key = str(error), ""
    if problem:
        known = listed(sorted(keys)) or "none"
        revoked = f"; revoked: {listed(rules.revoked)}" if rules.revoked else ""
        sentence = f"{stored.tag}: {problem} (keys in force at {short(parent)}: {known}{revoked})"
        return Finding("signature", Outcome.FAILED, sentence), ""
    sentence = f"{stored.tag} is signed by {key}, which was in force at {short(parent)}"
    return Finding("signature", Outcome.PASSED, sentence), key


@dataclass(frozen=True)
class Place:
    """What all records of one audit must name, and the records that were used so far."""

    branch: str
    repositories: tuple[str, ...]
    spent: Mapping[str, str]
    """Tag to the commit that it proved."""


def judge_place(candidate: Candidate, commit: CommitFacts, place: Place) -> list[Finding]:
    """Return whether the record is about this commit, this branch and this repository."""
    record = candidate.record
    parts = [_judge_head(candidate, commit)]
    earlier = place.spent.get(candidate.stored.tag, commit.id)
    if earlier != commit.id:
        sentence = f"the record was already used for {short(earlier)}; a record counts once"
        parts.append(Finding("use", Outcome.FAILED, sentence))
    parts.append(_judge_base(candidate, commit.parents[0]))
    if place.branch:
        parts.append(_judge_name("branch", record.branch, [place.branch]))
    if place.repositories:
        parts.append(_judge_name("repository", record.repository, place.repositories))
    return parts


def _judge_head(candidate: Candidate, commit: CommitFacts) -> Finding:
    head, target = candidate.record.head, candidate.stored.target
    if target != head:
        sentence = f"the tag points at {short(target)}; its record is about {short(head)}"
        return Finding("head", Outcome.FAILED, sentence)
    if candidate.relation == "other":
        brought = candidate.brought
        did = f"merged {short(brought)}" if brought else "made other changes"
        sentence = f"the record is about {short(head)}; {by(commit)} {did}"
        return Finding("head", Outcome.FAILED, sentence)
    sentence = _RELATIONS[candidate.relation].format(head=short(head))
    return Finding("head", Outcome.PASSED, sentence)


def _judge_base(candidate: Candidate, parent: str) -> Finding:
    """Return whether the rules that the record was judged under were still in force."""
    base, moved = candidate.record.base, candidate.moved_since
    if not candidate.base_on_branch:
        sentence = (
            f"judged under {short(base)}, which is not a commit of this branch before this one"
        )
        return Finding("base", Outcome.FAILED, sentence)
    if moved:
        sentence = f"judged under {short(base)}; the branch has since changed {_files(moved)}"
        return Finding("base", Outcome.FAILED, sentence)
    until = "the commit before" if base == parent else f"unchanged until {short(parent)}"
    return Finding("base", Outcome.PASSED, f"judged under the rules at {short(base)}, {until}")


def _judge_name(what: str, recorded: str, expected: Sequence[str]) -> Finding:
    if recorded in expected:
        return Finding(what, Outcome.PASSED, f"signed for the {what} {recorded}")
    sentence = f"signed for the {what} {recorded}, not for {listed(expected)}"
    return Finding(what, Outcome.FAILED, sentence)


def judge_claim(candidate: Candidate, change: ChangeFacts, moved: Movement) -> list[Finding]:
    """Return whether the record is about this move of the pointer, on this evidence."""
    claim = next((m for m in candidate.record.models if m.model == change.model), None)
    before = change.before.blob if change.before else None
    after = change.after.blob if change.after else None
    if claim is None or (claim.before, claim.after) != (before, after):
        sentence = "the record names a different pointer before or after"
        return [Finding("pointers", Outcome.FAILED, sentence)]
    sentence = "the record names exactly these pointer blobs, before and after"
    parts = [Finding("pointers", Outcome.PASSED, sentence)]
    named = moved.new.artifact.digest if moved.new else None
    if claim.artifact != named:
        sentence = f"the record is about the file {claim.artifact or 'none'}, not {named or 'none'}"
        parts.append(Finding("file", Outcome.FAILED, sentence))
    if claim.kind != moved.kind:
        sentence = f"the record says {claim.kind}; the pointer's history says {moved.kind}"
        parts.append(Finding("kind", Outcome.FAILED, sentence))
    found = judged_evidence(candidate, change, moved)
    if claim.evidence != found:
        sentence = (
            f"the record is based on the evidence {claim.evidence or 'none'}; "
            f"this change is based on {found or 'none'}"
        )
        parts.append(Finding("judged evidence", Outcome.FAILED, sentence))
    return parts


def judged_evidence(candidate: Candidate, change: ChangeFacts, moved: Movement) -> str | None:
    """Return the digest of the evidence for this move: the pointer's, or a recovery run's."""
    if moved.way == "nothing" or moved.new is None:
        return None
    if moved.kind == "promote":
        return moved.new.evidence.digest
    text = candidate.record.recovery.get(change.model)
    return digest_bytes(text.encode()) if text is not None else None


def judge_untouched(candidate: Candidate, concerned: Callable[[str], bool]) -> Finding:
    """Return whether the commit on the branch has exactly the signed changes and no others.

    A merge queue's commit may include other pull requests: then only `concerned` paths count.
    """
    head, queued = short(candidate.record.head), candidate.relation == "queued"
    differing = [path for path in candidate.differing if not queued or concerned(path)]
    parts = []
    if differing:
        sentence = f"this commit differs from the signed head {head} in {_files(differing)}"
        parts.append(Finding("governed files", Outcome.FAILED, sentence))
    if candidate.strays and not queued:
        strays = _files(candidate.strays)
        sentence = f"this commit also changes {strays}, which the signed head {head} does not"
        parts.append(Finding("other files", Outcome.FAILED, sentence))
    if parts:
        return gather("release commit", parts)
    sentence = "pointer, card, evidence, inputs and rules are identical to the signed head"
    return Finding("release commit", Outcome.PASSED, sentence)


def _files(names: Sequence[str]) -> str:
    return f"{len(names)} file{'' if len(names) == 1 else 's'} ({listed(names)})"
