"""A merge group: what a merge queue would merge, judged again.

It is green where its pull request is, where it holds exactly what that pull request's head holds of
the models and rules that it changes, and where everything else governed is as in the commit that it
builds on. What was measured and signed against the tip of the base branch counts for no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.deciding import messages
from bot.deciding.decide import Decision
from bot.facts.actions import PostCheck
from bot.facts.snapshot import PostedCheck, Snapshot
from bot.report import check
from bot.report.verdict_tree import tree
from policy.governed import is_rule, model_of, models_of
from policy.verdict import Finding, Outcome, gather

_REF = re.compile(r"gh-readonly-queue/.+/pr-(\d+)-[0-9a-f]{40}")
Blobs = Mapping[str, str]


@dataclass(frozen=True)
class GroupFacts:
    """One merge group: its pull request, and the files (path to blob) of four commits."""

    ref: str
    head: str
    snapshot: Snapshot
    group: Blobs
    onto: Blobs
    """What the group builds on: the base branch's tip, or the group before it."""
    tip: Blobs
    """The tip of the base branch that the pull request was judged against."""
    pull: Blobs
    checks: tuple[PostedCheck, ...] = ()


def pull_of(ref: str) -> int | None:
    """Return the number of the pull request that a merge group's branch is of."""
    match = _REF.fullmatch(ref)
    return int(match[1]) if match else None


def judge_group(facts: GroupFacts, pull: Decision) -> tuple[Finding, PostCheck]:
    """Return what the group comes to, and its check; `pull` is what its pull request comes to."""
    number = facts.snapshot.pull.number
    green = pull.verdict.outcome.lets_through
    sentence = messages.queued_alone(number)
    if not green:
        sentence = messages.queued_not_green(number, pull.title)
    parts = [Finding("pull request", Outcome.PASSED if green else Outcome.FAILED, sentence)]
    mixed = _mixed(facts)
    if mixed:
        sentence = messages.queued_mixture(number, mixed)
        parts.append(Finding("merge group", Outcome.FAILED, sentence))
    finding = gather("countersign", parts)
    key = "passed" if finding.outcome.lets_through else "failed"
    posted = PostCheck(
        facts.head,
        check.CONCLUSIONS[key],
        messages.TITLES[key],
        tree(finding.parts),
    )
    return finding, posted


def _mixed(facts: GroupFacts) -> list[str]:
    """Return the governed paths that nobody judged as they stand in the group."""
    changed = facts.snapshot.paths
    models, rules = set(models_of(changed)), set(facts.snapshot.rules_changed)
    found = []
    for path in sorted(
        facts.group.keys() | facts.onto.keys() | facts.tip.keys() | facts.pull.keys()
    ):
        model = model_of(path)
        if model is None and not is_rule(path):
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
