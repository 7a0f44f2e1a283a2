"""The command answers at once and imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

from countersign_ml.cli import command_table


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "countersign_ml", *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_command() -> None:
    found = run("--help")
    assert found.returncode == 0
    assert all(name in found.stdout for name in command_table.COMMANDS)


def test_no_command_is_wrong_use() -> None:
    assert run().returncode == 2


def test_an_unknown_command_names_the_nearest() -> None:
    found = run("valdate")
    assert found.returncode == 2
    assert "did you mean 'validate'?" in found.stderr


@pytest.mark.parametrize("name", sorted(command_table.COMMANDS))
def test_every_command_explains_itself_without_torch(name: str) -> None:
    code = (
        "import sys; from countersign_ml.cli import command_table\n"
        "try:\n"
        f"    command_table.main([{name!r}, '--help'])\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "heavy = {'torch', 'transformers', 'peft', 'wandb', 'llama_cpp'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert "usage" in found.stdout
