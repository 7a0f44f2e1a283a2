"""A run that reuses earlier evidence finds what a whole run finds, without training."""

from __future__ import annotations

from pathlib import Path

import pytest

from countersign_ml.registry import Registry
from policy.facts.evidence import SHIPPED, Evidence, parse_evidence
from policy.facts.next_pointer import pointer_of
from policy.files.recipe import Decoding
from policy.gates.consistency import contradictions
from policy.gates.judge import judge
from policy.governed import evidence_path
from policy.verdict import Outcome
from runner.attest import write_evidence
from runner.data_gates import gate_rows
from runner.line import run_line
from runner.measure.stored_outputs import NotReusable, read_stored, require_decoding
from runner.run import Run
from tests.runner.reuse_worlds import MODEL, World, keep, refused, reuses, said, stored, timeless

STAGES = ["validate", "reuse", "train", "export", "evaluate", "publish", "attest"]


@pytest.fixture(autouse=True)
def _untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")


@pytest.fixture(scope="module")
def reused(moved: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Evidence]:
    run = moved.run(tmp_path_factory.mktemp("reused"), reuse=moved.earlier)
    run_line(run)
    return run, run.evidence()


def test_it_finds_what_a_whole_run_finds(moved: World, reused: tuple[Run, Evidence]) -> None:
    found, whole = reused[1], moved.whole
    assert timeless(found) == timeless(whole)
    candidate, incumbent = found.measurement("candidate"), found.measurement("incumbent")
    assert candidate is not None
    assert incumbent is not None
    assert candidate.metrics != incumbent.metrics  # else agreeing would say little
    for one in ("training", "data", "parity", "samples", "incumbent", "proposal", "commit"):
        assert getattr(found, one) == getattr(whole, one), one
    names = [each.name for each in whole.artifacts]
    assert [each.name for each in found.artifacts] == names
    for name in set(names) - {"outputs-incumbent.jsonl"}:
        assert found.artifact(name) == whole.artifact(name)


def test_its_evidence_holds(moved: World, reused: tuple[Run, Evidence]) -> None:
    run, found = reused
    assert contradictions(found) == ()
    live = moved.released.artifact(SHIPPED)
    assert live is not None
    verdict = judge(
        run.job.policy,
        found,
        proposal_digest=run.job.folder.proposal.digest,
        incumbent=live.digest,
    )
    assert verdict.outcome is Outcome.PASSED, [part.sentence for part in verdict.blocking()]
    assert parse_evidence(found.text(), "here") == found
    assert found.reused == moved.earlier.digest()
    registry = Registry(str(moved.registry))
    for artifact in found.artifacts:
        assert registry.verify(artifact.digest).size == artifact.size


def test_it_trains_exports_and_asks_nothing(moved: World, reused: tuple[Run, Evidence]) -> None:
    run, found = reused
    assert [stage.stage for stage in found.stages] == STAGES
    assert {stage.outcome for stage in found.stages} == {"done"}
    short = moved.earlier.digest()[:19]
    said = {stage.stage: stage.message for stage in found.stages}
    assert said["train"] == said["export"] == f"reused from {short}..."
    assert said["evaluate"] == (
        f"answers reused from {short}...; the incumbent's from its own evidence "
        f"{moved.released.digest()[:19]}..."
    )
    assert {path.name for path in run.job.workspace.iterdir()} == {"validate", "reuse"}
    assert not run.job.cache.exists()
    before = {stage.stage: stage.seconds for stage in moved.earlier.stages}
    assert sum(stage.seconds for stage in found.stages) < before["train"]


def test_times_of_two_runs_are_not_compared(moved: World, reused: tuple[Run, Evidence]) -> None:
    found = reused[1]
    assert found.comparison("latency", "incumbent", "candidate") is None
    same = found.comparison("latency", "base", "candidate")
    assert same == moved.earlier.comparison("latency", "base", "candidate")
    assert moved.whole.comparison("latency", "incumbent", "candidate") is not None


def test_what_rests_on_evidence_can_be_rested_on(
    moved: World, reused: tuple[Run, Evidence], tmp_path: Path
) -> None:
    _, found = reused
    run = moved.run(tmp_path, reuse=keep(found, moved.registry, tmp_path))
    assert reuses(run), run.stages[-1].message
    again = run.evidence()
    assert again.reused == found.digest()
    assert timeless(again) == timeless(found)


