"""Judge one commit that changed the rules, or a further file that the policy then governed."""

from __future__ import annotations

from countersign_ml.audit.audit_sentences import NO_POLICY, short, unsigned
from countersign_ml.audit.history.audit_facts import Candidate, RuleFacts
from countersign_ml.audit.judging.audit_result import RuleAudit
from countersign_ml.audit.judging.best_record import Judged, best_of, sign_off_of
from countersign_ml.audit.judging.genuine_record import (
    Place,
    judge_place,
    judge_signature,
    judge_untouched,
)
from countersign_ml.audit.judging.merge_judge import judge_merge
from countersign_ml.audit.judging.past_verdict import read_policy
from countersign_ml.audit.judging.signers import judge_people
from policy.governed import is_rule
from policy.people.further_paths import further_paths
from policy.verdict import Finding, Outcome, gather


def judge_rules(rule: RuleFacts, place: Place) -> RuleAudit:
    """Return whether a change of the rules was signed; before the first key none can be."""
    name = f"rules at {short(rule.commit.id)}"
    if not rule.rules.keys:
        finding = Finding(name, Outcome.PASSED, "no key was in force before these rules")
        return RuleAudit(rule.commit, rule.paths, True, None, finding)
    if not rule.candidates:
        finding = Finding(name, Outcome.FAILED, unsigned(rule.commit))
        return RuleAudit(rule.commit, rule.paths, False, None, finding)
    finding, sign_off = best_of([_with_record(name, rule, one, place) for one in rule.candidates])
    return RuleAudit(rule.commit, rule.paths, False, sign_off, finding)


def _with_record(name: str, rule: RuleFacts, candidate: Candidate, place: Place) -> Judged:
    policy, problem = read_policy(rule.rules.policy)
    further = further_paths(rule.rules.policy)
    signature, key = judge_signature(candidate, rule.rules, rule.commit.parents[0])
    if policy is None:
        people = Finding("signers", Outcome.ERRORED, problem or NO_POLICY)
    else:
        people = judge_people(candidate, policy, rule.rules)
    parts = [
        signature,
        *judge_place(candidate, rule.commit, place),
        people,
        judge_untouched(candidate, lambda path: is_rule(path) or further.governs(path)),
        judge_merge(rule.commit.id, rule.merge),
    ]
    return gather(name, parts), sign_off_of(candidate, key, policy, None)
