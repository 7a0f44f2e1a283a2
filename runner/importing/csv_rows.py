"""The records of a CSV file, and the splits that they are divided into."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from countersign_ml.rows.kept.sketch import normalised
from policy.errors import UserError
from runner.runner_sentences import missing_file, unreadable

SPLITS = (("train", 0.70), ("validation", 0.15), ("test", 0.15))
CARVED_FROM_TRAIN = 0.15
"""The share of the training file that becomes the validation split if a test file is given."""


@dataclass(frozen=True)
class Record:
    """One record: the user's text, the label, and the columns to keep."""

    text: str
    label: str
    kept: tuple[tuple[str, str], ...] = ()


def read_csv(path: Path, text: str, label: str, keep: Sequence[str] = ()) -> Iterator[Record]:
    """Yield every record; UserError names the line of one without text or label.

    Of the columns in `keep`, the filled ones are kept with the record.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source, strict=True)
            known = list(reader.fieldnames or ())
            for column in (text, label, *keep):
                if column not in known:
                    near = difflib.get_close_matches(column, known, 1)
                    remedy = (
                        f"did you mean {near[0]!r}?" if near else f"columns: {', '.join(known)}"
                    )
                    raise UserError.one(f"{path}:1", f"has no column {column!r}", remedy)
            for record in reader:
                filled = {column: (record[column] or "").strip() for column in (text, label, *keep)}
                if not filled[text] or not filled[label]:
                    raise _bad_line(path, reader.line_num, "text or label is empty")
                kept = tuple((column, filled[column]) for column in keep if filled[column])
                yield Record(filled[text], filled[label], kept)
    except FileNotFoundError as error:
        raise missing_file(str(path)) from error
    except csv.Error as error:
        raise _bad_line(path, reader.line_num, f"not valid CSV: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(str(path), error) from error


def _bad_line(path: Path, line: int, said: str) -> UserError:
    return UserError.one(f"{path}:{line}", said, "fix that line")


def unique(records: Iterable[Record]) -> tuple[list[Record], int]:
    """Return the first record of every text, and how many were left out."""
    kept: dict[str, Record] = {}
    count = 0
    for record in records:
        count += 1
        kept.setdefault(normalised(record.text), record)
    return list(kept.values()), count - len(kept)


def split(
    records: list[Record], test: list[Record] | None, seed: int
) -> tuple[dict[str, list[Record]], int]:
    """Return the splits, and how many training texts were also in the test file."""
    rng = Random(seed)  # noqa: S311 - a split that can be repeated
    if test is not None:
        held_out = {normalised(record.text) for record in test}
        kept = [record for record in records if normalised(record.text) not in held_out]
        rng.shuffle(kept)
        cut = round(len(kept) * CARVED_FROM_TRAIN)
        splits = {"train": kept[cut:], "validation": kept[:cut], "test": test}
        return splits, len(records) - len(kept)
    mixed = list(records)
    rng.shuffle(mixed)
    first = round(len(mixed) * SPLITS[0][1])
    second = first + round(len(mixed) * SPLITS[1][1])
    return {"train": mixed[:first], "validation": mixed[first:second], "test": mixed[second:]}, 0


def trained_labels(splits: dict[str, list[Record]], file: Path) -> list[str]:
    """Return the trained labels; UserError for a held-out label that is not trained."""
    trained = sorted({record.label for record in splits["train"]})
    if len(trained) < 2:
        raise UserError.one(
            str(file), f"has {len(trained)} labels", "a classification needs at least two"
        )
    known = set(trained)
    for name in ("validation", "test"):
        for record in splits[name]:
            if record.label not in known:
                raise UserError.one(
                    str(file),
                    f"the label {record.label!r} is in a {name} row and in no training row",
                    "add training rows for it, or leave it out",
                )
    return trained
