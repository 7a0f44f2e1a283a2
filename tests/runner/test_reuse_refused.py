"""Earlier evidence that does not apply in every part is not reused, and the run says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from countersign_ml.registry import Registry
from countersign_ml.rows.read.row import rows_digest
from policy.errors import UserError
from policy.facts.evidence import SHIPPED, Evidence
from runner import runner_commands
from runner.line import run_line
from tests.runner.reuse_worlds import MODEL, World, keep, refused, reuses, said, stored, timeless
from tests.runner.worlds import POLICY, commit

STAGES = ["validate", "reuse", "train", "export", "evaluate", "publish", "attest"]


@pytest.fixture(autouse=True)
def _untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")


def test_what_cannot_be_reused_is_run_whole_and_says_why(moved: World, tmp_path: Path) -> None:
    registry = moved.apart(tmp_path)
    shipped = moved.earlier.artifact(SHIPPED)
    assert shipped is not None
    stored(registry, shipped.digest).unlink()
    run = moved.run(tmp_path, reuse=moved.earlier, registry=str(registry))
    run_line(run)
    found = run.evidence()
    assert [stage.stage for stage in found.stages] == STAGES
    assert said(run, "reuse").startswith("nothing is reused from sha256:")
    assert f"has no {shipped.digest}" in said(run, "reuse")
    assert found.reused is None
    assert "reused" not in json.loads(found.text())
    assert found.training is not None
    assert moved.earlier.training is not None
    assert found.training.adapter == moved.earlier.training.adapter
    assert found.training.seconds != moved.earlier.training.seconds
    assert timeless(found) == timeless(moved.whole)
    assert found.comparison("latency", "incumbent", "candidate") is not None


def test_evidence_that_is_not_there_is_said(moved: World, tmp_path: Path) -> None:
    refused(moved.run(tmp_path, reuse="sha256:" + "0" * 64), "has no sha256:0000")


@pytest.mark.parametrize("subject", ["base", "merged", "candidate"])
def test_stored_outputs_that_were_changed_are_noticed(
    moved: World, tmp_path: Path, subject: Any
) -> None:
    registry = moved.apart(tmp_path)
    measurement = moved.earlier.measurement(subject)
    assert measurement is not None
    path = stored(registry, measurement.outputs)
    path.write_text(path.read_text().replace('"finish": "length"', '"finish": "stop"', 1) + " ")
    run = moved.run(tmp_path, reuse=moved.earlier, registry=str(registry))
    refused(run, "the stored bytes were changed")


def test_changed_evidence_is_noticed(moved: World, tmp_path: Path) -> None:
    registry = moved.apart(tmp_path)
    path = stored(registry, moved.earlier.digest())
    path.write_text(path.read_text().replace('"final_loss": ', '"final_loss": 1'))
    run = moved.run(tmp_path, reuse=moved.earlier, registry=str(registry))
    refused(run, "the stored bytes were changed")


def test_evidence_of_another_proposal_is_refused(moved: World, tmp_path: Path) -> None:
    run = moved.run(tmp_path, reuse=moved.earlier)
    recipe = run.job.folder.path / "recipe.yml"
    recipe.write_text(recipe.read_text().replace("seed: 3", "seed: 4"))
    commit(run.job.folder.repo)
    refused(moved.run(tmp_path, reuse=moved.earlier), "is about")


def test_a_policy_that_bounds_a_time_is_given_a_whole_run(moved: World, tmp_path: Path) -> None:
    gates = [*POLICY["gates"]["metrics"], {"metric": "latency", "max_drop": 9.0}]
    policy = tmp_path / "policy.yml"
    policy.write_text(yaml.safe_dump(POLICY | {"gates": POLICY["gates"] | {"metrics": gates}}))
    run = moved.run(tmp_path, reuse=moved.earlier, policy=policy)
    refused(run, "bounds the drop of latency")
    assert reuses(
        moved.run(tmp_path, reuse=moved.earlier, policy=policy, incumbent=tmp_path / "none.json")
    )


def _other_runner(evidence: Evidence) -> Evidence:
    other = evidence.producer.model_copy(update={"runner_version": "0.0.9"})
    return evidence.model_copy(update={"producer": other})


def _stopped(evidence: Evidence) -> Evidence:
    return Evidence(
        **dict(evidence)
        | {"stages": evidence.stages[:1], "data": evidence.data}
        | dict.fromkeys(("training", "parity"))
        | dict.fromkeys(("measurements", "comparisons", "artifacts", "samples"), ())
    )


def _other_rows(evidence: Evidence) -> Evidence:
    other = [each.model_copy(update={"rows": rows_digest(())}) for each in evidence.measurements]
    return evidence.model_copy(update={"measurements": tuple(other)})


def _other_training_rows(evidence: Evidence) -> Evidence:
    assert evidence.training is not None
    other = evidence.training.model_copy(update={"dataset": rows_digest(())})
    return evidence.model_copy(update={"training": other})


def _other_figures(evidence: Evidence) -> Evidence:
    other = [each.model_copy(update={"seconds": 0.5}) for each in evidence.measurements]
    return evidence.model_copy(update={"measurements": tuple(other)})


def _other_size(evidence: Evidence) -> Evidence:
    other = [each.model_copy(update={"size": each.size + 1}) for each in evidence.artifacts]
    return evidence.model_copy(update={"artifacts": tuple(other)})


def _other_gates(evidence: Evidence) -> Evidence:
    assert evidence.data is not None
    gates = [each.model_copy(update={"count": 1}) for each in evidence.data.gates]
    other = evidence.data.model_copy(update={"gates": tuple(gates)})
    return evidence.model_copy(update={"data": other})


def _other_split(evidence: Evidence) -> Evidence:
    assert evidence.data is not None
    splits = [each.model_copy(update={"digest": rows_digest(())}) for each in evidence.data.splits]
    other = evidence.data.model_copy(update={"splits": tuple(splits)})
    return evidence.model_copy(update={"data": other})


def _contradicted(evidence: Evidence) -> Evidence:
    shares = [
        each.model_copy(update={"counts": each.counts.model_copy(update={"both": 13})})
        for each in evidence.comparisons
        if each.counts is not None
    ]
    return evidence.model_copy(update={"comparisons": tuple(shares)})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_other_runner, r"measured by runner 0\.0\.9"),
        (_stopped, "train was not run"),
        (_other_rows, "the test rows are not those"),
        (_other_training_rows, "the train rows are not those"),
        (_other_figures, "outputs of base, scored again, do not give its recorded figures"),
        (_other_size, r"model\.gguf has \d+ bytes in the registry, but \d+ in the evidence"),
        (_other_gates, "the data gates now count contract differently"),
        (_other_split, "the data gates now count the files' rows differently"),
        (_contradicted, "does not match the measured figures"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_evidence_that_does_not_fit_is_refused(
    moved: World, tmp_path: Path, change: Callable[[Evidence], Evidence], reason: str
) -> None:
    digest = keep(change(moved.earlier), moved.registry, tmp_path)
    refused(moved.run(tmp_path, reuse=digest), reason)


@pytest.mark.parametrize("spoilt", ["swapped", "short", "other subject", "no object"])
def test_outputs_that_are_not_whole_are_refused(moved: World, tmp_path: Path, spoilt: str) -> None:
    measurement = moved.earlier.measurement("candidate")
    assert measurement is not None
    lines = stored(moved.registry, measurement.outputs).read_text().split("\n")[:-1]
    changed = {
        "swapped": [lines[1], lines[0], *lines[2:]],
        "short": lines[:-1],
        "other subject": [line.replace('"candidate"', '"merged"') for line in lines],
        "no object": [*lines[:-1], lines[-1][:-9]],
    }[spoilt]
    path = tmp_path / "outputs.jsonl"
    path.write_text("\n".join(changed) + "\n")
    outputs = Registry(str(moved.registry)).publish(path, media="application/jsonl").digest
    other = [
        each.model_copy(update={"outputs": outputs}) if each.subject == "candidate" else each
        for each in moved.earlier.measurements
    ]
    evidence = moved.earlier.model_copy(update={"measurements": tuple(other)})
    run = moved.run(tmp_path, reuse=keep(evidence, moved.registry, tmp_path))
    refused(run, "the outputs of candidate are damaged")


def test_a_digest_is_a_digest(moved: World, tmp_path: Path) -> None:
    for given in ("sha256:../../etc/passwd", "sha256:" + "A" * 64, "", "0" * 64):
        with pytest.raises(UserError, match=r"--reuse: .* is not a digest of evidence; give sha"):
            moved.run(tmp_path, reuse=given)
    with pytest.raises(UserError, match="combined with --fresh"):
        moved.run(tmp_path, reuse=moved.earlier, fresh=True)


def test_the_command_reuses_and_keeps_its_evidence(
    moved: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry, path = moved.apart(tmp_path), tmp_path / "evidence.json"
    words = [MODEL, "--repo", str(moved.repo), "--registry", str(registry), "--json", "--quiet"]
    words += ["--incumbent", str(moved.live), "--cache", str(tmp_path), "--evidence", str(path)]
    assert runner_commands.run([*words, "--reuse", moved.earlier.digest()]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["reused"] == moved.earlier.digest()
    assert Registry(str(registry)).verify(value["digest"]).size == path.stat().st_size
