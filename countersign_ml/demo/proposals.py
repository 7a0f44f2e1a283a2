"""What each proposal of the demo changes in the model's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from countersign_ml.demo.demo_world import MODEL, PROJECT

SOURCE = PROJECT / "models" / MODEL
FIRST_ROWS = 250
"""So few that the second version can be better."""
PLANTED = (
    "broken JSON",
    "label outside the schema",
    "not approved",
    "no licence",
    "duplicate",
    "leaked test row",
)


def lay_down_model(clone: Path) -> None:
    """Copy the whole model folder, but only the first training rows."""
    shutil.copytree(SOURCE, clone / "models" / MODEL, ignore=shutil.ignore_patterns("pointer.json"))
    train = clone / "models" / MODEL / "data" / "train.jsonl"
    rows = train.read_text().splitlines(keepends=True)
    train.write_text("".join(rows[:FIRST_ROWS]))


def add_rows(clone: Path) -> int:
    """Copy all training rows; return how many were added."""
    train = clone / "models" / MODEL / "data" / "train.jsonl"
    before = len(train.read_text().splitlines())
    shutil.copyfile(SOURCE / "data" / "train.jsonl", train)
    return len(train.read_text().splitlines()) - before


def plant_defects(clone: Path) -> dict[str, int]:
    """Spoil six rows, each in a different way; return each defect's line number, from 1."""
    data = clone / "models" / MODEL / "data"
    lines = (data / "train.jsonl").read_text().splitlines()
    test_row = json.loads((data / "test.jsonl").read_text().splitlines()[0])
    at = dict(zip(PLANTED, (41, 97, 120, 155, 201, 230), strict=True))

    def change(line: int, edit: Callable[[dict[str, Any]], None]) -> None:
        row = json.loads(lines[line - 1])
        edit(row)
        lines[line - 1] = json.dumps(row, separators=(",", ":"), ensure_ascii=False)

    def mislabel(row: dict[str, Any]) -> None:
        answer = json.loads(row["messages"][-1]["content"])
        answer["category"] = "miscellaneous"
        row["messages"][-1]["content"] = json.dumps(answer, separators=(",", ":"))

    def repeat(row: dict[str, Any]) -> None:
        row["messages"] = json.loads(lines[0])["messages"]

    def leak(row: dict[str, Any]) -> None:
        row["messages"] = test_row["messages"]

    lines[at["broken JSON"] - 1] = lines[at["broken JSON"] - 1][:-30]
    change(at["label outside the schema"], mislabel)
    change(at["not approved"], lambda row: row.update(approved=False))
    change(at["no licence"], lambda row: row.update(licence=""))
    change(at["duplicate"], repeat)
    change(at["leaked test row"], leak)
    (data / "train.jsonl").write_text("\n".join(lines) + "\n")
    return at


def slow_down(clone: Path) -> None:
    """Set a learning rate that suits a much larger model: this one learns too little."""
    recipe = clone / "models" / MODEL / "recipe.yml"
    lines = [
        "learning_rate: 2.0e-4" if line.startswith("learning_rate:") else line
        for line in recipe.read_text().splitlines()
    ]
    recipe.write_text("\n".join(lines) + "\n")
