"""A governed repository in a folder: real files, real git, and a tiny base model."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from countersign_ml.rows.gating.accepted import AcceptedRows
from countersign_ml.rows.gating.all_gates import no_tallies
from countersign_ml.rows.gating.scan import scan
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy.files.rules import DataRules
from runner.base.base_model import model_digest

COLOURS = ("red", "green", "blue", "black", "white", "brown")
THINGS = ("car", "hat", "box", "pen", "cup", "bag", "key", "map", "book", "lamp", "coat", "door")
SYSTEM = "Read the colour."
POLICY: dict[str, Any] = {
    "version": 1,
    "roles": {"ml-lead": {"users": ["grace"]}},
    "sign_off": {"promote": {"ml-lead": 1}, "rollback": {"ml-lead": 1}},
    "gates": {
        "data": {"min_train_rows": 10, "min_test_rows": 5, "licences": ["CC0-1.0"]},
        "metrics": [{"metric": "schema_valid", "min": 0.0}],
        "export": {"min_equal_answers": 0.5},
    },
}
CARD: dict[str, Any] = {
    "license": "cc0-1.0",
    "configs": [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "train.jsonl"},
                {"split": "test", "path": "test.jsonl"},
            ],
        }
    ],
    "countersign": {
        "source": "written for the tests",
        "owner": "ada",
        "version": "1",
        "guidelines": "one colour each",
        "review_cadence": "yearly",
        "consent": "none needed",
        "classification": "public",
    },
}
RECIPE: dict[str, Any] = {
    "lora_r": 4,
    "lora_alpha": 8,
    "learning_rate": 5e-3,
    "max_steps": 6,
    "per_device_train_batch_size": 4,
    "max_length": 128,
    "save_steps": 2,
    "seed": 3,
    "decoding": {"max_new_tokens": 12},
    "quantization": "F16",
}
CONTRACT: dict[str, Any] = {
    "task": "structured",
    "schema_version": 1,
    "output_schema": "output.schema.json",
    "key_fields": ["colour", "thing"],
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["colour", "thing"],
    "properties": {"colour": {"enum": list(COLOURS)}, "thing": {"type": "string"}},
}


def read_accepted(path: Path) -> AcceptedRows:
    """Return the rows of a file, all of which must be good."""
    rules = RowRules.of(
        DataRules(licences=("CC0-1.0",)), source="written for the tests", licence="cc0-1.0"
    )
    (table,) = scan([("train", Source(str(path), path.name))], rules, no_tallies())
    assert not len(table.rejected_lines())
    return AcceptedRows(
        str(path), path.name, table.source.digest, table.rows, table.rejected_lines()
    )


def said(number: int) -> tuple[str, str]:
    """Return the question and the answer of one row; all questions differ."""
    colour, thing = COLOURS[number % 6], THINGS[number // 6 % 12]
    answer = json.dumps({"colour": colour, "thing": thing}, separators=(",", ":"))
    return f"number {number}: a {colour} {thing} stands there", answer


def row(number: int, **changes: Any) -> dict[str, Any]:
    """Return one approved row in OpenAI's format."""
    question, answer = said(number)
    value: dict[str, Any] = {
        "id": f"r-{number}",
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ],
        "approved": True,
    }
    return value | changes


def rows(numbers: Iterable[int]) -> list[dict[str, Any]]:
    return [row(number) for number in numbers]


def write_rows(path: Path, values: Sequence[dict[str, Any] | str]) -> Path:
    """Write rows as JSONL; a text is written as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [value if isinstance(value, str) else json.dumps(value) for value in values]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def card_text(card: dict[str, Any]) -> str:
    return f"---\n{yaml.safe_dump(card, sort_keys=False)}---\n\n# Colours\n"


def world(
    folder: Path,
    *,
    train: Sequence[dict[str, Any] | str] | None = None,
    test: Sequence[dict[str, Any] | str] | None = None,
    recipe: dict[str, Any] | None = None,
    contract: dict[str, Any] | None = None,
    schema: dict[str, Any] | None = None,
    card: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    model: str = "colours",
    base: bool = True,
) -> Path:
    """Create a repository with one model and commit it; return its folder.

    Without `base`, the base model's folder is empty, which is enough if nothing is trained.
    """
    place = folder / "models" / model
    (place / "base").mkdir(parents=True, exist_ok=True)
    write_rows(place / "data" / "train.jsonl", rows(range(40)) if train is None else train)
    write_rows(place / "data" / "test.jsonl", rows(range(60, 72)) if test is None else test)
    files: dict[str, str] = {
        f"models/{model}/recipe.yml": yaml.safe_dump(
            {"base_model": f"models/{model}/base"} | RECIPE | (recipe or {})
        ),
        f"models/{model}/contract/contract.yml": yaml.safe_dump(contract or CONTRACT),
        f"models/{model}/contract/output.schema.json": json.dumps(schema or SCHEMA),
        f"models/{model}/data/README.md": card_text(card or CARD),
        "policy/policy.yml": yaml.safe_dump(policy or POLICY),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if base:
        pin = model_digest(saved_base(place / "base"))
        with (place / "recipe.yml").open("a") as out:
            out.write(f"base_model_revision: {pin}\n")
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    return folder


def saved_base(folder: Path) -> Path:
    """Save a random base model of 64 wide; torch is imported only here."""
    from tests.runner.gguf_builders import saved

    return saved(folder, "llama", max_position_embeddings=160)


def commit(folder: Path, message: str = "Change") -> str:
    """Commit everything and return the commit's id."""
    git(folder, "add", "--all")
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    git(folder, *who, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD").strip()


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True
    )
    return done.stdout
