"""The files that a judge model compares: rows, and two files of answers to these rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from json import JSONDecodeError
from pathlib import Path

from countersign_ml.rows.read.row import Defect, Row, read_rows
from policy.errors import Problem, UserError

MAX_PROBLEMS = 20


def asked_rows(path: Path) -> tuple[Row, ...]:
    """Return the rows of a file; UserError names each line that is not a row, and repeated ids."""
    rows, problems = [], []
    lines: dict[str, int] = {}
    for found in read_rows(path, str(path)):
        where = f"{path}:{found.line}"
        if isinstance(found, Defect):
            problems.append(Problem(f"{where} {found.field}".rstrip(), found.message, "fix it"))
            continue
        if found.id in lines:
            problems.append(Problem(where, f"the same id as in line {lines[found.id]}", "fix it"))
        lines.setdefault(found.id, found.line)
        rows.append(found)
    _refuse(problems)
    if not rows:
        raise UserError.one(str(path), "has no rows", "name a file of rows with --rows")
    return tuple(rows)


def answers_to(rows: Sequence[Row], path: Path) -> tuple[str, ...]:
    """Return one answer for each row from a file of lines with `id` and `answer`."""
    answers: dict[str, str] = {}
    problems = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            value = json.loads(line)
        except (JSONDecodeError, RecursionError) as error:
            problems.append(Problem(where, f"not valid JSON: {error}", "fix the line"))
            continue
        name = value.get("id") if isinstance(value, dict) else None
        text = value.get("answer") if isinstance(value, dict) else None
        if isinstance(name, bool) or not isinstance(name, str | int) or not isinstance(text, str):
            problems.append(Problem(where, "has no id and answer", 'write "id" and "answer"'))
        elif str(name) in answers:
            problems.append(Problem(where, f"a second answer to {name!r}", "keep one"))
        else:
            answers[str(name)] = text
    wanted = {row.id for row in rows}
    for row in rows:
        if row.id not in answers and not problems:
            problems.append(Problem(str(path), f"has no answer to row {row.id!r}", "ask it again"))
    unknown = sorted(set(answers) - wanted)
    if unknown:
        problems.append(
            Problem(
                str(path),
                f"answers {len(unknown)} rows that do not exist, such as {unknown[0]!r}",
                "name the rows that were asked with --rows",
            )
        )
    _refuse(problems)
    return tuple(answers[row.id] for row in rows)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UserError.one(str(path), f"cannot be read: {said}", "name a JSONL file") from error


def _refuse(problems: list[Problem]) -> None:
    if len(problems) > MAX_PROBLEMS:
        left = len(problems) - MAX_PROBLEMS
        problems = [*problems[:MAX_PROBLEMS], Problem("", f"and {left} more problems")]
    if problems:
        raise UserError(problems)
