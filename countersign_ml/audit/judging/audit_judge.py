"""Judge a branch's history: pure, from frozen facts to one finding for each change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from countersign_ml.audit.history.audit_facts import ChangeFacts, HistoryFacts, RuleFacts, TipFacts
from countersign_ml.audit.judging.audit_result import Audit, ChangeAudit, ModelAudit
from countersign_ml.audit.judging.change_judge import judge_change
from countersign_ml.audit.judging.genuine_record import Place, judge_signature
from countersign_ml.audit.judging.merge_judge import lost_merges
from countersign_ml.audit.judging.rules_judge import judge_rules
from countersign_ml.audit.judging.stored_files import Erased, judge_stored, proven_erasures
from countersign_ml.audit.judging.tip_judge import judge_tip
from policy.facts.pointer_history import read_pointer
from policy.verdict import gather


def judge_history(facts: HistoryFacts, repositories: Sequence[str] = ()) -> Audit:
    """Return the audit of every model and of every change of the rules.

    `repositories` are the names that records may have. If none is given, all records must name the
    same repository as the earliest one that a key signed.
    """
    names = tuple(repositories) or _earliest_name(facts)
    spent: dict[str, str] = {}
    place = Place(facts.branch, names, spent)
    changes = []
    for noted in facts.changes:
        change = judge_change(noted, place)
        changes.append(change)
        if change.sign_off is not None and change.proven:
            spent.setdefault(change.sign_off.tag, change.commit.id)
    rules = tuple(judge_rules(rule, place) for rule in facts.rules)
    erased = proven_erasures(facts, rules)
    return Audit(
        ref=facts.ref,
        tip=facts.tip,
        commits=facts.commits,
        repositories=names,
        models=tuple(_judge_model(facts, tip, changes, erased) for tip in facts.tips),
        rules=rules,
        keys=facts.keys,
        unreadable=tuple((stored.tag, stored.problem) for stored in facts.unreadable),
        lost=lost_merges(facts.elsewhere),
    )


def _judge_model(
    facts: HistoryFacts,
    tip: TipFacts,
    changes: Sequence[ChangeAudit],
    erased: Mapping[str, Erased],
) -> ModelAudit:
    pointer, now = read_pointer(tip.pointer), judge_tip(tip)
    if facts.stored is not None:
        own = [change for change in facts.changes if change.model == tip.model]
        now = gather("now", [now, judge_stored(own, facts.stored, erased)])
    return ModelAudit(
        model=tip.model,
        live=pointer.version if pointer else None,
        changes=tuple(change for change in changes if change.model == tip.model),
        tip=now,
    )


def _earliest_name(facts: HistoryFacts) -> tuple[str, ...]:
    noted: tuple[ChangeFacts | RuleFacts, ...] = (*facts.changes, *facts.rules)
    for change in noted:
        for candidate in change.candidates:
            parent = change.commit.parents[0]
            if judge_signature(candidate, change.rules, parent)[1]:
                return (candidate.record.repository,)
    return ()
