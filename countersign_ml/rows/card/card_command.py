"""`countersign data card`: the facts of a dataset card, and what a person must still write."""

from __future__ import annotations

import argparse
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from countersign_ml.git import find_repository
from countersign_ml.markdown import plain, table
from countersign_ml.rows.card.front_matter import (
    BEGIN,
    END,
    fragment,
    front_matter,
    with_facts,
    with_table,
)
from countersign_ml.rows.read.sample_lines import read_lines, sound
from countersign_ml.rows.read.source import Source
from policy.errors import Problem, UserError
from policy.files.dataset_card import DataConfig, Provenance, parse_card
from policy.governed import is_model_name
from policy.names import RowSplit

_CONFIGS: TypeAdapter[tuple[DataConfig, ...]] = TypeAdapter(tuple[DataConfig, ...])
_SPLIT: TypeAdapter[str] = TypeAdapter(RowSplit)
_SIZES = (
    "n<1K",
    *(
        f"{low}<n<{high}"
        for low, high in (
            ("1K", "10K"),
            ("10K", "100K"),
            ("100K", "1M"),
            ("1M", "10M"),
            ("10M", "100M"),
            ("100M", "1B"),
            ("1B", "10B"),
        )
    ),
)
CLASSIFICATIONS = get_args(Provenance.model_fields["classification"].annotation)
ASKED = {
    "source": "where the rows come from",
    "owner": "who is responsible for them",
    "version": "the name of this state of the data",
    "guidelines": "the rules for writing and labelling rows: a heading below, a file or a URL",
    "review_cadence": "how often a person reviews the rows",
    "consent": "who agreed to this use, or why nobody needs to",
    "classification": f"one of {', '.join(CLASSIFICATIONS)}",
}
"""What only a person can write, in the order of a new card."""
_NOTHING = {"", "?", "-", "todo", "tbd", "fixme", "xxx", "n/a", "unknown"}


@dataclass(frozen=True)
class SplitCount:
    """The counts of one file of rows."""

    split: str
    file: str
    rows: int
    size: int
    licences: frozenset[str]


def size_category(rows: int) -> str:
    """Return the Hub's size category."""
    bound = 1_000
    for name in _SIZES:
        if rows < bound:
            return name
        bound *= 10
    return "10B<n<100B"


def main(argv: list[str]) -> int:
    """Update a model's dataset card, then list everything that a person must write."""
    parser = argparse.ArgumentParser(
        prog="countersign data card",
        description="Create or refresh the facts of models/MODEL/data/README.md and list what a "
        "person must still write. Everything that people wrote stays as it is.",
    )
    parser.add_argument("model")
    parser.add_argument("--repo", type=Path)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 if facts are stale"
    )
    words = parser.parse_args(argv)
    repo = find_repository(words.repo)
    folder = repo / "models" / words.model / "data"
    if not is_model_name(words.model) or not folder.is_dir():
        raise UserError.one(
            f"models/{words.model}/data", "no such folder", "create it and put the rows there"
        )
    path = folder / "README.md"
    where = str(path.relative_to(repo))
    before = _read(path, where)
    after = refreshed(before, words.model, folder, where)
    if after == before:
        print(f"{where}: its facts are up to date")
    elif words.check:
        print(f"{where}: its facts are stale; run: countersign data card {words.model}")
    else:
        _write(path, after, new=before is None)
        print(f"{where}: {'created' if before is None else 'refreshed'}")
    there = before if words.check and before is not None else after
    problems = unwritten(there, where)
    if problems:
        raise UserError(problems)
    return 1 if words.check and after != before else 0


def refreshed(text: str | None, model: str, folder: Path, where: str) -> str:
    """Return the card with the facts of the rows; a new card if `text` is None."""
    known = None if text is None else _named_files(text, where)
    files = known or _found_files(folder, where)
    counts = [_count(split, folder / file, where) for split, file in files]
    total = sum(count.rows for count in counts)
    facts: dict[str, Any] = {
        "size_categories": [size_category(total)],
        "dataset_info": {
            "splits": [{"name": one.split, "num_examples": one.rows} for one in counts]
        },
    }
    if not known:
        facts["configs"] = [
            {
                "config_name": "default",
                "data_files": [{"split": one.split, "path": one.file} for one in counts],
            }
        ]
    if text is None:
        text = _new(model)
    value, lines, _ = front_matter(text, where)
    info = value.get("dataset_info")
    if isinstance(info, dict):  # keys written by others stay
        facts["dataset_info"] = {**info, **facts["dataset_info"]}
    elif info is not None:
        raise UserError.one(
            f"{where}:{lines.get(('dataset_info',), 1)} dataset_info",
            "lists several configurations; only one is counted here",
            "keep one, without a list",
        )
    licences = frozenset[str]().union(*(one.licences for one in counts))
    if not value.get("license") and len(licences) == 1:
        facts["license"] = next(iter(licences)).lower()
    return with_facts(with_table(text, _table(counts), where), facts, where)


