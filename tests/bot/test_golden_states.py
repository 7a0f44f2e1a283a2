"""What people read in every state, word by word. COUNTERSIGN_WRITE_GOLDEN=1 writes it anew."""

from __future__ import annotations

import pytest

from bot.deciding.decide import decide
from bot.deciding.movements import decide_movements
from bot.facts.actions import OpenIncident, PostCheck, ProposeRollback, Reply, UpsertComment
from bot.facts.default_branch import Movement
from bot.facts.snapshot import Snapshot
from tests.bot import builders as a
from tests.bot.builders import of_kind
from tests.bot.golden_states import STATES, explained
from tests.bot.test_golden import same_as_golden


def said(pull: Snapshot) -> str:
    """Everything that the bot shows of a pull request: its check, then its comment."""
    decision = decide(pull)
    parts = []
    for check in of_kind(decision, PostCheck):
        parts.append(f"CHECK {check.conclusion or 'in progress'}: {check.title}\n\n{check.summary}")
    parts += [f"COMMENT\n\n{comment.body}" for comment in of_kind(decision, UpsertComment)]
    others = [type(action).__name__ for action in decision.actions]
    return "\n\n".join([*parts, f"ACTIONS {' '.join(others)}\n"])


@pytest.mark.parametrize("name", STATES)
def test_every_state_reads_as_it_did(name: str) -> None:
    same_as_golden(f"state-{name}.md", said(STATES[name]))


@pytest.mark.parametrize("name", [name for name in STATES if name != "nothing-governed"])
def test_none_of_these_states_is_green(name: str) -> None:
    for check in of_kind(decide(STATES[name]), PostCheck):
        assert check.conclusion != "success"


def test_the_answer_to_explain_reads_as_it_did() -> None:
    (answer,) = of_kind(decide(explained()), Reply)
    same_as_golden("explain.md", f"{answer.marker}\n{answer.body}")


def test_the_incident_of_a_push_and_its_way_back_read_as_they_did() -> None:
    actions = decide_movements((Movement(a.MODEL, "d" * 40),))
    incident, back = actions
    assert isinstance(incident, OpenIncident)
    assert isinstance(back, ProposeRollback)
    text = f"{incident.title}\n\n{incident.body}\n---\n\n{back.title}\n\n{back.body}"
    same_as_golden("incident-push.md", text)
