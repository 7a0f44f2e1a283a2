"""A CSV file of texts and labels as a governed model: `countersign import`.

What a person must answer for (source, licence, owner) is asked for as options and never made up.
Equal texts are left out and counted: a row that stands in train and test would flatter every
figure.
"""

from __future__ import annotations

import argparse
import csv
import difflib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import yaml

from dataset.sketch import normalised
from runner import messages
from runner.repository import find_repository, load_model, require_model_name

SPLITS = (("train", 0.70), ("validation", 0.15), ("test", 0.15))
CARVED_FROM_TRAIN = 0.15
"""The share of the training file that becomes the validation split, where a test file is given."""
DEFAULT_SYSTEM = "Name the category of the message. Answer with the category alone."
Texts = list[tuple[str, str]]


@dataclass(frozen=True)
class Imported:
    """What was written, and what was left out."""

    folder: Path
    rows: dict[str, int]
    labels: int
    equal: int
    leaked: int


def main(argv: list[str]) -> int:
    """Make a model's folder of a CSV file, or say everything that stands against it."""
    words = _parser().parse_args(argv)
    done = import_csv(words)
    if words.json:
        from runner import summary

        summary.print_json({**vars(done), "folder": str(done.folder)})
        return 0
    parts = ", ".join(f"{count} {split}" for split, count in done.rows.items())
    print(f"{done.folder}: {parts} rows, {done.labels} labels")
    if done.equal:
        print(f"left out: {done.equal} rows whose text stands in the same file before")
    if done.leaked:
        print(f"left out: {done.leaked} training rows whose text stands in the test rows")
    if not words.approve:
        print("no row is approved yet: read them, then set approved, or import with --approve")
    print(f"next: countersign validate {words.model}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="countersign import", description=main.__doc__)
    parser.add_argument("model", metavar="MODEL", help="the folder to make below models/")
    parser.add_argument("file", type=Path, metavar="FILE.csv")
    parser.add_argument("--text", required=True, metavar="COLUMN", help="what a user says")
    parser.add_argument("--label", required=True, metavar="COLUMN", help="what the model answers")
    parser.add_argument("--test", type=Path, metavar="FILE.csv", help="held-out rows of their own")
    parser.add_argument("--system", default=DEFAULT_SYSTEM, metavar="TEXT")
    parser.add_argument("--source", required=True, metavar="TEXT", help="where the rows come from")
    parser.add_argument("--licence", required=True, metavar="NAME", help="such as CC-BY-4.0")
    parser.add_argument("--owner", required=True, metavar="NAME", help="who answers for the rows")
    parser.add_argument("--base-model", required=True, metavar="PATH_OR_ID")
    parser.add_argument("--base-revision", metavar="COMMIT", help="needed for a model of the Hub")
    parser.add_argument("--approve", action="store_true", help="mark every row as approved by you")
    parser.add_argument("--seed", type=int, default=0, help="of the splits and of the training")
    parser.add_argument("--repo", type=Path, metavar="FOLDER")
    parser.add_argument("--json", action="store_true")
    return parser


def import_csv(words: argparse.Namespace) -> Imported:
    """Write the folder whole or not at all; nothing is ever written over."""
    repo = find_repository(words.repo)
    require_model_name(words.model)
    folder = repo / "models" / words.model
    if folder.exists():
        raise messages.exists_already(str(folder))
    rows, equal = _unique(read_csv(words.file, words.text, words.label))
    test: Texts | None = None
    if words.test is not None:
        test, more = _unique(read_csv(words.test, words.text, words.label))
        equal += more
    splits, leaked = _split(rows, test, words.seed)
    labels = _labels(splits, words.file)
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


def read_csv(path: Path, text: str, label: str) -> Iterator[tuple[str, str]]:
    """Yield (text, label) of every record; UserError names the line of one that has none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source, strict=True)
            known = list(reader.fieldnames or ())
            for column in (text, label):
                if column not in known:
                    near = difflib.get_close_matches(column, known, 1)
                    raise messages.no_column(str(path), column, near, known)
            for record in reader:
                said, named = record[text], record[label]
                if not (said or "").strip() or not (named or "").strip():
                    raise messages.bad_csv(str(path), reader.line_num, "text or label is empty")
                yield said.strip(), named.strip()
    except FileNotFoundError as error:
        raise messages.missing_file(str(path)) from error
    except csv.Error as error:
        raise messages.bad_csv(str(path), reader.line_num, f"not valid CSV: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise messages.unreadable(str(path), error) from error


def _unique(rows: Iterable[tuple[str, str]]) -> tuple[Texts, int]:
    """Return the first row of every text, and how many were left out."""
    kept: dict[str, tuple[str, str]] = {}
    count = 0
    for row in rows:
        count += 1
        kept.setdefault(normalised(row[0]), row)
    return list(kept.values()), count - len(kept)


def _split(rows: Texts, test: Texts | None, seed: int) -> tuple[dict[str, Texts], int]:
    """Return the splits, and how many training rows stood in the test rows too."""
    rng = Random(seed)  # noqa: S311 - a split that can be repeated
    leaked = 0
    if test is not None:
        held_out = {normalised(text) for text, _ in test}
        kept = [row for row in rows if normalised(row[0]) not in held_out]
        leaked = len(rows) - len(kept)
        rng.shuffle(kept)
        cut = round(len(kept) * CARVED_FROM_TRAIN)
        return {"train": kept[cut:], "validation": kept[:cut], "test": test}, leaked
    mixed = list(rows)
    rng.shuffle(mixed)
    first = round(len(mixed) * SPLITS[0][1])
    second = first + round(len(mixed) * SPLITS[1][1])
    return {
        "train": mixed[:first],
        "validation": mixed[first:second],
        "test": mixed[second:],
    }, leaked


def _labels(splits: dict[str, Texts], file: Path) -> list[str]:
    """Return the labels that are trained on; a held-out label that is not is a person's mistake."""
    trained = sorted({label for _, label in splits["train"]})
    if len(trained) < 2:
        raise messages.too_few_labels(str(file), len(trained))
    known = set(trained)
    for name in ("validation", "test"):
        for _, label in splits[name]:
            if label not in known:
                raise messages.unseen_label(str(file), name, label)
    return trained


def _pinned(base_model: str, repo: Path) -> str | None:
    """Return the digest that pins a base model in a folder; a Hub's must be given."""
    from runner.base_model import base_revision

    folder = (repo / base_model).resolve()
    return base_revision(folder) if folder.is_dir() else None


def _learning_rate(base_model: str, repo: Path) -> float:
    """Return a rate to begin with: models of under a million parameters want a far higher one."""
    from runner.base_model import is_spec

    return 5e-3 if is_spec((repo / base_model).resolve()) else 2e-4


def _write(
    folder: Path,
    words: argparse.Namespace,
    splits: dict[str, Texts],
    labels: Sequence[str],
    revision: str | None,
    rate: float,
) -> None:
    for name in ("contract", "data"):
        (folder / name).mkdir()
    number = 0
    for split, rows in splits.items():
        with (folder / "data" / f"{split}.jsonl").open("w", encoding="utf-8") as out:
            for text, label in rows:
                number += 1
                out.write(json.dumps(_row(number, text, label, words), ensure_ascii=False) + "\n")
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


def _row(number: int, text: str, label: str, words: argparse.Namespace) -> dict[str, object]:
    return {
        "id": f"r-{number:06d}",
        "messages": [
            {"role": "system", "content": words.system},
            {"role": "user", "content": text},
            {"role": "assistant", "content": label},
        ],
        "approved": bool(words.approve),
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


def _card(words: argparse.Namespace, splits: dict[str, Texts], labels: Sequence[str]) -> str:
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
            "guidelines": "Labels as they stand in the imported file.",
            "review_cadence": "with every change of the data",
            "consent": f"as the licence {words.licence} and the source say",
            "classification": "internal",
        },
    }
    counts = "\n".join(f"- {name}: {len(part)} rows" for name, part in splits.items())
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    told = f"Imported from {words.source}: {len(labels)} labels."
    left_out = "Rows whose text stands twice were left out."
    return f"---\n{head}---\n\n# {words.model}\n\n{told}\n{left_out}\n\n{counts}\n"


def size_category(rows: int) -> str:
    """Return the Hub's size category of a data set."""
    bounds = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
    named = next((name for bound, name in bounds if rows < bound), None)
    return named or ("100K<n<1M" if rows < 1_000_000 else "n>1M")
