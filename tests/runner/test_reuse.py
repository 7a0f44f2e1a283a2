"""A run that rests on earlier evidence finds what a whole run finds, and trains nothing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy.consistency import contradictions
from policy.errors import UserError
from policy.evidence import SHIPPED, Evidence, parse_evidence
from policy.governed import evidence_path
from policy.judge import judge
from policy.recipe import Decoding
from policy.release import pointer_of
from policy.verdict import Outcome
from registry import Registry
from runner import commands
from runner.attest import write_evidence
from runner.job import Options, open_job
from runner.line import Run, accepted_rows, run_line, validate
from runner.metrics import TIMES
from runner.publish import publish_evidence
from runner.reuse import reuse_outputs
from runner.rows import rows_digest
from runner.stored_outputs import NotReusable, read_stored, require_decoding
from tests.runner.worlds import POLICY, commit, world

MODEL = "colours"
RECIPE = {"lora_r": 16, "learning_rate": 1e-2, "decoding": {"max_new_tokens": 40}}
STAGES = ["validate", "reuse", "train", "export", "evaluate", "publish", "attest"]


@dataclass(frozen=True)
class World:
    """A proposal that was measured against nothing, and a version that went live meanwhile."""

    repo: Path
    registry: Path
    live: Path
    """The pointer of the live version."""
    released: Evidence
    earlier: Evidence
    whole: Evidence
    """The proposal measured against the live version, by the whole line."""

    def run(self, folder: Path, *, reuse: Evidence | str, **changes: Any) -> Run:
        """Return a run of a clean checkout, on a machine that kept nothing."""
        repo = folder / "repo"
        if not repo.exists():
            shutil.copytree(self.repo, repo, ignore=shutil.ignore_patterns(".countersign"))
        options = Options(
            repo=repo,
            cache=folder / "cache",
            registry=str(self.registry),
            incumbent=self.live,
            reuse=reuse if isinstance(reuse, str) else reuse.digest(),
            quiet=True,
        )
        return Run(open_job(MODEL, replace(options, **changes)))

    def apart(self, folder: Path) -> Path:
        """Return a copy of the registry, which a test may spoil."""
        return Path(shutil.copytree(self.registry, folder / "registry"))


@pytest.fixture(autouse=True)
def _untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("reuse")
    registry, cache = folder / "registry", folder / "cache"

    def whole(repo: Path, *more: str) -> Evidence:
        path = folder / "evidence.json"
        words = [MODEL, "--repo", str(repo), "--registry", str(registry), "--cache", str(cache)]
        assert commands.run([*words, "--evidence", str(path), "--quiet", *more]) == 0
        return parse_evidence(path.read_bytes(), str(path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        live = world(folder / "live", recipe=RECIPE | {"max_steps": 60})
        released = whole(live)
        repo = world(folder / "repo", recipe=RECIPE | {"max_steps": 90})
        earlier = whole(repo)
        pointer = folder / "pointer.json"
        moved = pointer_of(released)
        assert moved is not None
        pointer.write_text(moved.text())
        measured = whole(repo, "--incumbent", str(pointer))
    return World(repo, registry, pointer, released, earlier, measured)


@pytest.fixture(scope="module")
def reused(made: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Evidence]:
    run = made.run(tmp_path_factory.mktemp("reused"), reuse=made.earlier)
    run_line(run)
    return run, run.evidence()


def timeless(evidence: Evidence) -> list[Any]:
    """Return every measurement and comparison without times and what is named by their bytes."""
    measured = [
        each.model_copy(
            update={
                "seconds": 0.0,
                "outputs": "",
                "metrics": tuple(one for one in each.metrics if one.name not in TIMES),
            }
        )
        for each in evidence.measurements
    ]
    return [*measured, *(each for each in evidence.comparisons if each.metric not in TIMES)]


def test_it_finds_what_a_whole_run_finds(made: World, reused: tuple[Run, Evidence]) -> None:
    found, whole = reused[1], made.whole
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


def test_its_evidence_holds(made: World, reused: tuple[Run, Evidence]) -> None:
    run, found = reused
    assert contradictions(found) == ()
    live = made.released.artifact(SHIPPED)
    assert live is not None
    verdict = judge(
        run.job.policy,
        found,
        proposal_digest=run.job.folder.proposal.digest,
        incumbent=live.digest,
    )
    assert verdict.outcome is Outcome.PASSED, [part.sentence for part in verdict.blocking()]
    assert parse_evidence(found.text(), "here") == found
    assert found.reused == made.earlier.digest()
    registry = Registry(str(made.registry))
    for artifact in found.artifacts:
        assert registry.verify(artifact.digest).size == artifact.size


def test_it_trains_exports_and_asks_nothing(made: World, reused: tuple[Run, Evidence]) -> None:
    run, found = reused
    assert [stage.stage for stage in found.stages] == STAGES
    assert {stage.outcome for stage in found.stages} == {"done"}
    short = made.earlier.digest()[:19]
    said = {stage.stage: stage.message for stage in found.stages}
    assert said["train"] == said["export"] == f"reused from {short}..."
    assert said["evaluate"] == (
        f"answers reused from {short}...; the incumbent's from its own evidence "
        f"{made.released.digest()[:19]}..."
    )
    assert {path.name for path in run.job.workspace.iterdir()} == {"validate", "reuse"}
    assert not run.job.cache.exists()
    before = {stage.stage: stage.seconds for stage in made.earlier.stages}
    assert sum(stage.seconds for stage in found.stages) < before["train"]


def test_times_of_two_runs_are_not_compared(made: World, reused: tuple[Run, Evidence]) -> None:
    found = reused[1]
    assert found.comparison("latency", "incumbent", "candidate") is None
    same = found.comparison("latency", "base", "candidate")
    assert same == made.earlier.comparison("latency", "base", "candidate")
    assert made.whole.comparison("latency", "incumbent", "candidate") is not None


def test_what_rests_on_evidence_can_be_rested_on(
    made: World, reused: tuple[Run, Evidence], tmp_path: Path
) -> None:
    _, found = reused
    run = made.run(tmp_path, reuse=keep(found, made.registry, tmp_path))
    assert reuses(run), run.found.stages[-1].message
    again = run.evidence()
    assert again.reused == found.digest()
    assert timeless(again) == timeless(found)


def test_where_nothing_is_live_no_incumbent_is_left(
    made: World, reused: tuple[Run, Evidence], tmp_path: Path
) -> None:
    digest = keep(reused[1], made.registry, tmp_path)
    run = made.run(tmp_path, reuse=digest, incumbent=tmp_path / "none.json")
    assert reuses(run)
    found = run.evidence()
    assert found.incumbent is None
    assert found.measurement("incumbent") is None
    assert found.artifact("outputs-incumbent.jsonl") is None
    assert timeless(found) == timeless(made.earlier)


def test_the_record_of_the_live_version_may_lie_in_the_checkout(
    made: World, tmp_path: Path
) -> None:
    registry = made.apart(tmp_path)
    stored(registry, made.released.digest()).unlink()
    run = made.run(tmp_path, reuse=made.earlier, registry=str(registry))
    pointer = run.job.pointer
    assert pointer is not None
    path = run.job.folder.repo / evidence_path(MODEL, pointer.version)
    write_evidence(made.released, path)
    assert reuses(run)
    assert timeless(run.evidence()) == timeless(made.whole)
    assert "from its own evidence" in said(run, "evaluate")


def test_an_incumbent_without_a_record_is_asked_and_nothing_else_is(
    made: World, tmp_path: Path
) -> None:
    registry = made.apart(tmp_path)
    stored(registry, made.released.digest()).unlink()
    run = made.run(tmp_path, reuse=made.earlier, registry=str(registry))
    assert reuses(run), said(run, "reuse")
    found = run.evidence()
    assert timeless(found) == timeless(made.whole)
    assert found.comparison("latency", "incumbent", "candidate") is None
    assert "the incumbent was asked now: its recorded evidence is not to be had" in said(
        run, "evaluate"
    )
    assert len(list((run.job.cache / "answers").rglob("*.jsonl"))) == 1


def test_an_incumbent_that_was_asked_elsewhere_is_asked_here(made: World, tmp_path: Path) -> None:
    other = made.released.producer.model_copy(update={"device": "another machine"})
    record = made.released.model_copy(update={"producer": other})
    keep(record, made.registry, tmp_path)
    live = pointer_of(record)
    assert live is not None
    path = tmp_path / "pointer.json"
    path.write_text(live.text())
    run = made.run(tmp_path, reuse=made.earlier, incumbent=path)
    assert reuses(run)
    assert "it was asked with another device" in said(run, "evaluate")
    assert timeless(run.evidence()) == timeless(made.whole)


def test_a_candidate_and_an_incumbent_are_asked_on_one_device(made: World, tmp_path: Path) -> None:
    other = made.earlier.producer.model_copy(update={"device": "another machine"})
    digest = keep(made.earlier.model_copy(update={"producer": other}), made.registry, tmp_path)
    refused(made.run(tmp_path, reuse=digest), "the candidate was asked by .* on another machine")


@pytest.mark.parametrize(
    ("limit", "holds"), [(40, True), (41, False), (39, False)], ids=["same", "more", "fewer"]
)
def test_answers_show_the_limit_that_they_were_given_under(
    made: World, tmp_path: Path, limit: int, holds: bool
) -> None:
    run = made.run(tmp_path, reuse=made.earlier)
    rows = accepted_rows(run.job, "test")
    measurement = made.earlier.measurement("base")  # an untrained model never stops
    assert measurement is not None
    answers = read_stored(Registry(str(made.registry)), run.job.folder, rows, measurement, tmp_path)
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


# What cannot be rested on


def test_what_cannot_be_reused_is_run_whole_and_says_why(made: World, tmp_path: Path) -> None:
    registry = made.apart(tmp_path)
    shipped = made.earlier.artifact(SHIPPED)
    assert shipped is not None
    stored(registry, shipped.digest).unlink()
    run = made.run(tmp_path, reuse=made.earlier, registry=str(registry))
    run_line(run)
    found = run.evidence()
    assert [stage.stage for stage in found.stages] == STAGES
    assert said(run, "reuse").startswith("nothing is reused from sha256:")
    assert f"has no {shipped.digest}" in said(run, "reuse")
    assert found.reused is None
    assert "reused" not in json.loads(found.text())
    assert found.training is not None
    assert made.earlier.training is not None
    assert found.training.adapter == made.earlier.training.adapter
    assert found.training.seconds != made.earlier.training.seconds
    assert timeless(found) == timeless(made.whole)
    assert found.comparison("latency", "incumbent", "candidate") is not None


def test_evidence_that_is_not_there_is_said(made: World, tmp_path: Path) -> None:
    refused(made.run(tmp_path, reuse="sha256:" + "0" * 64), "has no sha256:0000")


@pytest.mark.parametrize("subject", ["base", "merged", "candidate"])
def test_stored_outputs_that_were_changed_are_noticed(
    made: World, tmp_path: Path, subject: Any
) -> None:
    registry = made.apart(tmp_path)
    measurement = made.earlier.measurement(subject)
    assert measurement is not None
    path = stored(registry, measurement.outputs)
    path.write_text(path.read_text().replace('"finish": "length"', '"finish": "stop"', 1) + " ")
    run = made.run(tmp_path, reuse=made.earlier, registry=str(registry))
    refused(run, "the stored bytes were changed")


def test_changed_evidence_is_noticed(made: World, tmp_path: Path) -> None:
    registry = made.apart(tmp_path)
    path = stored(registry, made.earlier.digest())
    path.write_text(path.read_text().replace('"final_loss": ', '"final_loss": 1'))
    run = made.run(tmp_path, reuse=made.earlier, registry=str(registry))
    refused(run, "the stored bytes were changed")


def test_evidence_of_another_proposal_is_refused(made: World, tmp_path: Path) -> None:
    run = made.run(tmp_path, reuse=made.earlier)
    recipe = run.job.folder.path / "recipe.yml"
    recipe.write_text(recipe.read_text().replace("seed: 3", "seed: 4"))
    commit(run.job.folder.repo)
    refused(made.run(tmp_path, reuse=made.earlier), "is about")


def test_a_policy_that_bounds_a_time_is_given_a_whole_run(made: World, tmp_path: Path) -> None:
    gates = [*POLICY["gates"]["metrics"], {"metric": "latency", "max_drop": 9.0}]
    policy = tmp_path / "policy.yml"
    policy.write_text(yaml.safe_dump(POLICY | {"gates": POLICY["gates"] | {"metrics": gates}}))
    run = made.run(tmp_path, reuse=made.earlier, policy=policy)
    refused(run, "bounds the drop of latency")
    assert reuses(
        made.run(tmp_path, reuse=made.earlier, policy=policy, incumbent=tmp_path / "none.json")
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
        (_other_size, r"model\.gguf has \d+ bytes in the registry, and \d+ in the evidence"),
        (_other_gates, "the data gates count contract otherwise today"),
        (_other_split, "the data gates count the files' rows otherwise today"),
        (_contradicted, "is of other figures than those measured"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_evidence_that_does_not_fit_is_refused(
    made: World, tmp_path: Path, change: Callable[[Evidence], Evidence], reason: str
) -> None:
    digest = keep(change(made.earlier), made.registry, tmp_path)
    refused(made.run(tmp_path, reuse=digest), reason)


@pytest.mark.parametrize("spoilt", ["swapped", "short", "other subject", "no object"])
def test_outputs_that_are_not_whole_are_refused(made: World, tmp_path: Path, spoilt: str) -> None:
    measurement = made.earlier.measurement("candidate")
    assert measurement is not None
    lines = stored(made.registry, measurement.outputs).read_text().split("\n")[:-1]
    changed = {
        "swapped": [lines[1], lines[0], *lines[2:]],
        "short": lines[:-1],
        "other subject": [line.replace('"candidate"', '"merged"') for line in lines],
        "no object": [*lines[:-1], lines[-1][:-9]],
    }[spoilt]
    path = tmp_path / "outputs.jsonl"
    path.write_text("\n".join(changed) + "\n")
    outputs = Registry(str(made.registry)).publish(path, media="application/jsonl").digest
    other = [
        each.model_copy(update={"outputs": outputs}) if each.subject == "candidate" else each
        for each in made.earlier.measurements
    ]
    evidence = made.earlier.model_copy(update={"measurements": tuple(other)})
    run = made.run(tmp_path, reuse=keep(evidence, made.registry, tmp_path))
    refused(run, "the outputs of candidate are not whole")


def test_a_digest_is_a_digest(made: World, tmp_path: Path) -> None:
    for given in ("sha256:../../etc/passwd", "sha256:" + "A" * 64, "", "0" * 64):
        with pytest.raises(UserError, match=r"--reuse: .* is no digest of evidence; give sha256:"):
            made.run(tmp_path, reuse=given)
    with pytest.raises(UserError, match="beside --fresh"):
        made.run(tmp_path, reuse=made.earlier, fresh=True)


def test_the_command_reuses_and_keeps_its_evidence(
    made: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry, path = made.apart(tmp_path), tmp_path / "evidence.json"
    words = [MODEL, "--repo", str(made.repo), "--registry", str(registry), "--json", "--quiet"]
    words += ["--incumbent", str(made.live), "--cache", str(tmp_path), "--evidence", str(path)]
    assert commands.run([*words, "--reuse", made.earlier.digest()]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["reused"] == made.earlier.digest()
    assert Registry(str(registry)).verify(value["digest"]).size == path.stat().st_size


def reuses(run: Run) -> bool:
    """Run the gates and then rest on what the run names; False where it cannot."""
    run.found.data = validate(run).facts
    assert run.job.reuse is not None
    return reuse_outputs(run, run.job.reuse)


def refused(run: Run, reason: str) -> None:
    """Assert that nothing is reused, that the stage says why, and that nothing was found by it."""
    assert not reuses(run)
    (stage,) = run.found.stages
    assert (stage.stage, stage.outcome) == ("reuse", "done")
    assert stage.message.startswith("nothing is reused from sha256:")
    assert re.search(reason, stage.message), stage.message
    found = run.evidence()
    assert (found.training, found.measurements, found.artifacts) == (None, (), ())
    assert found.reused is None


def said(run: Run, stage: str) -> str:
    return next(each.message for each in run.found.stages if each.stage == stage)


def stored(registry: Path, digest: str) -> Path:
    """Return where a registry in a folder keeps a file."""
    name = digest.removeprefix("sha256:")
    return registry / "sha256" / name[:2] / name


def keep(evidence: Evidence, registry: Path, folder: Path) -> str:
    """Put evidence into the registry as a run does; return its digest."""
    path = folder / "kept.json"
    write_evidence(evidence, path)
    publish_evidence(str(registry), path)
    return evidence.digest()
