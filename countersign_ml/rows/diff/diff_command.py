"""`countersign data diff`: what changed in the rows."""

from __future__ import annotations

import argparse
import difflib
import json
from pathlib import Path

from countersign_ml.rows.diff.diff_markdown import render
from countersign_ml.rows.diff.diff_revisions import DataHistory
from countersign_ml.rows.diff.diff_rows import diff_rows
from countersign_ml.rows.read.sample_lines import local_source, read_source
from policy.errors import UserError
from policy.facts.data_diff import DataDiff

PASSED, BLOCKED = 0, 1
Found = list[tuple[str | None, DataDiff]]


def main(argv: list[str]) -> int:
    """Compare the data of two git revisions, or two files of rows.

    Exit code 1 if the later state has lines that are not rows: they cannot be compared.
    """
    parser = argparse.ArgumentParser(
        prog="countersign data diff",
        description="Compare the data of two git revisions (BASE..HEAD, or BASE...HEAD from where "
        "they forked), or two files. Exit code 1 if the later state has lines that are not "
        "rows.",
    )
    parser.add_argument("before", metavar="BASE..HEAD | OLD")
    parser.add_argument("after", nargs="?", metavar="MODEL | NEW")
    parser.add_argument("--repo", type=Path, default=Path(), help="a folder of the clone")
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        help="a metadata key, answer, or answer.KEY to compare, with any number of values",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    words = parser.parse_args(argv)
    if ".." in words.before and not Path(words.before).is_file():
        names, found = _revisions(words)
    elif words.after is None:
        raise UserError.one(
            words.before,
            "one state alone cannot be compared",
            "give BASE..HEAD, or two files of rows",
        )
    else:
        names, found = _files(words)
    if words.json:
        diffs = [{"model": name, "diff": diff.model_dump(mode="json")} for name, diff in found]
        print(json.dumps({"before": names[0], "after": names[1], "diffs": diffs}, indent=2))
    else:
        print("\n".join(render(diff, name or names[1]) for name, diff in found), end="")
        if not found:
            print(f"No file of rows changed between {names[0]} and {names[1]}.")
    return BLOCKED if any(diff.after.unreadable.count for _, diff in found) else PASSED


def _revisions(words: argparse.Namespace) -> tuple[tuple[str, str], Found]:
    history = DataHistory(words.repo)
    before, after = history.span(words.before)
    if words.after is None:
        models = history.changed(before, after)
    else:
        known = history.models(before, after)
        if words.after not in known:
            near = difflib.get_close_matches(words.after, known, 1)
            remedy = f"did you mean {near[0]!r}?" if near else f"known models: {', '.join(known)}"
            raise UserError.one(words.after, "has no data at either revision", remedy)
        models = [words.after]
    return (before.name, after.name), [
        (
            name,
            diff_rows(history.rows(before, name), history.rows(after, name), fields=words.field),
        )
        for name in models
    ]


def _files(words: argparse.Namespace) -> tuple[tuple[str, str], Found]:
    before, after = local_source(words.before), local_source(words.after)
    found = diff_rows(read_source(before), read_source(after), fields=words.field, one_file=True)
    return (words.before, words.after), [(None, found)]
