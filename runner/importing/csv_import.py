"""Create a governed model from a CSV file of texts and labels: `countersign import`.

What a person is responsible for (source, licence, owner) are required options, never made up. Equal
texts are left out and counted: a row in both train and test would flatter every figure.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from countersign_ml.git import find_repository
from countersign_ml.rows.card.card_command import size_category
from countersign_ml.rows.governed.governed_model import (
    load_model,
    require_model_name,
)
from countersign_ml.rows.read.formats import ROW_KEYS
from policy.errors import UserError
from runner.importing.csv_rows import Record, read_csv, split, trained_labels, unique

DEFAULT_SYSTEM = "Name the category of the message. Answer with the category alone."
RESERVED = ROW_KEYS | {"id", "approved"}
"""Keys that have a meaning in a row; a column of that name would be mistaken for it."""


@dataclass(frozen=True)
class Imported:
    """What was written, and what was left out."""

    folder: Path
    rows: dict[str, int]
    labels: int
    equal: int
    leaked: int


def main(argv: list[str]) -> int:
    """Create a model's folder from a CSV file."""
    words = _parser().parse_args(argv)
    done = import_csv(words)
    if words.json:
        from runner.tell import summary

        summary.print_json({**vars(done), "folder": str(done.folder)})
        return 0
    parts = ", ".join(f"{count} {split}" for split, count in done.rows.items())
    print(f"{done.folder}: {parts} rows, {done.labels} labels")
    if done.equal:
        print(f"left out: {done.equal} rows whose text is in the same file before")
    if done.leaked:
        print(f"left out: {done.leaked} training rows whose text is in the test rows")
    if not words.approve:
        print("no row is approved yet; read them and set approved, or import with --approve")
    print(f"next: countersign validate {words.model}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="countersign import", description=main.__doc__)
    parser.add_argument("model", metavar="MODEL", help="the folder to create below models/")
    parser.add_argument("file", type=Path, metavar="FILE.csv")
    parser.add_argument(
        "--text", required=True, metavar="COLUMN", help="the column with the user's text"
    )
    parser.add_argument(
        "--label", required=True, metavar="COLUMN", help="the column with the label"
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a field to keep with each row, to slice by; can be repeated",
    )
    parser.add_argument(
        "--test", type=Path, metavar="FILE.csv", help="a separate file of held-out rows"
    )
    parser.add_argument("--system", default=DEFAULT_SYSTEM, metavar="TEXT")
    parser.add_argument("--source", required=True, metavar="TEXT", help="where the rows come from")
    parser.add_argument("--licence", required=True, metavar="NAME", help="such as CC-BY-4.0")
    parser.add_argument(
        "--owner", required=True, metavar="NAME", help="who is responsible for the rows"
    )
    parser.add_argument("--base-model", required=True, metavar="PATH_OR_ID")
    parser.add_argument(
        "--base-revision", metavar="COMMIT", help="required for a model from the Hub"
    )
    parser.add_argument("--approve", action="store_true", help="mark every row as approved by you")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the splits and of the training"
    )
    parser.add_argument("--repo", type=Path, metavar="FOLDER")
    parser.add_argument("--json", action="store_true")
    return parser


def import_csv(words: argparse.Namespace) -> Imported:
    """Write the folder completely or not at all; nothing is overwritten."""
    repo = find_repository(words.repo)
    require_model_name(words.model)
    folder = repo / "models" / words.model
    if folder.exists():
        raise UserError.one(
            str(folder), "already exists and is not overwritten", "choose another name"
        )
    for column in words.keep:
        if column in RESERVED:
            raise UserError.one(
                f"{words.file}:1",
                f"the column {column!r} cannot be kept: a row has a key of that name",
                "rename it",
            )
    columns = (words.text, words.label, words.keep)
    rows, equal = unique(read_csv(words.file, *columns))
    test: list[Record] | None = None
    if words.test is not None:
        test, more = unique(read_csv(words.test, *columns))
        equal += more
    splits, leaked = split(rows, test, words.seed)
    labels = trained_labels(splits, words.file)
    revision = words.base_revision or _pinned(words.base_model, repo)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".importing-", dir=folder.parent))
    try:
        _write(made, words, splits, labels, revision, _learning_rate(words.base_model, repo))
        made.chmod(0o755)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    load_model(repo, words.model)
    counts = {name: len(part) for name, part in splits.items()}
    return Imported(folder, counts, len(labels), equal, leaked)


