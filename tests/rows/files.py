"""Files of rows for these tests, and one way to gate them."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from countersign_ml.rows.gating.all_gates import Gated, gate
from countersign_ml.rows.kept.row_figures import Figures
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy.facts.evidence import GateFacts
from policy.files.rules import DataRules

WORDS = (
    "harbour", "violin", "lantern", "meadow", "copper", "thistle", "saddle", "orchard", "pebble",
    "anchor", "velvet", "ladder", "walnut", "glacier", "ribbon", "falcon", "kettle", "marble",
    "canyon", "needle", "tunnel", "basket", "feather", "cobalt",
)  # fmt: skip


def question(number: int, length: int = 20) -> str:
    """Return a text of words that no other number's text is near to."""
    picked = [WORDS[(number * 7 + step * (number % 11 + 3)) % len(WORDS)] for step in range(length)]
    return " ".join(f"{word}{number * (step + 1) % 97}" for step, word in enumerate(picked))


def row(number: int, **changes: Any) -> dict[str, Any]:
    """Return one row that no gate names."""
    value: dict[str, Any] = {
        "id": f"r-{number}",
        "messages": [
            {"role": "user", "content": question(number)},
            {"role": "assistant", "content": f"answer {number}"},
        ],
        "approved": True,
        "source": "written for the tests",
        "licence": "CC0-1.0",
    }
    return value | changes


def same_figures(first: Figures, second: Figures) -> None:
    """Fail where two ways to read the same rows keep other figures of them."""
    for column in fields(Figures):
        one, other = getattr(first, column.name), getattr(second, column.name)
        assert one.dtype == other.dtype
        assert np.array_equal(one, other), column.name


def said(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in turns]


def write(path: Path, rows: list[dict[str, Any] | bytes]) -> Path:
    """Write rows as JSONL; bytes are written as they are."""
    lines = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in rows]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def gated(*files: tuple[str, Path], rules: DataRules | None = None, workers: int = 1) -> Gated:
    """Gate (split, file) pairs; a file's name alone stands in findings."""
    rules = rules or DataRules()
    sources = [(split, Source(str(path), path.name)) for split, path in files]
    return gate(sources, RowRules.of(rules), rules, workers=workers)


def facts(found: Gated, name: str) -> GateFacts:
    return next(each for each in found.facts.gates if each.gate == name)


def counts(found: Gated) -> dict[str, int]:
    return {each.gate: each.count for each in found.facts.gates if each.count}
