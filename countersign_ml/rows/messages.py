"""Sentences of the commands that load a governed model."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.rows.sentences import unreadable as unreadable
from policy.errors import UserError

TRUNCATION = (
    "truncation: a row that is cut teaches answers without an end; shorten the rows named, or "
    "raise max_length in the recipe"
)


def rejected_written(target: object, rows: int) -> str:
    return (
        f"{rows:,} rejected rows written to {target}. They are unchanged, with any personal data "
        "and secrets: keep the file where the rows may be kept, and delete it afterwards"
    )


def scale_is_missing(error: ImportError) -> UserError:
    return UserError.one(
        "--shards",
        f"needs the package {error.name or 'datatrove'}",
        "install it with: pip install 'countersign-ml[scale]'",
    )


def no_models_folder(start: object) -> UserError:
    return UserError.one(
        str(start),
        "no folder named models, here or above",
        "name the repository with --repo, or a file with --file",
    )


def unknown_model(name: str, known: Sequence[str]) -> UserError:
    return UserError.one(name, "no such model", f"known models: {', '.join(known) or 'none'}")


def one_of_both() -> UserError:
    return UserError.one(
        "countersign data validate", "takes either a MODEL or --file", "name one of them"
    )


def not_counted(why: str) -> str:
    return f"not counted: {why}"


def tokens_counted(rows: int, of: int, tokens: int, trained: int, longest: int) -> str:
    sample = "" if rows == of else f" (a sample by seed of {of:,})"
    return (
        f"{tokens:,} tokens in {rows:,} training rows{sample}, {trained:,} of them trained on; "
        f"the longest row has {longest:,}. Rows with findings are counted too"
    )


def training_cost(tokens: int, hours: float | None, cost: float | None, currency: str) -> str:
    said = f"the whole training takes {tokens:,} tokens"
    if hours is None:
        return f"{said}; set budget.tokens_per_second to see hours and cost"
    said += f", {hours:,.2f} h"
    return said if cost is None else f"{said}, {cost:,.2f} {currency}"


def one_digest_for_many() -> UserError:
    return UserError.one("--sha256", "applies to one file, but several are named", "name one")


def split_named_twice() -> UserError:
    return UserError.one(
        "--file", "one split has two files", "name each of train, validation and test once"
    )
