"""The workflow files of this repository ask for nothing that the stand-in would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from countersign_ml.forge.workflow.workflow_plan import parse

FOLDER = Path(__file__).parents[2] / ".github/workflows"
ONLY_AT_GITHUB = {"release.yml"}
"""It attests by GitHub's identity, and governs nothing: `tests/cli/test_release.py` checks it."""
SHIPPED = sorted({path.name for path in FOLDER.glob("*.yml")} - ONLY_AT_GITHUB)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_workflow_is_understood_whole(name: str) -> None:
    plan = parse(name, (FOLDER / name).read_text())
    assert plan.on
    assert plan.jobs