def test_where_nothing_is_live_no_incumbent_is_left(
    moved: World, reused: tuple[Run, Evidence], tmp_path: Path
) -> None:
    digest = keep(reused[1], moved.registry, tmp_path)
    run = moved.run(tmp_path, reuse=digest, incumbent=tmp_path / "none.json")
    assert reuses(run)
    found = run.evidence()
    assert found.incumbent is None
    assert found.measurement("incumbent") is None
    assert found.artifact("outputs-incumbent.jsonl") is None
    assert timeless(found) == timeless(moved.earlier)


def test_the_record_of_the_live_version_may_lie_in_the_checkout(
    moved: World, tmp_path: Path
) -> None:
    registry = moved.apart(tmp_path)
    stored(registry, moved.released.digest()).unlink()
    run = moved.run(tmp_path, reuse=moved.earlier, registry=str(registry))
    pointer = run.job.pointer
    assert pointer is not None
    path = run.job.folder.repo / evidence_path(MODEL, pointer.version)
    write_evidence(moved.released, path)
    assert reuses(run)
    assert timeless(run.evidence()) == timeless(moved.whole)
    assert "from its own evidence" in said(run, "evaluate")


def test_an_incumbent_without_a_record_is_asked_and_nothing_else_is(
    moved: World, tmp_path: Path
) -> None:
    registry = moved.apart(tmp_path)
    stored(registry, moved.released.digest()).unlink()
    run = moved.run(tmp_path, reuse=moved.earlier, registry=str(registry))
    assert reuses(run), said(run, "reuse")
    found = run.evidence()
    assert timeless(found) == timeless(moved.whole)
    assert found.comparison("latency", "incumbent", "candidate") is None
    assert "the incumbent was asked again: its recorded evidence is not available" in said(
        run, "evaluate"
    )
    assert len(list((run.job.cache / "answers").rglob("*.jsonl"))) == 1


def test_an_incumbent_that_was_asked_elsewhere_is_asked_here(moved: World, tmp_path: Path) -> None:
    other = moved.released.producer.model_copy(update={"device": "another machine"})
    record = moved.released.model_copy(update={"producer": other})
    keep(record, moved.registry, tmp_path)
    live = pointer_of(record)
    assert live is not None
    path = tmp_path / "pointer.json"
    path.write_text(live.text())
    run = moved.run(tmp_path, reuse=moved.earlier, incumbent=path)
    assert reuses(run)
    assert "it was asked with another device" in said(run, "evaluate")
    assert timeless(run.evidence()) == timeless(moved.whole)


def test_a_candidate_and_an_incumbent_are_asked_on_one_device(moved: World, tmp_path: Path) -> None:
    other = moved.earlier.producer.model_copy(update={"device": "another machine"})
    digest = keep(moved.earlier.model_copy(update={"producer": other}), moved.registry, tmp_path)
    refused(moved.run(tmp_path, reuse=digest), "the candidate was asked by .* on another machine")


@pytest.mark.parametrize(
    ("limit", "holds"), [(40, True), (41, False), (39, False)], ids=["same", "more", "fewer"]
)
def test_answers_show_the_limit_that_they_were_given_under(
    moved: World, tmp_path: Path, limit: int, holds: bool
) -> None:
    run = moved.run(tmp_path, reuse=moved.earlier)
    rows = tuple(gate_rows(run.job.folder, run.job.policy.gates.data, "test"))
    measurement = moved.earlier.measurement("base")  # an untrained model never stops
    assert measurement is not None
    answers = read_stored(
        Registry(str(moved.registry)), run.job.folder, rows, measurement, tmp_path
    )
    assert {each.answer.finish for each in answers.scored} == {"length"}
    if holds:
        require_decoding(answers, Decoding(max_new_tokens=limit))
    else:
        with pytest.raises(NotReusable, match="another limit of tokens"):
            require_decoding(answers, Decoding(max_new_tokens=limit))


def test_decoding_is_a_limit_of_tokens_and_nothing_else() -> None:
    """Greedy answers are each other's beginnings; anything more has to be looked at there."""
    assert Decoding.model_json_schema()["properties"]["temperature"]["const"] == 0
    assert set(Decoding.model_fields) == {"max_new_tokens", "temperature"}
