"""The line with a judge model over HTTP: its facts are bound, and its failures never pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from policy.facts.evidence import Evidence, parse_evidence
from policy.gates.consistency import contradictions
from policy.gates.judge import judge
from policy.verdict import Finding, Outcome
from runner.job import Options, open_job
from runner.line import run_line
from runner.run import Run
from tests.runner.endpoint_server import Rule, Server, endpoint_server, html, plain
from tests.runner.reuse_worlds import World, keep
from tests.runner.test_win_rate_pairs import by
from tests.runner.worlds import POLICY, world

KEY = "JUDGE_KEY_OF_A_TEST"


@pytest.fixture(autouse=True)
def _untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv(KEY, "sk-of-a-test")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = {"task": "classification", "schema_version": 1, "label_field": "colour"}
    contract = labels | {"output_schema": "output.schema.json"}
    return world(tmp_path_factory.mktemp("judging") / "repo", contract=contract)


def asking(folder: Path, server: Server | None, name: str = "judge", **gate: Any) -> Path:
    """Write a policy with a judge (or with people only) and return its file."""
    rules: dict[str, Any] = {**POLICY, "spot_check": {"rows": 4, "sign": {"ml-lead": 1}}}
    if server is not None:
        asked = {"base_url": server.base_url, "model": name, "key_env": KEY, "attempts": 1}
        found = {"judge": asked, "min": 0.0, "margin": 1, "max_flip_rate": 1, **gate}
        rules["gates"] = {**POLICY["gates"], "win_rate": found}
    path = folder / f"{name}.yml"
    path.write_text(yaml.safe_dump(rules))
    return path


def whole(repo: Path, folder: Path, policy: Path) -> Run:
    options = Options(
        repo=repo,
        policy=policy,
        cache=folder / "cache",
        registry=str(folder / "registry"),
        quiet=True,
    )
    run = Run(open_job("colours", options))
    run_line(run)
    return run


def verdict(run: Run) -> Finding:
    job, found = run.job, run.evidence()
    live = job.incumbent.artifact if job.incumbent else None
    return judge(job.policy, found, proposal_digest=job.folder.proposal.digest, incumbent=live)


def measured(evidence: Evidence, subject: Any) -> str:
    found = evidence.measurement(subject)
    assert found is not None
    return found.outputs


def test_the_candidate_is_judged_against_the_base_where_nothing_is_live(
    repo: Path, tmp_path: Path
) -> None:
    with endpoint_server(by(len)) as server:
        policy = asking(tmp_path, server)
        run = whole(repo, tmp_path, policy)
        asked = len(server.asked)
        again = whole(repo, tmp_path, policy)
        assert len(server.asked) == asked > 0
    found = run.evidence()
    facts, sample = found.win_rate, found.spot_check
    assert facts is not None
    assert sample is not None
    assert facts.first_outputs == sample.against_outputs == measured(found, "base")
    assert facts.second_outputs == sample.candidate_outputs == measured(found, "candidate")
    assert facts.judged == facts.pairs == sample.drawn_from.rows == 12
    assert (facts.calls, facts.cached_calls) == (asked, 0)
    assert len(sample.rows) == 4
    assert {row.judged for row in sample.rows} <= {"first", "second", "tie"}
    assert [stage.stage for stage in found.stages][4:6] == ["win_rate", "publish"]
    assert verdict(run).outcome is Outcome.PASSED, verdict(run).blocking()
    assert contradictions(found) == ()
    assert parse_evidence(found.text(), "here") == found
    assert "sk-of-a-test" not in found.text()
    assert {headers["Authorization"] for _, headers, _ in server.asked} == {"Bearer sk-of-a-test"}
    cached = again.evidence()
    assert cached.spot_check == sample
    assert cached.win_rate is not None
    assert (cached.win_rate.calls, cached.win_rate.cached_calls) == (0, asked)


@pytest.mark.parametrize(
    ("rule", "outcome", "told"),
    [
        (lambda body, before: html(), Outcome.FAILED, "0 of 12 pairs were judged"),
        (lambda body, before: plain({"error": "who?"}, 401), Outcome.MISSING, "was called"),
    ],
)
def test_a_judge_that_answers_nothing_lets_nothing_through_and_costs_no_training(
    repo: Path, tmp_path: Path, rule: Rule, outcome: Outcome, told: str
) -> None:
    with endpoint_server(rule) as server:
        run = whole(repo, tmp_path, asking(tmp_path, server, min_coverage=0.01))
    found = verdict(run)
    assert not found.outcome.lets_through
    (rate,) = (part for part in found.parts if part.name == "win_rate")
    assert rate.outcome is outcome
    assert told in rate.sentence
    evidence = run.evidence()
    assert evidence.artifacts
    assert evidence.spot_check is not None
    assert {row.judged for row in evidence.spot_check.rows} <= {"failed", "tie", ""}
    if evidence.win_rate is None:
        (stage,) = (each for each in evidence.stages if each.stage == "win_rate")
        assert stage.outcome == "errored"
        assert "401" in stage.message


def test_the_classes_of_a_classification_stand_in_the_evidence(repo: Path, tmp_path: Path) -> None:
    found = whole(repo, tmp_path, asking(tmp_path, None)).evidence()
    candidate = found.measurement("candidate")
    assert candidate is not None
    accuracy = candidate.metric("accuracy")
    assert accuracy is not None
    assert set(found.classes) == {"candidate"}
    classes = found.classes["candidate"]
    assert (classes.rows, classes.right) == (accuracy.n, accuracy.successes)
    assert contradictions(found) == ()
    less = classes.model_copy(update={"right": classes.right + 1})
    spoilt = found.model_copy(update={"classes": {"candidate": less}})
    assert any("classes" in each for each in contradictions(spoilt))


def test_people_may_read_a_sample_without_a_judge(repo: Path, tmp_path: Path) -> None:
    run = whole(repo, tmp_path, asking(tmp_path, None))
    found = run.evidence()
    assert found.win_rate is None
    assert found.spot_check is not None
    assert {row.judged for row in found.spot_check.rows} == {""}
    assert "win_rate" not in [stage.stage for stage in found.stages]
    assert verdict(run).outcome is Outcome.PASSED, verdict(run).blocking()


def test_a_policy_that_asks_for_nothing_leaves_no_trace(moved: World) -> None:
    assert not {"win_rate", "spot_check", "classes"} & set(moved.whole.text().split('"'))


def test_reused_answers_are_judged_against_the_live_version(moved: World, tmp_path: Path) -> None:
    with endpoint_server(by(len)) as server:
        policy = asking(tmp_path, server)
        run = moved.run(tmp_path, reuse=moved.earlier, policy=policy)
        run_line(run)
    found = run.evidence()
    assert found.reused == moved.earlier.digest()
    assert found.win_rate is not None
    assert found.spot_check is not None
    assert found.spot_check.against == "incumbent"
    assert found.win_rate.first_outputs == measured(found, "incumbent")
    assert verdict(run).outcome is Outcome.PASSED, verdict(run).blocking()


def test_answers_of_a_run_whose_judge_failed_are_reused(moved: World, tmp_path: Path) -> None:
    with endpoint_server(lambda body, before: plain({}, 401)) as server:
        run = moved.run(tmp_path, reuse=moved.earlier, policy=asking(tmp_path, server))
        run_line(run)
    failed = run.evidence()
    assert failed.win_rate is None
    assert failed.reused == moved.earlier.digest()
    digest = keep(failed, moved.registry, tmp_path)
    with endpoint_server(by(len)) as server:
        again = moved.run(tmp_path, reuse=digest, policy=asking(tmp_path, server))
        run_line(again)
    assert again.evidence().reused == digest
    assert verdict(again).outcome is Outcome.PASSED, verdict(again).blocking()
