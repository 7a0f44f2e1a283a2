"""What the bot said about a merge after it."""

from __future__ import annotations

from countersign_ml.attestation import EnvelopeError, verify
from countersign_ml.audit.audit_sentences import listed
from countersign_ml.audit.history.audit_facts import StoredMerge
from policy.errors import UserError
from policy.facts.statement import read_statement
from policy.people.merge_record import MergeRecord
from policy.verdict import Finding, Outcome


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
