"""Replay: judge recorded evidence under two policies, and list what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policy.facts.evidence import Evidence
from policy.files.rules import Policy
from policy.gates.judge import judge
from policy.verdict import Finding, Outcome


@dataclass(frozen=True)
class Change:
    """One leaf with another outcome; None if that policy does not have this check."""

    name: str
    """The names from the root to the leaf, with slashes between."""
    before: Outcome | None
    after: Outcome | None
    sentence: str
    """The new policy's sentence, or the old one's if the new policy lacks the check."""


@dataclass(frozen=True)
class Replayed:
    """One version's evidence under both policies."""

    evidence: Evidence
    before: Outcome
    after: Outcome
    changes: tuple[Change, ...]

    @property
    def turned(self) -> bool:
        """Return whether one policy allows what the other blocks."""
        return self.before.lets_through != self.after.lets_through


def replay(old: Policy, new: Policy, evidences: Sequence[Evidence]) -> tuple[Replayed, ...]:
    """Return the outcome of each fine-tune's evidence under both policies, in order.

    Each is judged against the proposal and the incumbent that it names itself. Sign-off and the
    time of the merge are not judged again.
    """
    found = []
    for evidence in evidences:
        before, after = _judged(old, evidence), _judged(new, evidence)
        changes = tuple(_changes(before, after))
        found.append(Replayed(evidence, before.outcome, after.outcome, changes))
    return tuple(found)


def _judged(policy: Policy, evidence: Evidence) -> Finding:
    incumbent = evidence.incumbent.artifact if evidence.incumbent else None
    return judge(policy, evidence, proposal_digest=evidence.proposal.digest, incumbent=incumbent)


def _changes(before: Finding, after: Finding) -> Iterator[Change]:
    """Yield the leaves whose outcome differs; a check that is new or gone only if it blocks."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    for key in (*old, *(key for key in new if key not in old)):
        was, becomes = old.get(key), new.get(key)
        outcomes = [leaf.outcome if leaf is not None else None for leaf in (was, becomes)]
        blocks = any(outcome is not None and not outcome.lets_through for outcome in outcomes)
        said = becomes or was
        if said is not None and outcomes[0] is not outcomes[1] and (all(outcomes) or blocks):
            yield Change(key[0], outcomes[0], outcomes[1], said.sentence)


def _leaves(finding: Finding) -> Iterator[tuple[tuple[str, int], Finding]]:
    """Yield each leaf by its path below the root, and its place among those of the same path."""
    seen: dict[str, int] = {}

    def below(node: Finding, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, int], Finding]]:
        if not node.parts:
            name = "/".join(path)
            seen[name] = seen.get(name, -1) + 1
            yield (name, seen[name]), node
        for part in node.parts:
            yield from below(part, (*path, part.name))

    yield from below(finding, ())
