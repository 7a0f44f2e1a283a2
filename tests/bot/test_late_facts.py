"""What is read only at the end: when it is asked for, and what follows if it has changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import get_args

from bot.deciding.decide import decide
from bot.facts.actions import ORDER, Action, LookAgain, OpenFreeze, PostCheck
from bot.facts.late import Freeze
from tests.bot import builders as a
from tests.bot.builders import conclusion, of_kind, rollback, signed, snapshot


@dataclass
class Asked:
    """Late facts that remember each question."""

    questions: list[str] = field(default_factory=list)

    def freeze(self, until: str = "") -> Freeze | None:
        self.questions.append("freeze")
        return None

    def attempts_changed(self) -> bool:
        self.questions.append("attempts")
        return False


def test_before_a_promotion_turns_green_both_are_read() -> None:
    late = Asked()
    assert conclusion(snapshot(reviews=signed(), late=late)) == "success"
    assert sorted(late.questions) == ["attempts", "freeze"]


def test_nothing_is_read_late_while_a_signature_is_missing() -> None:
    late = Asked()
    decide(snapshot(reviews=signed()[:1], late=late))
    assert late.questions == []


def test_a_rollback_reads_neither() -> None:
    late = Asked()
    assert conclusion(rollback(reviews=signed(), shown=a.recovery(), late=late)) == "success"
    assert late.questions == []


def test_an_attempt_recorded_meanwhile_writes_nothing_and_is_judged_again() -> None:
    pull = snapshot(reviews=signed(), late=a.Late(changed=True))
    decision = decide(pull)
    assert decision.actions == (LookAgain(),)
    assert decision.outdated
    assert not decision.verdict.outcome.lets_through
    assert not decide(replace(pull, late=a.Late())).outdated


def test_a_freeze_that_is_there_keeps_a_signed_promotion_from_turning_green() -> None:
    frozen = a.Late(Freeze(12, "audit week", "2026-01-01T00:00:00Z", is_open=True))
    decision = decide(snapshot(reviews=signed(), late=frozen))
    (check,) = of_kind(decision, PostCheck)
    assert check.conclusion == "action_required"
    assert not of_kind(decision, OpenFreeze)


def test_every_action_has_its_place_in_the_order() -> None:
    assert set(ORDER) == set(get_args(Action))
    assert len(ORDER) == len(set(ORDER))
