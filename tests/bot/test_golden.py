"""What people read, word by word. COUNTERSIGN_WRITE_GOLDEN=1 writes the files anew."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from bot.deciding.decide import decide
from bot.facts.actions import OpenIncident, PostCheck, UpsertComment
from bot.facts.snapshot import PostedCheck, Snapshot
from bot.report import charts, model_card
from policy.facts.evidence import GateFacts, Incumbent, RowFinding, Sample, StageFacts
from tests.bot import builders as a
from tests.bot.builders import of_kind, rollback, signed, snapshot
from tests.bot.report_builders import POLICY, WORDS, told, told_pointer
from tests.policy.builders import data

GOLDEN = Path(__file__).parent / "golden"


def same_as_golden(name: str, text: str) -> None:
    file = GOLDEN / name
    if os.environ.get("COUNTERSIGN_WRITE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def stopped() -> Snapshot:
    """Data that the gates refuse, with text in it that tries to be more than text."""
    rows = (
        RowFinding(file="train.jsonl", line=41, id="r41", message="the answer is not JSON"),
        RowFinding(file="train.jsonl", line=97, field="label", message="`x` | <b>@omar</b> ](http://e)"),
    )  # fmt: skip
    gates = tuple(
        GateFacts(gate="contract", count=30, findings=rows) if gate.gate == "contract" else gate
        for gate in data().gates
    )
    found = a.evidence(
        data=data().model_copy(update={"gates": gates}),
        training=None,
        measurements=(),
        comparisons=(),
        parity=None,
        artifacts=(),
        stages=(
            StageFacts(stage="validate", outcome="stopped", seconds=0.4, message="30 findings"),
        ),
    )
    return snapshot(shown=found, released=False)


def sampled() -> Snapshot:
    answers = {"base": "no idea", "incumbent": '{"label": "a"}', "candidate": '{"label": "b"}'}
    sample = Sample(
        id="t1", input="Where is my | parcel?", expected='{"label": "b"}', answers=answers
    )
    return snapshot(shown=a.evidence(samples=(sample,)))


CASES: dict[str, Snapshot] = {
    "measuring": snapshot(measured_yet=False),
    "stopped-by-data": stopped(),
    "worse": snapshot(shown=a.failing(), released=False),
    "waiting-for-signatures": sampled(),
    "signed": snapshot(reviews=signed()),
    "whole-report": snapshot(shown=told(), policy=POLICY),
    "rollback-recovered": rollback(shown=a.recovery()),
    "merged": snapshot(
        reviews=signed(),
        checks=(PostedCheck(1, "completed", "success", "x"),),
        pull_changes={
            "state": "closed", "merged": True, "merge_sha": "f" * 40, "merged_by": a.BOT,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_comment_reads_as_it_did(name: str) -> None:
    (comment,) = of_kind(decide(CASES[name]), UpsertComment)
    same_as_golden(f"comment-{name}.md", comment.body)


@pytest.mark.parametrize("name", [name for name in CASES if name != "merged"])
def test_the_check_reads_as_it_did(name: str) -> None:
    (check,) = of_kind(decide(CASES[name]), PostCheck)
    notes = [f"{n.path}:{n.line}: {n.title}: {n.message}\n" for n in check.annotations]
    shown = f"{check.conclusion}\n{check.title}\n\n{check.summary}\n\n" + "".join(notes)
    same_as_golden(f"check-{name}.md", shown)


def test_the_incident_reads_as_it_did() -> None:
    (incident,) = of_kind(decide(rollback()), OpenIncident)
    same_as_golden("incident.md", f"{incident.title}\n\n{incident.body}")


def rendered_card(**changes: Any) -> str:
    shown = a.evidence(**changes)
    return model_card.render(shown, a.pointer(2), a.CARD)


def test_the_model_card_reads_as_it_did() -> None:
    same_as_golden("card.md", rendered_card())


def test_the_card_of_a_whole_report_reads_as_it_did() -> None:
    same_as_golden(
        "card-whole-report.md", model_card.render(told(), told_pointer(), a.CARD, words=WORDS)
    )
    drawn = charts.charts(told(), told_pointer())
    assert {path.partition(".")[2] for path in drawn} == {"loss.svg", "metrics.svg"}
    for path, svg in drawn.items():
        same_as_golden(f"card-whole-report.{path.partition(chr(46))[2]}", svg)


def test_the_hubs_own_reader_understands_the_card() -> None:
    read = ModelCard(rendered_card()).data
    assert read.library_name == "gguf"
    assert read.model_name == a.MODEL
    (result,) = read.eval_results or []
    assert (result.metric_type, result.metric_value) == ("exact_match", 0.9)


def test_a_base_model_of_the_hub_is_named_as_such() -> None:
    proposal = a.evidence().proposal.model_copy(update={"base_model": "Qwen/Qwen3-0.6B"})
    read = ModelCard(rendered_card(proposal=proposal)).data
    assert read.base_model == "Qwen/Qwen3-0.6B"
    assert read.base_model_relation == "finetune"  # type: ignore[attr-defined]


def test_a_version_no_pointer_may_carry_gives_no_release() -> None:
    odd = a.evidence(incumbent=Incumbent(version="newest", artifact=a.ARTIFACTS[1]))
    pull = replace(snapshot(shown=a.evidence(), released=False))
    facts = replace(pull.models[0], runs=(a.run_of(odd),))
    decision = decide(replace(pull, models=(facts,)))
    (check,) = of_kind(decision, PostCheck)
    assert check.conclusion == "failure"
