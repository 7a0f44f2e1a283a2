"""Read two files of scored rows and match them by id; report every problem with its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from countersign_ml.rows.read.strict_json import loads
from policy.errors import Problem, UserError

MAX_LINE_BYTES = 16_000_000
MAX_PROBLEMS = 20
"""Problems reported for one file; more are not fixed in one go."""
LARGEST = 1e100
"""Beyond this, sums and squares overflow."""
SCORE = "score"
NO_FIELD = "(none)"
"""The group of the rows without the field that they are sliced by."""
ID_REMEDY = 'give every row an "id", text or a whole number, the same in both files'
MISSING = object()


@dataclass(frozen=True)
class Wanted:
    """Which fields of a row are read; a dot reaches into an object (`scores.exact_match`)."""

    score: str | None = None
    slice: str | None = None
    cluster: str | None = None


@dataclass(frozen=True)
class Pairs:
    """The same rows of two files, in the order of the first."""

    ids: tuple[str, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]
    shares: bool
    """Every score is true or false (or 0 or 1)."""
    groups: tuple[str, ...] | None
    clusters: tuple[str, ...] | None
    score: str


@dataclass
class _File:
    """What was read from one file so far."""

    where: str
    rows: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def wrong(self, where: str, what: str, remedy: str) -> None:
        self.count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(where, what, remedy))

    def reported(self) -> list[Problem]:
        hidden = self.count - len(self.problems)
        if not hidden:
            return self.problems
        return [
            *self.problems,
            Problem(self.where, f"and {hidden} more problems", "fix these first"),
        ]


def read_pairs(first: Path, second: Path, wanted: Wanted) -> Pairs:
    """Return the rows of both files in pairs; UserError with everything that is wrong."""
    files = [_read(first), _read(second)]
    name = wanted.score or _score_field(files)
    scores = [_scores(file, name) for file in files]
    groups, clusters = (
        [_values(file, path) if path else {} for file in files]
        for path in (wanted.slice, wanted.cluster)
    )
    if all(file.rows for file in files):
        _require_same_ids(files)
        for path, values in ((wanted.slice, groups), (wanted.cluster, clusters)):
            _require_same_values(files, path, values)
        _require_one_kind(files, name, scores)
    problems = [problem for file in files for problem in file.reported()]
    if problems:
        raise UserError(problems)
    ids = tuple(files[0].rows)
    one, other = ([values[each] for each in ids] for values in scores)
    return Pairs(
        ids=ids,
        first=tuple(float(value) for value in one),
        second=tuple(float(value) for value in other),
        shares=all(value in (0, 1) for value in (*one, *other)),
        groups=tuple(groups[0][each] for each in ids) if wanted.slice else None,
        clusters=tuple(clusters[0][each] for each in ids) if wanted.cluster else None,
        score=name,
    )


def _read(path: Path) -> _File:
    """Return every row of a JSONL file by its id."""
    file = _File(str(path))
    try:
        with path.open("rb") as source:
            for number, line in enumerate(_lines(source), 1):
                if line.strip():
                    _row(file, line, number)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        said = getattr(error, "strerror", None) or str(error)
        file.wrong(
            file.where, f"cannot be read: {said}", "name a file of rows, one JSON object a line"
        )
        return file
    if not file.rows and not file.count:
        file.wrong(
            file.where, "has no rows", "write one JSON object a line, with an id and a score"
        )
    return file


def _lines(source: Any) -> Iterator[bytes]:
    first = True
    while line := source.readline(MAX_LINE_BYTES + 1):
        yield line.removeprefix(b"\xef\xbb\xbf") if first else line
        first = False
        while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = source.readline(MAX_LINE_BYTES + 1)


def _row(file: _File, line: bytes, number: int) -> None:
    where = f"{file.where}:{number}"
    value = _object(line)
    if isinstance(value, str):
        return file.wrong(where, value, "write one JSON object on each line")
    if value.get("id") is None:
        return file.wrong(f"{where} id", "the row has no id", ID_REMEDY)
    name = _plain(value["id"])
    if name is None or isinstance(value["id"], bool | float) or name == "":
        return file.wrong(f"{where} id", "must be text without NUL, or a whole number", ID_REMEDY)
    if name in file.rows:
        said = f"{_cut(name)!r} is already in line {file.rows[name][0]}"
        return file.wrong(f"{where} id", said, "give each row its own id")
    file.rows[name] = (number, value)
    return None


def _object(line: bytes) -> dict[str, Any] | str:
    """Return the JSON object of a line, or what is wrong with the line."""
    if len(line) > MAX_LINE_BYTES:
        return f"longer than {MAX_LINE_BYTES} bytes"
    try:
        value = loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"not UTF-8: {error.reason} at byte {error.start + 1}"
    except JSONDecodeError as error:  # a row is one line: the decoder's line count would mislead
        return f"not valid JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
    except ValueError as error:
        return f"not valid JSON: {error}"
    return value if isinstance(value, dict) else "not a JSON object"


def _score_field(files: Sequence[_File]) -> str:
    """Return `score`, or the one field that is a score in the first row."""
    for file in files:
        for _, row in file.rows.values():
            names = _candidates(row)
            return names[0] if SCORE not in row and len(names) == 1 else SCORE
    return SCORE


def _candidates(row: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in row.items():
        if isinstance(value, dict) and not prefix:
            found += _candidates(value, f"{key}.")
        elif isinstance(value, bool | int | float) and not (key == "id" and not prefix):
            found.append(f"{prefix}{key}")
    return found


def _scores(file: _File, name: str) -> dict[str, bool | float]:
    found: dict[str, bool | float] = {}
    for row_id, (number, row) in file.rows.items():
        where = f"{file.where}:{number}"
        value = _at(row, name)
        if value is MISSING:
            others = ", ".join(map(_cut, _candidates(row)))
            remedy = f"--score can name: {others}" if others else "no field is a score"
            file.wrong(f"{where} {name}", "the row has no such field", remedy)
        elif not _is_score(value):
            file.wrong(
                f"{where} {name}",
                f"{_cut(repr(value))} is not a score",
                "a score is true, false or a number within 1e100",
            )
        else:
            found[row_id] = value
    return found


def _is_score(value: Any) -> bool:
    if not isinstance(value, bool | int | float):
        return False
    return -LARGEST <= value <= LARGEST  # False of NaN


def _at(row: Any, path: str) -> Any:
    """Return the value at a path; a key that contains dots itself comes first."""
    if not isinstance(row, dict):
        return MISSING
    if path in row:
        return row[path]
    for place, character in enumerate(path):
        if character == "." and path[:place] in row:
            return _at(row[path[:place]], path[place + 1 :])
    return MISSING


def _values(file: _File, path: str) -> dict[str, str]:
    """Return the group of each row; rows without the field are a group of their own."""
    found = {}
    for row_id, (number, row) in file.rows.items():
        value = _at(row, path)
        if value is MISSING or value is None:
            found[row_id] = NO_FIELD
            continue
        plain = _plain(value)
        if plain is None:
            file.wrong(
                f"{file.where}:{number} {path}",
                "is not a plain value",
                "slice by text, a number, true or false",
            )
        else:
            found[row_id] = plain
    return found


def _plain(value: Any) -> str | None:
    """Return a plain value as text; None if it is not a plain value, or contains NUL."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        try:
            text = str(value)
        except ValueError:  # a number of more than 4,300 digits
            return None
        return None if "\0" in text else text
    return None


