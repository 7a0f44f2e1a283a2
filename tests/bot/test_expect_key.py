"""Bot and runner name one measurement alike, and the runner measures nothing under another name."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from bot.facts.model_facts import ModelFacts
from bot.facts.proposed import head_proposal
from policy.errors import UserError
from policy.facts.proposal import run_key
from runner.runner_commands import recover, run, validate
from tests.runner.worlds import world

WORKFLOW = Path(__file__).parents[2] / ".github/workflows/finetune.yml"


def bots_key(repo: Path) -> str:
    """The run key as the bot computes it from git's own listing, with nothing live."""
    folder = repo / "models/colours"
    subprocess.run(["git", "add", "--all"], cwd=repo, check=True)
    listed = subprocess.run(
        ["git", "ls-files", "--stage", "."], cwd=folder, check=True, capture_output=True, text=True
    )
    inputs = []
    for line in listed.stdout.splitlines():
        facts, _, name = line.partition("\t")
        inputs.append((name, facts.split()[1]))
    recipe = (folder / "recipe.yml").read_text()
    facts_ = ModelFacts("colours", head_inputs=tuple(inputs), recipe=recipe)
    return run_key(head_proposal(facts_).digest, None)


def test_the_runner_computes_the_key_that_the_bot_dispatches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = world(tmp_path / "repo", base=False)
    words = ["colours", "--repo", str(repo), "--json", "--expect-key", bots_key(repo)]
    assert validate(words) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "passed"


def test_a_proposal_under_the_key_of_another_is_refused_before_anything_is_measured(
    tmp_path: Path,
) -> None:
    repo = world(tmp_path / "repo", base=False)
    evidence = tmp_path / "evidence.json"
    words = ["colours", "--repo", str(repo), "--evidence", str(evidence), "--quiet"]
    for command in (validate, run):
        with pytest.raises(UserError, match=f"these files .* give {bots_key(repo)}"):
            command([*words, "--expect-key", "0123456789abcdef"])
    assert not evidence.exists()


def test_a_rollback_takes_no_key() -> None:
    with pytest.raises(SystemExit):
        recover(["colours", "--expect-key", "0123456789abcdef"])


def test_both_jobs_of_the_shipped_workflow_expect_the_key_of_their_name() -> None:
    text = WORKFLOW.read_text()
    assert "  KEY: ${{ inputs.key }}\n" in text
    commands = re.findall(r"run: countersign (validate|run) (.*)", text)
    assert [name for name, _ in commands] == ["validate", "run"]
    assert all('--expect-key "$KEY"' in rest for _, rest in commands)
