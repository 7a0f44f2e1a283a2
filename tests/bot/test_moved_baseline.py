"""A moved baseline: a proposal is compared anew from what was measured, and not trained again."""

from __future__ import annotations

from dataclasses import replace

from bot.deciding.decide import decide
from bot.facts.actions import DispatchRun
from bot.facts.model_facts import Run
from bot.facts.snapshot import Comment, Snapshot
from policy.facts.evidence import Evidence
from policy.facts.proposal import run_key
from tests.bot import builders as a
from tests.bot.builders import of_kind, snapshot


def measured_before() -> Evidence:
    """Evidence of the very proposal, from when no version was live."""
    return a.evidence(
        2,
        incumbent=None,
        comparisons=(),
        measurements=tuple(m for m in a.evidence().measurements if m.subject != "incumbent"),
    )


def earlier_key() -> str:
    return run_key(measured_before().proposal.digest, None)


def moved(*runs: Run, earlier: Evidence | None = None) -> Snapshot:
    """The live version moved, and the pull request remembers the key that it was measured under."""
    first = a.run_of(earlier or measured_before(), key=earlier_key(), number=90)
    pull = snapshot(measured_yet=False)
    marker = f"<!-- countersign:pull-request -->\n<!-- countersign:keys {earlier_key()} -->"
    facts = replace(pull.models[0], runs=(first, *runs))
    ours = Comment(1, a.BOT, by_bot=True, body=marker)
    return replace(pull, comments=(ours,), models=(facts,))


def test_the_run_against_the_new_baseline_reuses_what_was_measured() -> None:
    (dispatch,) = of_kind(decide(moved()), DispatchRun)
    assert dispatch.reuse == measured_before().digest()
    assert dispatch.inputs["reuse"] == dispatch.reuse
    assert dispatch.key == a.forward_key()


def test_without_earlier_evidence_of_this_proposal_it_is_trained() -> None:
    (dispatch,) = of_kind(decide(snapshot(measured_yet=False)), DispatchRun)
    assert "reuse" not in dispatch.inputs
    other = measured_before().model_copy(update={"proposal": a.evidence(1).proposal})
    (dispatch,) = of_kind(decide(moved(earlier=other)), DispatchRun)
    assert dispatch.reuse == ""


def test_evidence_that_reuses_what_counted_here_decides() -> None:
    again = a.evidence(reused=measured_before().digest())
    assert of_kind(decide(moved(a.run_of(again))), DispatchRun) == []
    assert decide(moved(a.run_of(again))).verdict.parts[0].outcome.lets_through


def test_evidence_that_reuses_anything_else_does_not_count() -> None:
    forged = a.evidence(reused="sha256:" + "f" * 64)
    decision = decide(moved(a.run_of(forged)))
    assert not decision.verdict.outcome.lets_through
    assert "reuses evidence that never counted here" in decision.verdict.parts[0].sentence