def unwritten(text: str, where: str) -> list[Problem]:
    """Return everything that a person must still write or fix, with its place."""
    problems: list[Problem] = []
    try:
        parse_card(text.removeprefix("\ufeff"), where)
    except UserError as error:
        problems.extend(error.problems)
    value, lines, _ = front_matter(text, where)
    said = value.get("countersign")
    if not isinstance(said, dict):
        said, asked = {}, {}  # the whole block is missing, which is reported above
    else:
        asked = ASKED
    for key, about in asked.items():
        written = said.get(key)
        place = f"{where}:{lines.get(('countersign', key), 1)} countersign.{key}"
        problems = [problem for problem in problems if problem.where != place]
        if not isinstance(written, str) or written.strip().lower() in _NOTHING:
            problems.append(Problem(place, "not written yet", f"write {about}"))
        elif key == "classification" and written not in CLASSIFICATIONS:
            problems.append(
                Problem(place, f"{written!r} is not a classification", f"write {about}")
            )
    if not value.get("language"):
        place = f"{where}:{lines.get(('language',), 1)} language"
        problems.append(Problem(place, "not written yet", "list the languages, for example [en]"))
    return problems


def _named_files(text: str, where: str) -> list[tuple[str, str]]:
    """Return split and file as in the card's first configuration; empty if it has none.

    UserError if the configuration is not valid.
    """
    value, _, _ = front_matter(text, where)
    if not value.get("configs"):
        return []
    try:
        configs = _CONFIGS.validate_python(value["configs"])
    except ValidationError:
        parse_card(text.removeprefix("\ufeff"), where)  # reports the same with file and line
        raise
    return [(entry.split, entry.path) for entry in configs[0].data_files]


def _found_files(folder: Path, where: str) -> list[tuple[str, str]]:
    """Return split and file for the rows next to the card, train first."""
    files = sorted(path.name for path in folder.glob("*.jsonl"))
    order = {"train": 0, "validation": 1, "test": 2}
    found = sorted(
        ((file.removesuffix(".jsonl"), file) for file in files),
        key=lambda pair: (order.get(pair[0], 3), pair),
    )
    if not found:
        raise UserError.one(
            str(Path(where).parent), "has no rows", "put train.jsonl and test.jsonl there"
        )
    for split, file in found:
        try:
            _SPLIT.validate_python(split)
        except ValidationError as error:
            raise UserError.one(
                f"{Path(where).parent}/{file}",
                f"{split!r} is not a valid name of a split",
                "use a-z, 0-9 and underscore, at most 32 characters",
            ) from error
    return found


def _count(split: str, path: Path, card: str) -> SplitCount:
    where = str(Path(card).parent / path.name)
    if not path.is_file():
        raise UserError.one(
            card, f"names {path.name} for {split}, but the file is missing", "add it"
        )
    source = Source(str(path), where)
    rows, licences = 0, set()
    for _, row in sound(read_lines(source), "the card was not changed"):
        rows += 1
        licence = row.metadata.get("licence", row.metadata.get("license"))
        licences.add(licence if isinstance(licence, str) else "")
    return SplitCount(split, path.name, rows, source.size, frozenset(licences) - {""})


def _table(counts: list[SplitCount]) -> str:
    rows = [(plain(one.split), plain(one.file), f"{one.rows:,}", f"{one.size:,}") for one in counts]
    return table(("split", "file", "rows", "bytes"), rows)


def _new(model: str) -> str:
    """Return a card with an empty field for everything that only a person can write."""
    asked = "".join(f'  {key}: ""  # {about}\n' for key, about in ASKED.items())
    return (
        f"---\n{fragment('pretty_name', model)}"
        'license: ""  # an SPDX identifier in lower case, such as cc-by-4.0\n'
        "language: []  # codes such as en\n"
        f"countersign:\n{asked}---\n\n# {model}\n\n{BEGIN}\n{END}\n"
    )


def _read(path: Path, where: str) -> str | None:
    if path.is_symlink():
        raise UserError.one(where, "is a symbolic link", "replace it with the card itself")
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError.one(where, f"cannot be read: {error}", "save it as UTF-8") from error


def _write(path: Path, text: str, *, new: bool) -> None:
    """Write the whole card in one step; a new card never replaces a file created meanwhile."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        part.write_bytes(text.encode())
        if new:
            path.hardlink_to(part)
        else:
            part.chmod(path.stat().st_mode)
            part.replace(path)
    except OSError as error:
        raise UserError.one(str(path), f"cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
