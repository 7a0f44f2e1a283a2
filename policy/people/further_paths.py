"""Which further files a policy governs, read from its text: the bot and the audit ask the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from policy import documents
from policy.errors import UserError
from policy.files.people_rules import SignOffRules
from policy.files.rules import Policy
from policy.governed import POLICY_FILE
from policy.policy_sentences import counted
from policy.verdict import Finding, Outcome

SHOWN = 5


@dataclass(frozen=True)
class FurtherPaths:
    """The rules of `sign_off.paths`; if the policy is `unreadable`, every file may be governed."""

    rules: SignOffRules | None = None
    unreadable: bool = False

    def governs(self, path: str) -> bool:
        rules = self.rules.paths if self.rules is not None else ()
        return self.unreadable or any(rule.matches(path) for rule in rules)

    def told(self, paths: Iterable[str]) -> Iterator[Finding]:
        """Yield, for each rule that governs one of the paths, which files need whose signature."""
        listed = tuple(paths)
        for rule in self.rules.paths if self.rules is not None else ():
            found = [path for path in listed if rule.matches(path)]
            if self.rules is None or not found:
                continue
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            quorum = self.rules.asked_of(rule)
            signers = ", ".join(f"{role} ({count})" for role, count in sorted(quorum.items()))
            sentence = (
                f"{counted(len(found), 'file')} that the policy governs: "
                f"{', '.join(found[:SHOWN])}{more}; needs {signers}"
            )
            yield Finding(" ".join(rule.match), Outcome.PASSED, sentence)


@lru_cache(maxsize=64)
def further_paths(policy: str | None) -> FurtherPaths:
    """Return what the text of a policy governs; without a policy that is nothing."""
    if policy is None:
        return FurtherPaths()
    try:
        return FurtherPaths(documents.parse(Policy, policy, POLICY_FILE).sign_off)
    except UserError:
        return FurtherPaths(unreadable=True)
