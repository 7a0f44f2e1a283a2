"""What the bot said about a merge after it."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.attestation import EnvelopeError, verify
from countersign_ml.audit.audit_sentences import listed
from countersign_ml.audit.history.audit_facts import StoredMerge
from policy.errors import UserError
from policy.facts.statement import read_statement
from policy.people.merge_record import MERGED_TAGS, MergeRecord
from policy.verdict import Finding, Outcome


def lost_merges(stored: Sequence[StoredMerge]) -> tuple[tuple[str, str], ...]:
    """Return tag and sentence of each merge that the bot recorded and the branch no longer shows.

    A push that makes the branch's old end the second parent of a merge needs no force, and hides
    what came before from everybody who reads first parents. A tag that anybody may have planted
    proves nothing; but one that leaves no room for the records hides all of them.
    """
    found = []
    for one in stored:
        if one.tag == MERGED_TAGS.removesuffix("/"):
            why = f"it leaves no room for the tags {MERGED_TAGS}COMMIT; delete it"
            found.append((one.tag, why))
            continue
        try:
            payload, _ = verify(one.envelope, MergeRecord.PREDICATE, dict(one.keys))
            record = read_statement(MergeRecord, payload, one.tag)
        except (EnvelopeError, UserError):
            continue
        why = (
            f"the merge {record.commit} of #{record.pull} is not on the branch's first-parent line"
        )
        found.append((one.tag, why))
    return tuple(found)


def judge_merge(commit: str, stored: StoredMerge | None) -> Finding:
    """Return whether the bot allowed a merge when it judged it again.

    Without a record the sign-off record alone counts. A record that no key in force signed is not
    ignored: somebody may hide the genuine one behind it.
    """
    name = "judged after the merge"
    if stored is None:
        sentence = "no record of it: what happened between sign-off and merge is not known"
        return Finding(name, Outcome.PASSED, sentence)
    try:
        payload, key = verify(stored.envelope, MergeRecord.PREDICATE, dict(stored.keys))
        record = read_statement(MergeRecord, payload, stored.tag)
    except (EnvelopeError, UserError) as error:
        sentence = f"{stored.tag}: {error}; delete this tag, and let the bot judge the merge"
        return Finding(name, Outcome.FAILED, sentence)
    if {record.commit, stored.target} != {commit}:
        return Finding(name, Outcome.FAILED, f"{stored.tag} is about {record.commit}")
    if record.outcome == "failed":
        why = listed(record.reasons) if record.reasons else "it says no reason"
        sentence = f"the bot did not allow it, by the facts of that moment: {why}"
        return Finding(name, Outcome.FAILED, sentence)
    return Finding(name, Outcome.PASSED, f"allowed by the facts of that moment, signed by {key}")