def _require_same_ids(files: Sequence[_File]) -> None:
    for file, other in ((files[0], files[1]), (files[1], files[0])):
        missing = [name for name in file.rows if name not in other.rows]
        if missing:
            noun = "id is" if len(missing) == 1 else "ids are"
            named = ", ".join(repr(_cut(name)) for name in missing[:5])
            more = ", ..." if len(missing) > 5 else ""
            file.wrong(
                file.where,
                f"{len(missing)} {noun} not in {other.where}: {named}{more}",
                "compare two files about the same rows",
            )


def _require_same_values(
    files: Sequence[_File], path: str | None, values: Sequence[dict[str, str]]
) -> None:
    if path is None:
        return
    first, second = values
    for name, (number, _) in files[1].rows.items():
        if name in first and name in second and first[name] != second[name]:
            files[1].wrong(
                f"{files[1].where}:{number} {path}",
                f"row {_cut(name)!r} has another value than in {files[0].where}",
                "a row is in one group only",
            )


def _require_one_kind(
    files: Sequence[_File], name: str, scores: Sequence[dict[str, bool | float]]
) -> None:
    """Report where the kind of score first changes: true and false do not mix with numbers."""
    kind: bool | None = None
    for file, values in zip(files, scores, strict=True):
        for row_id, value in values.items():
            if kind is None:
                kind = isinstance(value, bool)
            elif isinstance(value, bool) != kind:
                return file.wrong(
                    f"{file.where}:{file.rows[row_id][0]} {name}",
                    "some scores are true or false, others are numbers",
                    "write all scores in one way, in both files",
                )
    return None


def _cut(text: str) -> str:
    """Return text short enough for a sentence."""
    return text if len(text) <= 60 else f"{text[:60]}..."