def _pinned(base_model: str, repo: Path) -> str | None:
    """Return the digest that pins a base model in a folder; a Hub model's must be given."""
    from runner.base.base_model import base_revision

    folder = (repo / base_model).resolve()
    return base_revision(folder) if folder.is_dir() else None


def _learning_rate(base_model: str, repo: Path) -> float:
    """Return a rate to start with; models under a million parameters need a much higher one."""
    from runner.base.base_model import is_spec

    return 5e-3 if is_spec((repo / base_model).resolve()) else 2e-4


def _write(
    folder: Path,
    words: argparse.Namespace,
    splits: dict[str, list[Record]],
    labels: Sequence[str],
    revision: str | None,
    rate: float,
) -> None:
    for name in ("contract", "data"):
        (folder / name).mkdir()
    number = 0
    for name, records in splits.items():
        with (folder / "data" / f"{name}.jsonl").open("w", encoding="utf-8") as out:
            for record in records:
                number += 1
                out.write(json.dumps(_row(number, record, words), ensure_ascii=False) + "\n")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The category of one message",
        "type": "string",
        "enum": list(labels),
    }
    contract = "task: classification\nschema_version: 1\noutput_schema: output.schema.json\n"
    (folder / "contract" / "contract.yml").write_text(contract, encoding="utf-8")
    (folder / "contract" / "output.schema.json").write_text(
        json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (folder / "data" / "README.md").write_text(_card(words, splits, labels), encoding="utf-8")
    (folder / "recipe.yml").write_text(_recipe(words, revision, rate), encoding="utf-8")


def _row(number: int, record: Record, words: argparse.Namespace) -> dict[str, object]:
    return {
        "id": f"r-{number:06d}",
        "messages": [
            {"role": "system", "content": words.system},
            {"role": "user", "content": record.text},
            {"role": "assistant", "content": record.label},
        ],
        "approved": bool(words.approve),
        **dict(record.kept),
    }


def _recipe(words: argparse.Namespace, revision: str | None, rate: float) -> str:
    recipe: dict[str, object] = {"base_model": words.base_model}
    if revision:
        recipe["base_model_revision"] = revision
    recipe |= {
        "chat_template": "tokenizer_default",
        "adapter": "lora",
        "lora_r": 16,
        "lora_alpha": 32,
        "lora_target_modules": "all-linear",
        "learning_rate": rate,
        "lr_scheduler_type": "cosine",
        "num_train_epochs": 3,
        "per_device_train_batch_size": 16,
        "max_length": 512,
        "seed": words.seed,
        "decoding": {"max_new_tokens": 64},
        "quantization": "Q8_0",
    }
    return yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True)


def _card(words: argparse.Namespace, splits: dict[str, list[Record]], labels: Sequence[str]) -> str:
    rows = sum(map(len, splits.values()))
    front = {
        "license": words.licence,
        "pretty_name": words.model,
        "task_categories": ["text-classification"],
        "size_categories": [size_category(rows)],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": name, "path": f"{name}.jsonl"} for name in splits],
            }
        ],
        "countersign": {
            "source": words.source,
            "owner": words.owner,
            "version": "1",
            "guidelines": "Labels as they are in the imported file.",
            "review_cadence": "with every change of the data",
            "consent": f"as the licence {words.licence} and the source say",
            "classification": "internal",
        },
    }
    counts = "\n".join(f"- {name}: {len(part)} rows" for name, part in splits.items())
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    told = f"Imported from {words.source}: {len(labels)} labels."
    left_out = "Rows with a repeated text were left out."
    return f"---\n{head}---\n\n# {words.model}\n\n{told}\n{left_out}\n\n{counts}\n"
