"""The demo: what it plants, what it refuses to delete, and (slowly) all of it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from countersign_ml.demo.demo_command import fresh_folder
from countersign_ml.demo.demo_world import MODEL, PROJECT
from countersign_ml.demo.proposals import (
    FIRST_ROWS,
    add_rows,
    lay_down_model,
    plant_defects,
    slow_down,
)
from countersign_ml.demo.timeline import FactFailedError, Timeline
from policy.errors import UserError
from runner.runner_commands import validate


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository as the demo's people see it after the first version."""
    folder = tmp_path / "clone"
    (folder / "policy").mkdir(parents=True)
    shutil.copyfile(PROJECT / "policy" / "policy.yml", folder / "policy" / "policy.yml")
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    lay_down_model(folder)
    return folder


def gates(clone: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, list[int]]]:
    """Return the exit code of the data gates, and each gate's lines in train.jsonl."""
    capsys.readouterr()
    code = validate([MODEL, "--repo", str(clone), "--json"])
    report = json.loads(capsys.readouterr().out)
    found = {
        gate["gate"]: sorted(
            finding["line"]
            for finding in gate["findings"]
            if finding["file"].endswith("train.jsonl")
        )
        for gate in report["gates"]
    }
    return code, found


def test_the_first_version_and_the_good_proposal_pass_the_gates(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gates(clone, capsys)[0] == 0
    train = clone / "models" / MODEL / "data" / "train.jsonl"
    assert len(train.read_text().splitlines()) == FIRST_ROWS
    added = add_rows(clone)
    assert added > 1000
    assert gates(clone, capsys)[0] == 0


def test_each_planted_defect_is_found_at_its_line_and_nothing_else(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = plant_defects(clone)
    code, found = gates(clone, capsys)
    assert code == 1
    assert found["contract"] == sorted([at["broken JSON"], at["label outside the schema"]])
    assert found["approved"] == [at["not approved"]]
    assert found["provenance"] == [at["no licence"]]
    assert at["duplicate"] in found["duplicates"]
    everywhere = {line for lines in found.values() for line in lines}
    assert everywhere <= set(at.values()) | {1}
    validate([MODEL, "--repo", str(clone), "--json"])
    report = json.loads(capsys.readouterr().out)
    leaks = next(g["findings"] for g in report["gates"] if g["gate"] == "leakage")
    assert len(leaks) == 1
    assert f"train.jsonl:{at['leaked test row']}" in leaks[0]["message"]


def test_the_worse_recipe_changes_one_line(clone: Path) -> None:
    recipe = clone / "models" / MODEL / "recipe.yml"
    before = recipe.read_text().splitlines()
    slow_down(clone)
    after = recipe.read_text().splitlines()
    assert [line for line in after if line not in before] == ["learning_rate: 2.0e-4"]
    assert len(before) == len(after)


def test_a_folder_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="not the demo's"):
        fresh_folder(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_the_demos_own_folder_is_emptied(tmp_path: Path) -> None:
    folder = fresh_folder(tmp_path / "out")
    (folder / "page.html").write_text("old")
    assert not (fresh_folder(folder) / "page.html").exists()


def test_a_fact_that_does_not_hold_ends_it() -> None:
    timeline = Timeline(Console(file=io.StringIO()))
    timeline.fact("water is wet", True)
    with pytest.raises(FactFailedError, match="found: dry"):
        timeline.fact("water is wet", False, "dry")
    assert timeline.facts == 1


@pytest.mark.slow
def test_every_fact_of_the_demo_holds(tmp_path: Path) -> None:
    words = ["demo", "--output", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "countersign_ml", *words], cwd=PROJECT, check=False
    )
    assert done.returncode == 0
    pages = {page.name for page in (tmp_path / "out" / "pages").glob("*-pull-*.html")}
    assert len(pages) == 5
    openssf_verifies(tmp_path / "out")


def openssf_verifies(output: Path) -> None:
    """OpenSSF's own command accepts every model file that the runner published."""
    folder = output / "signatures"
    signatures = sorted(folder.glob("*.sig"))
    assert len(signatures) == 2
    for signature in signatures:
        start = signature.stem.partition("-")[2]
        (model,) = (output / "registry" / "sha256").glob(f"*/{start}*")
        words = ["verify", "key", model, "--signature", signature]
        command = [sys.executable, "-m", "model_signing", *words]
        command += ["--public_key", folder / "countersign.pem"]
        subprocess.run(list(map(str, command)), check=True)
