"""Inputs of the finetune workflow reach the command as arguments, never as code."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOW = Path(__file__).parents[2] / ".github/workflows/finetune.yml"
PRINTED = 'countersign() { printf "%s\\n" "$@"; }\n'
DIGEST = "sha256:" + "7" * 64


def shipped() -> dict[Any, Any]:
    value: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text())
    return value


def words(folder: Path, reuse: str) -> list[str]:
    """Return the words that the shipped step gives to the command."""
    scripts = [step.get("run", "") for step in shipped()["jobs"]["finetune"]["steps"]]
    (script,) = [script for script in scripts if script.startswith("countersign run")]
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", PRINTED + script],
        cwd=folder,
        env={"MODEL": "m", "INCUMBENT": "none", "KEY": "k", "REUSE": reuse},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split("\n")


def test_reuse_is_an_input_that_may_be_left_out() -> None:
    given = shipped()[True]["workflow_dispatch"]["inputs"]["reuse"]  # YAML reads `on` as true
    assert (given["required"], given["default"], given["type"]) == (False, "", "string")
    assert shipped()["env"]["REUSE"] == "${{ inputs.reuse }}"


def test_a_digest_is_passed_and_nothing_is_not(tmp_path: Path) -> None:
    found = words(tmp_path, DIGEST)
    assert found[found.index("--reuse") + 1] == DIGEST
    assert "--reuse" not in words(tmp_path, "")


@pytest.mark.parametrize(
    "typed", ["$(touch made)", "x; touch made", "`touch made`", "a b * --fresh"]
)
def test_what_is_typed_stays_one_word(tmp_path: Path, typed: str) -> None:
    found = words(tmp_path, typed)
    assert found[found.index("--reuse") + 1] == typed
    assert list(tmp_path.iterdir()) == []
