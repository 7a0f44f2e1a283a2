"""The whole line on a tiny model: evidence that the policy can judge, nothing done twice."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from countersign_ml.registry import Registry
from policy.errors import UserError
from policy.facts.evidence import SHIPPED, Evidence, FormerRows
from policy.facts.pointer import Pointer, PointerArtifact, PointerEvidence, next_version
from policy.gates.consistency import contradictions
from policy.gates.judge import judge, judge_recovery
from policy.verdict import Outcome
from runner.job import Options, open_job
from runner.line import run_line
from runner.recover import recover
from runner.run import Run, Stopped
from tests.runner.worlds import row, rows, world


@pytest.fixture(autouse=True)
def _untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")


class World:
    """A repository, its cache and its registry."""

    def __init__(self, folder: Path, **files: Any) -> None:
        self.folder = folder
        self.repo = world(folder / "repo", **files)
        self.options = Options(
            repo=self.repo, cache=folder / "cache", registry=str(folder / "registry"), quiet=True
        )

    def run(self, **changes: Any) -> Run:
        return Run(open_job("colours", replace(self.options, **changes)))

    def whole(self, **changes: Any) -> Evidence:
        run = self.run(**changes)
        run_line(run)
        return run.evidence()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Evidence]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        made = World(tmp_path_factory.mktemp("line"))
        return made, made.whole()


def pointer_of(evidence: Evidence) -> Pointer:
    artifact = evidence.artifact(SHIPPED)
    assert artifact is not None
    return Pointer(
        model=evidence.model,
        version=next_version(artifact.digest, None),
        artifact=PointerArtifact(
            digest=artifact.digest, size=artifact.size, uri=artifact.uri, quantisation="F16"
        ),
        evidence=PointerEvidence(path="model_cards/x.json", digest=evidence.digest()),
        proposal=evidence.proposal.digest,
    )


def test_the_evidence_passes_the_policy(done: tuple[World, Evidence]) -> None:
    made, evidence = done
    job = made.run().job
    verdict = judge(
        job.policy, evidence, proposal_digest=job.folder.proposal.digest, incumbent=None
    )
    assert verdict.outcome is Outcome.PASSED, [part.sentence for part in verdict.blocking()]
    assert [stage.stage for stage in evidence.stages] == [
        "validate",
        "train",
        "export",
        "evaluate",
        "publish",
        "attest",
    ]
    assert Evidence.model_validate_json(evidence.text()) == evidence


def test_the_evidence_is_whole(done: tuple[World, Evidence]) -> None:
    made, evidence = done
    registry = Registry(str(made.folder / "registry"))
    for artifact in evidence.artifacts:
        assert registry.verify(artifact.digest).size == artifact.size
    shipped, candidate = evidence.artifact(SHIPPED), evidence.measurement("candidate")
    assert shipped is not None
    assert candidate is not None
    assert candidate.model == shipped.digest
    for measurement in evidence.measurements:
        assert registry.exists(measurement.outputs)
    assert evidence.parity is not None
    assert evidence.parity.prompts_with_equal_tokens == evidence.parity.prompts == 12
    assert evidence.comparison("exact_match", "base", "candidate") is not None
    drawn = sorted(Random(candidate.outputs).sample(range(12), 10))
    assert [each.id for each in evidence.samples] == [f"r-{60 + number}" for number in drawn]
    assert evidence.training is not None
    assert [point.step for point in evidence.training.loss_curve] == [1, 2, 3, 4, 5, 6]
    assert evidence.expected is not None
    assert evidence.data_change is not None
    assert evidence.data_change.base == "unknown"
    assert set(evidence.samples[0].answers) == {"base", "merged", "candidate"}


def test_a_second_run_does_nothing_again(done: tuple[World, Evidence]) -> None:
    made, evidence = done
    work = made.run().job.workspace
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}
    again = made.whole()
    after = {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}
    assert after == before
    assert again.training == evidence.training
    assert again.measurements == evidence.measurements


def test_a_spoilt_result_is_made_again(done: tuple[World, Evidence]) -> None:
    made, evidence = done
    shipped = made.run().job.workspace / "export" / SHIPPED
    shipped.write_bytes(b"spoilt")
    assert made.whole().artifact(SHIPPED) == evidence.artifact(SHIPPED)


def test_a_new_proposal_is_measured_against_the_incumbent(
    done: tuple[World, Evidence], tmp_path: Path
) -> None:
    made, evidence = done
    live = tmp_path / "pointer.json"
    live.write_text(pointer_of(evidence).text())
    found = made.whole(incumbent=live)
    assert found.incumbent is not None
    incumbent, candidate = found.measurement("incumbent"), found.measurement("candidate")
    assert incumbent is not None
    assert candidate is not None
    assert incumbent.model == candidate.model
    assert incumbent.metrics == candidate.metrics
    assert found.comparison("exact_match", "incumbent", "candidate") is not None
    digest = found.incumbent.artifact
    with pytest.raises(UserError, match="another version is live now"):
        made.run(incumbent=live, expect_incumbent="none")
    assert made.run(incumbent=live, expect_incumbent=digest).job.pointer is not None


def branched(made: World, folder: Path, live: Pointer) -> Path:
    """A clone of the base branch with this version live; return the path of its pointer."""
    clone = folder / "base"
    subprocess.run(["git", "clone", "-q", str(made.repo), str(clone)], check=True)
    place = clone / "models" / "colours" / "pointer.json"
    place.write_text(live.text())
    return place


def test_other_held_out_rows_are_measured_next_to_those_of_the_base_branch(
    done: tuple[World, Evidence], tmp_path: Path
) -> None:
    made, evidence = done
    base = branched(made, tmp_path, pointer_of(evidence))
    same = made.whole(incumbent=base)
    measured = same.measurement("candidate")
    assert measured is not None
    assert same.former == FormerRows(rows=measured.rows)
    other = World(tmp_path, test=rows(range(60, 66)))
    other.options = replace(
        other.options, cache=made.options.cache, registry=made.options.registry, incumbent=base
    )
    found = other.whole()
    assert found.former is not None
    assert found.former.rows == measured.rows
    assert [each.rows for each in found.measurements] != [measured.rows] * 4
    assert [(each.subject, each.rows) for each in found.former.measurements] == [
        ("incumbent", measured.rows),
        ("candidate", measured.rows),
    ]
    assert found.former.comparison("exact_match", "incumbent", "candidate") is not None
    assert contradictions(found) == ()
    published = {each.name for each in found.artifacts}
    assert {"former-outputs-incumbent.jsonl", "former-outputs-candidate.jsonl"} <= published
    again = other.whole()
    assert again.former == found.former
    assert [each.seconds for each in again.measurements] == [
        each.seconds for each in found.measurements
    ]


def test_rows_of_the_base_branch_that_cannot_be_read_are_reported(
    done: tuple[World, Evidence], tmp_path: Path
) -> None:
    made, evidence = done
    base = branched(made, tmp_path, pointer_of(evidence))
    (base.parent / "data" / "test.jsonl").unlink()
    found = made.whole(incumbent=base)
    assert found.former is not None
    assert "test.jsonl" in found.former.why
    assert found.former.measurements == ()


def test_a_rollback_repeats_its_benchmark(done: tuple[World, Evidence], tmp_path: Path) -> None:
    made, evidence = done
    target = pointer_of(evidence)
    repo = shutil.copytree(made.repo, tmp_path / "repo")
    (repo / "models/colours/pointer.json").write_text(target.text())
    run = made.run(repo=repo)
    recover(run)
    found = run.evidence()
    assert found.kind == "recovery"
    assert judge_recovery(run.job.policy, evidence, found, target=target).outcome is Outcome.PASSED


def test_a_rollback_to_a_missing_artifact_is_said(
    done: tuple[World, Evidence], tmp_path: Path
) -> None:
    made, evidence = done
    repo = shutil.copytree(made.repo, tmp_path / "repo")
    (repo / "models/colours/pointer.json").write_text(pointer_of(evidence).text())
    run = made.run(repo=repo, registry=str(tmp_path / "empty"))
    with pytest.raises(UserError, match=r"pointer\.json artifact\.digest: .* cannot be fetched"):
        recover(run)
    assert run.stages[-1].outcome == "errored"


def test_a_rollback_without_a_pointer_is_said(done: tuple[World, Evidence]) -> None:
    with pytest.raises(UserError, match="nothing to recover"):
        recover(done[0].run())


def test_failing_gates_stop_before_training(tmp_path: Path) -> None:
    made = World(tmp_path, base=False, train=[*rows(range(40)), row(900, approved=False)])
    run = made.run()
    with pytest.raises(Stopped, match="approved: 1 finding"):
        run_line(run)
    evidence = run.evidence()
    assert [(stage.stage, stage.outcome) for stage in evidence.stages] == [("validate", "stopped")]
    assert evidence.data is not None
    assert evidence.training is None
    assert not (run.job.workspace / "train").exists()


def test_rows_that_would_be_cut_stop_before_training(tmp_path: Path) -> None:
    made = World(tmp_path, recipe={"max_length": 90})
    run = made.run()
    with pytest.raises(Stopped, match=r"train\.jsonl:\d+: \d+ of 40 rows are longer"):
        run_line(run)
    assert run.stages[-1].outcome == "stopped"


def test_a_base_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    made = World(tmp_path)
    weights = made.repo / "models/colours/base/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UserError, match="but base_model_revision names sha256:"):
        run_line(made.run())


def test_a_base_without_safetensors_is_refused(tmp_path: Path) -> None:
    made = World(tmp_path, base=False)
    (made.repo / "models/colours/base/pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(UserError, match="pickled weights are not read"):
        run_line(made.run())


def test_a_registry_that_cannot_be_written_is_said_and_evidence_is_kept(
    done: tuple[World, Evidence], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    run = done[0].run(registry=str(tmp_path / "file" / "registry"))
    with pytest.raises(UserError, match="cannot be"):
        run_line(run)
    stages = run.evidence().stages
    assert (stages[-1].stage, stages[-1].outcome) == ("publish", "errored")


def test_files_that_change_meanwhile_are_noticed(done: tuple[World, Evidence]) -> None:
    made, _ = done
    run = made.run()
    note = made.repo / "models/colours/contract/note.txt"
    note.write_text("late")
    try:
        with pytest.raises(UserError, match="its files changed during the run"):
            run_line(run)
    finally:
        note.unlink()


def test_outputs_hold_every_row(done: tuple[World, Evidence]) -> None:
    made, _ = done
    path = made.run().job.workspace / "evaluate" / "outputs-candidate.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["id"] for line in lines] == [f"r-{number}" for number in range(60, 72)]
    assert set(lines[0]["scores"]) >= {"exact_match", "schema_valid", "latency", "answered"}
