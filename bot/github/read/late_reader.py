"""The facts that deciding needs only at the end, read then and once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from bot.facts.late import Freeze
from bot.facts.model_facts import ModelFacts
from bot.facts.proposed import Proposed
from bot.github.read.attempt_tags import AttemptReader
from bot.github.read.issue_reader import IssueReader
from bot.github.read.look_tags import LookReader

Known = tuple[Proposed, ModelFacts]
"""What is proposed for a model, and the facts with the attempts that were known."""


class LateReader:
    """Answers for one snapshot. Every answer is read at the first question, then kept."""

    def __init__(
        self,
        issues: IssueReader,
        attempts: AttemptReader,
        looks: LookReader,
        known: Sequence[Known] = (),
    ) -> None:
        self._issues = issues
        self._attempts = attempts
        self._looks = looks
        self._known = known

    def freeze(self, until: str = "") -> Freeze | None:
        return self._freeze if not until else self._issues.freeze(until)

    def attempts_changed(self) -> bool:
        return self._attempts_changed

    @cached_property
    def _freeze(self) -> Freeze | None:
        return self._issues.freeze()

    @cached_property
    def _attempts_changed(self) -> bool:
        return any(self._changed(proposed, facts) for proposed, facts in self._known)

    def _changed(self, proposed: Proposed, facts: ModelFacts) -> bool:
        if proposed.kind == "rollback" or proposed.proposal is None:
            return False  # it has no attempts
        known = tuple(asked.record for asked in facts.attempts), facts.attempts_foreign
        own = [proposed.key, *(proposed.key_of(asked.record.number) for asked in facts.attempts)]
        return (
            self._attempts.of(facts.name, proposed.digest, afresh=True) != known
            or self._looks.of(facts.name, own, afresh=True) != facts.looks
        )
