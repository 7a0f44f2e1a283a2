"""A merge group: what a merge queue would merge, judged again.

It is green if its pull request is green, if the models and rules that it changes are exactly as at
that pull request's head, and if everything else governed is as in the commit that it builds on.
What was measured and signed against the tip of the base branch counts for no other.
"""

from __future__ import annotations

from bot.deciding.consequences import Decision
from bot.facts.actions import PostCheck
from bot.facts.bot_sentences import TITLES
from bot.facts.merge_groups import GroupFacts
from bot.report import check
from bot.report.verdict_tree import tree
from policy.governed import is_rule, model_of, models_of
from policy.people.further_paths import further_paths
from policy.verdict import Finding, Outcome, gather


def judge_group(facts: GroupFacts, pull: Decision) -> tuple[Finding, PostCheck]:
    """Return the verdict on the group and its check; `pull` is the decision on its pull request."""
    number = facts.snapshot.pull.number
    green = pull.verdict.outcome.lets_through
    sentence = f"Pull request #{number} is green; this merge group changes nothing else governed."
    if not green:
        sentence = f"Pull request #{number} is not green: {pull.title}"
    parts = [Finding("pull request", Outcome.PASSED if green else Outcome.FAILED, sentence)]
    mixed = _mixed(facts)
    if mixed:
        sentence = (
            f"In the merge group {', '.join(mixed[:5])} is not as in pull request #{number} or the "
            "base branch; nobody measured or signed that"
        )
        parts.append(Finding("merge group", Outcome.FAILED, sentence))
    finding = gather("countersign", parts)
    key = "passed" if finding.outcome.lets_through else "failed"
    posted = PostCheck(
        facts.head,
        check.CONCLUSIONS[key],
        TITLES[key],
        tree(finding.parts),
    )
    return finding, posted


def _mixed(facts: GroupFacts) -> list[str]:
    """Return the governed paths that nobody judged as they are in the group."""
    changed = facts.snapshot.paths
    models = set(models_of(changed))
    rules = {*facts.snapshot.rules_changed, *facts.snapshot.further_changed}
    further = further_paths(facts.snapshot.policy)
    found = []
    for path in sorted(
        facts.group.keys() | facts.onto.keys() | facts.tip.keys() | facts.pull.keys()
    ):
        model = model_of(path)
        if model is None and not is_rule(path) and not further.governs(path):
            continue
        if model in models or path in rules:
            judged = facts.group.get(path) == facts.pull.get(path)
            same_base = facts.onto.get(path) == facts.tip.get(path)
        else:
            judged = facts.group.get(path) == facts.onto.get(path)
            same_base = model is not None or facts.onto.get(path) == facts.tip.get(path)
        if not (judged and same_base):
            found.append(path)
    return found
