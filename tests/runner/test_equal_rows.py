"""The held-out rows that another model of the base branch has too, and the comparison with it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from policy.files.rules import EqualRowsRules
from policy.gates.consistency import contradictions
from policy.gates.equal_rows_gate import judge_equal_rows
from policy.verdict import Outcome
from runner.equal_rows import equal_rows
from runner.job import Job, Options, open_job
from runner.line import run_line
from runner.run import Run
from tests.runner.test_line import World, pointer_of
from tests.runner.worlds import row, rows, world


def job(folder: Path, base: Path | None) -> Job:
    options = Options(repo=folder, cache=folder.parent / "cache", quiet=True)
    return replace(open_job("colours", options), base=base)


def test_equal_questions_are_counted_in_any_case_and_spacing(tmp_path: Path) -> None:
    base = world(tmp_path / "base", model="shades", test=rows(range(40, 50)), base=False)
    changed = row(41, id="other")
    changed["messages"][1]["content"] = changed["messages"][1]["content"].upper().replace(" ", "  ")
    mine = [row(40), changed, row(60), row(61), row(62)]
    head = world(tmp_path / "head", test=mine, base=False)
    (found,) = equal_rows(job(head, base))
    assert (found.model, found.equal, found.of, found.version) == ("shades", 2, 5, "")


def test_rows_that_cannot_be_read_are_listed_with_the_reason(tmp_path: Path) -> None:
    base = world(tmp_path / "base", model="shades", base=False)
    (base / "models" / "shades" / "data" / "test.jsonl").unlink()
    head = world(tmp_path / "head", base=False)
    (found,) = equal_rows(job(head, base))
    assert "test.jsonl" in found.why


def test_the_same_rows_are_listed_for_no_model_but_another(tmp_path: Path) -> None:
    head = world(tmp_path / "head", base=False)
    assert equal_rows(job(head, head)) == ()


def test_the_live_version_of_the_other_model_is_measured_if_the_policy_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    made = World(tmp_path, model="shades")
    shades = Run(open_job("shades", made.options))
    run_line(shades)
    first = shades.evidence()
    base = tmp_path / "base"
    subprocess.run(["git", "clone", "-q", str(made.repo), str(base)], check=True)
    live = pointer_of(first)
    (base / "models" / "shades" / "pointer.json").write_text(live.text())
    head = world(tmp_path / "head")
    opened = replace(open_job("colours", replace(made.options, repo=head)), base=base)
    gates = opened.policy.gates.model_copy(update={"equal_rows": EqualRowsRules()})
    policy = opened.policy.model_copy(update={"gates": gates})
    run = Run(replace(opened, policy=policy))
    run_line(run)
    found = run.evidence()
    ((other,), (rival,)) = found.equal_rows, found.rivals
    assert (other.model, other.equal, other.of) == ("shades", 12, 12)
    assert rival.measurements[0].model == live.artifact.digest
    assert contradictions(found) == ()
    (finding,) = judge_equal_rows(policy, found)
    assert finding.outcome is Outcome.PASSED, finding.sentence
    published = {each.name for each in found.artifacts}
    assert {
        f"rival-shades-outputs-{each}.jsonl" for each in ("incumbent", "candidate")
    } <= published
