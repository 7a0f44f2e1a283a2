"""The table in README.md has every scenario of this folder, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parent
ROW = re.compile(r"^\| `(test_\w+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)
LEAST = 50


def scenarios() -> dict[str, str]:
    """Return the first line of the docstring of every scenario, by its name."""
    found = {}
    for file in sorted(FOLDER.glob("test_*.py")):
        if file == Path(__file__):
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                told = ast.get_docstring(node) or ""
                found[node.name] = told.partition("\n")[0]
    return found


def test_every_scenario_stands_in_the_table_with_its_trick_and_no_other_does() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    shown = {name: trick.replace("\\|", "|") for name, trick, _ in ROW.findall(text)}
    assert shown == scenarios()


def test_there_are_as_many_attacks_as_the_readme_promises() -> None:
    attacks = [name for name in scenarios() if not name.startswith("test_control_")]
    assert len(attacks) >= LEAST


def test_every_file_has_a_legitimate_gesture_that_does_get_through() -> None:
    for file in sorted(FOLDER.glob("test_*.py")):
        if file != Path(__file__):
            assert "def test_control_" in file.read_text(encoding="utf-8"), file.name
